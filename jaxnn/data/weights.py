"""Weights of rows: one for each, one for each step of a sequence, or of either kind for each output."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch


def check_weights(weight: Any, y: Any, what: str) -> None:
    """Raise unless every leaf is one weight a row, or one a step where the targets have steps, none of them negative.

    Args:
        weight: ``(rows,)`` or ``(rows, steps)``, or a tree of such by output.
        y: targets, an array or a tree of arrays by output.
        what: how messages call the data.

    Raises:
        ValueError: with the shape, for weights that are negative, or all 0.

    Example:
        >>> check_weights(jnp.ones(3), jnp.zeros(4), "the data")
        Traceback (most recent call last):
        ValueError: the weights of the data have shape (3,); write one per row, shape (4,)
    """
    rows = row_count(y)
    for leaf in jax.tree.leaves(weight):
        if leaf.shape[:1] != (rows,):
            raise ValueError(f"the weights of {what} have shape {leaf.shape}; write one per row, shape ({rows},)")
        if not isinstance(leaf, Tracer) and ((leaf < 0).any() or not (leaf > 0).any()):
            raise ValueError(
                f"the weights of {what} must be 0 or more and not all 0; write weights such as numpy.ones({rows})"
            )
    for own, targets in _pairs(weight, y):
        if own.shape != targets.shape[: own.ndim]:
            steps = "" if targets.ndim < 2 else f" or one per step, shape {targets.shape[:2]}"
            raise ValueError(f"the weights of {what} have shape {own.shape}; write one per row, shape ({rows},){steps}")


def _pairs(weight: Any, y: Any) -> Iterator[tuple[Any, Any]]:
    """The weights and targets that stand at one place of both trees."""
    if isinstance(y, Mapping) and isinstance(weight, Mapping):
        for name in weight.keys() & y.keys():
            yield from _pairs(weight[name], y[name])
    elif isinstance(y, (tuple, list)) and isinstance(weight, (tuple, list)):
        for own, targets in zip(weight, y, strict=False):
            yield from _pairs(own, targets)
    elif _is_array(weight) and _is_array(y):
        yield weight, y


def of_rows(weight: Any) -> Any:
    """One weight for each row: the mean over its steps, and over outputs; above 0 where the row counts anywhere.

    Example:
        >>> of_rows({"a": jnp.array([[1.0, 0.0], [0.0, 0.0]]), "b": jnp.array([1.0, 0.0])}).tolist()
        [0.75, 0.0]
    """
    each = [leaf.reshape(leaf.shape[0], -1).mean(1) for leaf in jax.tree.leaves(weight)]
    return each[0] if len(each) == 1 else sum(each) / len(each)


def padded(weight: Any, rows: Any) -> Any:
    """The weights, 0 in rows that are padding.

    Args:
        weight: leaves ``(batch, ...)``.
        rows: ``(batch,)`` bool, which rows are real.

    Example:
        >>> padded(jnp.array([2.0, 3.0]), jnp.array([True, False])).tolist()
        [2.0, 0.0]
    """
    return jax.tree.map(lambda w: jnp.where(_beside(rows, w), w, jnp.zeros_like(w)), weight)


def silenced(batch: Batch) -> Batch:
    """The batch with zeros for what is not finite where the weight is 0; all else stays as it is.

    A gradient of 0 times NaN would be NaN. A row's inputs count where any of its outputs and steps does.
    """
    rows = of_rows(batch.weight)
    x = jax.tree.map(lambda a: _zeros_for(a, rows > 0), batch.x)
    return batch._replace(x=x, y=_silenced_targets(batch.y, batch.weight, rows))


def _silenced_targets(y: Any, weight: Any, rows: Any) -> Any:
    """Each leaf by the weights at its place, or by those of whole rows where there are none."""
    if isinstance(y, Mapping) and isinstance(weight, Mapping):
        return {name: _silenced_targets(v, weight.get(name, rows), rows) for name, v in y.items()}
    if isinstance(y, tuple) and isinstance(weight, tuple) and len(y) == len(weight):
        return tuple(_silenced_targets(a, w, rows) for a, w in zip(y, weight, strict=True))
    steps: Any = weight if _is_array(weight) else rows

    def one(a: Any) -> Any:
        return _zeros_for(a, (steps if a.shape[: steps.ndim] == steps.shape else rows) > 0)

    return jax.tree.map(one, y)


def _zeros_for(a: Any, counts: Any) -> Any:
    return jnp.where(_beside(counts, a) | jnp.isfinite(a), a, jnp.zeros_like(a))


def _beside(flags: Any, a: Any) -> Any:
    """Flags ``(batch, ...)`` with axes of 1 behind them, to meet an array of more axes."""
    return flags.reshape(flags.shape + (1,) * (a.ndim - flags.ndim))


def _is_array(tree: Any) -> bool:
    return hasattr(tree, "shape")
