"""Logits that are not multiplied out: of a large vocabulary they would be the largest array of a training."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax

from jaxnn.core.chunks import joined, strided


@partial(jax.tree_util.register_dataclass, data_fields=["rows", "kernel"], meta_fields=["parts", "compute"])
@dataclass(frozen=True)
class Logits:
    """``rows @ kernel``, of which a loss or a metric takes one part of the rows after the other.

    Args:
        rows: ``(batch, ..., width)``.
        kernel: ``(width, classes)``.
        parts: in how many parts the rows are taken.
        compute: dtype of the product.

    Example:
        >>> import jax.numpy as jnp
        >>> logits = Logits(jnp.ones((4, 3)), jnp.ones((3, 5)), 2, "float32")
        >>> logits.shape, logits.whole()[0, 0].item()
        ((4, 5), 3.0)
    """

    rows: Any
    kernel: Any
    parts: int
    compute: str

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the product."""
        return (*self.rows.shape[:-1], self.kernel.shape[-1])

    @property
    def ndim(self) -> int:
        """Its axes."""
        return self.rows.ndim

    @property
    def dtype(self) -> Any:
        """Its dtype."""
        return self.rows.dtype

    def whole(self) -> Any:
        """The product."""
        return (self.rows.astype(self.compute) @ self.kernel.astype(self.compute)).astype(self.dtype)


def on_rows(function: Callable, outputs: Any) -> Any:
    """``function`` of an array whose last axis it leaves alone; of logits that are not multiplied out, of their rows.

    Example:
        >>> import jax.numpy as jnp
        >>> on_rows(lambda a: a[:1], Logits(jnp.ones((4, 3)), jnp.ones((3, 5)), 2, "float32")).shape
        (1, 5)
    """
    return replace(outputs, rows=function(outputs.rows)) if isinstance(outputs, Logits) else function(outputs)


def judged_in_parts(function: Callable, outputs: Any, targets: Any) -> Any:
    """What a loss or a metric ``(outputs, targets) -> (batch, ...)`` gives, of logits in their parts.

    Each part is multiplied out, judged, and forgotten; the backward pass multiplies it out again.

    Example:
        >>> import jax.numpy as jnp
        >>> logits = Logits(jnp.ones((3, 2)), jnp.ones((2, 5)), 2, "float32")
        >>> judged_in_parts(lambda outputs, y: outputs[:, 0] - y, logits, jnp.arange(3.0)).tolist()
        [2.0, 1.0, 0.0]
    """
    if not isinstance(outputs, Logits):
        return function(outputs, targets)
    count = outputs.shape[0]
    parts = min(outputs.parts, count)

    def one(given: tuple) -> Any:
        rows, y = given
        return function(replace(outputs, rows=rows).whole(), y)

    cut = jax.tree.map(lambda a: strided(a, parts), (outputs.rows, targets))
    return joined(jax.lax.map(jax.checkpoint(one, prevent_cse=False), cut), count)
