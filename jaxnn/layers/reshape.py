"""Layers that only change the shape."""

import math
from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.masks import none_here
from jaxnn.core.types import Key, Params, State


@spec
class Flatten:
    """Join all axes but the first into one: ``(batch, a, b, ...)`` becomes ``(batch, a * b * ...)``.

    Source: ``keras.layers.Flatten``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.Flatten().apply({}, {}, jnp.ones((2, 8, 8)))[0].shape
        (2, 64)
    """

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        none_here("Flatten", x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The reshaped input; an empty batch stays empty."""
        return none_here("Flatten", x).reshape(x.shape[0], math.prod(x.shape[1:])), state


@spec
class Reshape:
    """Give each row another shape, in the order of its entries: ``(batch, ...)`` becomes ``(batch, *shape)``.

    Args:
        shape: sizes without the batch axis; one of them may be -1, which takes what is left.

    Raises:
        ValueError: for sizes below 1, more than one -1, or rows of another number of entries.

    Source: ``keras.layers.Reshape``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.Reshape((8, 8, -1)).apply({}, {}, jnp.ones((2, 64)))[0].shape
        (2, 8, 8, 1)
    """

    shape: tuple[int, ...]

    def __post_init__(self):
        if not isinstance(self.shape, tuple) or self.shape.count(-1) > 1:
            raise ValueError(f"shape must be a tuple with at most one -1, got {self.shape!r}; write Reshape((8, 8, 1))")
        for size in self.shape:
            if size != -1:
                checks.size("a size of shape", size, "Reshape((8, 8, 1))")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        self._full(x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The reshaped input; an empty batch stays empty."""
        shape = self._full(x)
        return x.reshape(x.shape[0], *shape), state

    def _full(self, x: Any) -> tuple[int, ...]:
        entries, known = math.prod(none_here("Reshape", x).shape[1:]), math.prod(n for n in self.shape if n != -1)
        if entries % known or (entries != known and -1 not in self.shape):
            raise checks.SpecError(
                f"Reshape makes rows {self.shape} and got inputs {tuple(x.shape)} with {entries} entries a row; "
                "write Reshape((-1,)) to flatten them"
            )
        return tuple(entries // known if n == -1 else n for n in self.shape)
