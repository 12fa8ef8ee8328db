"""What rows come to over a whole set: weighted means, or means and variances, exact whatever the batches are.

A row of weight 0 is left out and may even hold NaN.
"""

from typing import Any

import jax.numpy as jnp


def means(rows: Any, weight: Any) -> Any:
    """The weighted mean over the first axis.

    Args:
        rows: ``(n, ...)``.
        weight: ``(n,)``, 0 or more.

    Example:
        >>> means(jnp.array([1.0, 5.0]), jnp.array([3.0, 1.0])).tolist()
        2.0
    """
    return sums(rows, weight) / weight.astype(rows.dtype).sum()


def sums(rows: Any, weight: Any) -> Any:
    """The weighted sum over the first axis."""
    column = _column(rows, weight)
    return (column * jnp.where(column > 0, rows, jnp.zeros_like(rows))).sum(0)


def moments(rows: Any, weight: Any, variances: Any = None) -> tuple[Any, Any]:
    """The weighted mean and variance over the first axis, by differences to one of the rows, so that no digit is lost.

    Equal rows have exactly their mean, and the variance 0.

    Args:
        rows: ``(n, ...)``, or the means of parts.
        weight: ``(n,)``, those of the rows or of the parts.
        variances: ``(n, ...)``, those inside the parts; None where rows are rows.

    Source: Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983.

    Example:
        >>> mean, variance = moments(jnp.array([10001.0, 10003.0]), jnp.ones(2))
        >>> float(mean), float(variance)
        (10002.0, 1.0)
    """
    column = _column(rows, weight)
    near = rows[jnp.argmax(weight)][None]  # a row that counts
    total = column.sum(0)
    total = jnp.where(total > 0, total, jnp.ones_like(total))
    off = jnp.where(column > 0, rows - near, jnp.zeros_like(rows))
    shift = (column * off).sum(0)[None] / total[None]
    square = (off - shift) ** 2 + (jnp.zeros_like(rows) if variances is None else variances)
    inside = (column * jnp.where(column > 0, square, jnp.zeros_like(rows))).sum(0)
    return (near + shift)[0], inside / total


def _column(rows: Any, weight: Any) -> Any:
    return weight.astype(rows.dtype).reshape(-1, *(1,) * (rows.ndim - 1))
