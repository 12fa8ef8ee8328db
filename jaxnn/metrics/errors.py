"""Errors of values: absolute, squared, and their like."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.core.registry import metric
from jaxnn.losses.reading import values
from jaxnn.losses.shapes import fit_shapes, per_row

EPSILON = float(np.finfo(np.float64).eps)


def pair(outputs: Any, targets: Any, task: str | None = None) -> tuple[Any, Any]:
    """Predicted values and targets, of one shape, whatever the loss.

    Example:
        >>> [float(v[0]) for v in pair(jnp.zeros((1, 1)), jnp.array([3.0]), "counts")]
        [1.0, 3.0]
    """
    return fit_shapes(values(outputs, task), targets)


@metric(rises=False, by_task=True)
def mean_absolute_error(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The mean of ``|q - y|`` over rows and outputs.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Source: ``sklearn.metrics.mean_absolute_error``.

    Example:
        >>> mean_absolute_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [3.0]
    """
    outputs, targets = pair(outputs, targets, task)
    return per_row(jnp.abs(outputs - targets))


@metric(rises=False, by_task=True)
def mean_squared_error(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The mean of ``(q - y)^2`` over rows and outputs.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Source: ``sklearn.metrics.mean_squared_error``.

    Example:
        >>> mean_squared_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [9.0]
    """
    outputs, targets = pair(outputs, targets, task)
    return per_row((outputs - targets) ** 2)


@metric(rises=False, by_task=True, finish=lambda mean: jnp.sqrt(mean).mean())
def root_mean_squared_error(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The root of the mean of ``(q - y)^2`` over rows, the mean over outputs.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Source: ``sklearn.metrics.root_mean_squared_error``.

    Example:
        >>> float(root_mean_squared_error.score(jnp.array([3.0, 0.0]), jnp.array([0.0, 3.0])))
        3.0
    """
    outputs, targets = pair(outputs, targets, task)
    return (outputs - targets) ** 2


@metric(rises=False, by_task=True)
def mean_absolute_percentage_error(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The mean of ``|q - y| / |y|`` over rows and outputs, as a share: 0.1 is ten percent.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``; a target of 0 counts as 2.2e-16.
        task: that of the loss, by which outputs are read.

    Source: ``sklearn.metrics.mean_absolute_percentage_error``.

    Example:
        >>> round(float(mean_absolute_percentage_error(jnp.array([[4.0]]), jnp.array([5.0]))[0]), 4)
        0.2
    """
    outputs, targets = pair(outputs, targets, task)
    return per_row(jnp.abs(outputs - targets) / jnp.maximum(jnp.abs(targets), jnp.asarray(EPSILON, targets.dtype)))


@metric(rises=False, by_task=True)
def mean_squared_log_error(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The mean of ``(log(1 + q) - log(1 + y))^2`` over rows and outputs; NaN where one is below -1.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Source: ``sklearn.metrics.mean_squared_log_error``.

    Example:
        >>> mean_squared_log_error(jnp.array([[0.0]]), jnp.array([0.0])).tolist()
        [0.0]
    """
    outputs, targets = pair(outputs, targets, task)
    return per_row((jnp.log1p(outputs) - jnp.log1p(targets)) ** 2)


def _median(rows: Any, weight: Any) -> Any:
    order = jnp.argsort(rows, 0)
    rows = jnp.take_along_axis(rows, order, 0)
    counted = jnp.cumsum(jnp.take_along_axis(jnp.broadcast_to(_column(weight, rows), rows.shape), order, 0), 0)
    half = counted[-1:] / 2
    first, next_one = ((counted < half).sum(0), (counted <= half).sum(0))
    last = jnp.minimum(next_one, rows.shape[0] - 1)
    lower, upper = (jnp.take_along_axis(rows, i[None], 0)[0] for i in (first, last))
    return ((lower + upper) / 2).mean()


def _column(weight: Any, like: Any) -> Any:
    return weight.reshape(-1, *(1,) * (like.ndim - 1))


@metric(rises=False, by_task=True, over="rows", finish=_median)
def median_absolute_error(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The median of ``|q - y|`` over rows, the mean over outputs; it needs all rows at once.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Source: ``sklearn.metrics.median_absolute_error``.

    Example:
        >>> float(median_absolute_error.score(jnp.array([1.0, 2.0, 100.0]), jnp.zeros(3)))
        2.0
    """
    outputs, targets = pair(outputs, targets, task)
    return jnp.abs(outputs - targets)
