"""Weighted sums over rows, of the loss and all metrics at once, and the means they come to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn import metrics
from jaxnn.core.types import Batch
from jaxnn.data.mixup import Mixed
from jaxnn.train.trial import Trial


@partial(jax.tree_util.register_dataclass, data_fields=["values", "weight"], meta_fields=["shapes"])
@dataclass(frozen=True)
class Sums:
    """Sums over rows, each row times its weight: one vector, so that a step writes one array and not one a metric.

    Args:
        values: ``(..., numbers)``, the numbers of the loss first, then those of each metric.
        weight: ``(...)``, the sum of the weights.
        shapes: the name and the shape of each, in order.

    Example:
        >>> sums = Sums.of({"loss": jnp.array([1.0, 5.0])}, jnp.array([3.0, 1.0]))
        >>> sums.values.tolist(), float(sums.weight)
        ([8.0], 4.0)
    """

    values: Any
    weight: Any
    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def of(cls, rows: dict[str, Any], weight: Any) -> "Sums":
        """The sums of values per row, each ``(batch, ...)``; a row of weight 0 may even be NaN."""
        dtype = max((v.dtype for v in rows.values()), key=lambda d: d.itemsize)
        flat = jnp.concatenate([v.astype(dtype).reshape(v.shape[0], -1) for v in rows.values()], 1)
        column = weight.astype(dtype)[:, None]
        total = (column * jnp.where(column > 0, flat, jnp.zeros_like(flat))).sum(0)
        return cls(total, weight.sum(), tuple((name, v.shape[1:]) for name, v in rows.items()))

    @property
    def loss(self) -> Any:
        """The sums of the loss."""
        return self.values[..., 0]

    def total(self) -> "Sums":
        """Over the first axis."""
        return Sums(self.values.sum(0), self.weight.sum(0), self.shapes)

    def means(self, trial: Trial) -> dict[str, Any]:
        """The values of loss and metrics by name; NaN where no row has a weight."""
        functions: dict[str, Callable] = {"loss": trial.loss_function, **trial.metric_functions}
        mean, found, first = self.values / self.weight.astype(self.values.dtype), {}, 0
        for name, shape in self.shapes:
            size = math.prod(shape)
            found[name] = metrics.finish(functions[name], mean[first : first + size].reshape(shape))
            first += size
        return found


def per_row(trial: Trial, outputs: Any, batch: Batch, loss: Any = None) -> dict[str, Any]:
    """The loss and every metric for every row, ``(batch, ...)``."""
    loss = judged(trial.loss_function, outputs, batch.y) if loss is None else loss
    return {"loss": loss, **{name: judged(f, outputs, batch.y) for name, f in trial.metric_functions.items()}}


def judged(function: Callable, outputs: Any, y: Any) -> Any:
    """What a loss or metric says of outputs, row by row; targets that are blends of two are judged by both."""
    return y.judge(function, outputs) if isinstance(y, Mixed) else function(outputs, y)
