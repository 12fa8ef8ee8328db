"""Means and scales over more rows than memory holds: learned batch by batch."""

from typing import Any

import jax
import numpy as np

from jaxnn.data import scaling
from jaxnn.data.split import Standardiser


class Moments:
    """What `jaxnn.data.standardise` learns of rows, learned in one pass over batches of them.

    Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979.

    Example:
        >>> moments = Moments()
        >>> for rows in ([[0.0], [1.0]], [[5.0]]):
        ...     moments.see(np.array(rows), np.ones(len(rows)))
        >>> moments.standardiser.mean.tolist()
        [2.0]
    """

    def __init__(self):
        self.means: Any = None
        self.rest: Any = None

    def see(self, x: Any, weight: Any) -> None:
        """Learn from some rows, ``(rows, ...)`` or a tree of such; rows of weight 0 are left out."""
        if not np.any(np.asarray(weight) > 0):
            return
        fitted = scaling.fit(x, weight, _moments) if scaling.is_tree(x) else _moments(x, weight)
        if self.means is None:
            self.means, self.rest = fitted
            return
        pairs = jax.tree.map(_joined, self.means, self.rest, *fitted)
        self.means, self.rest = (
            jax.tree.map(lambda pair, k=k: pair[k], pairs, is_leaf=lambda v: isinstance(v, tuple)) for k in (0, 1)
        )

    @property
    def standardiser(self) -> Standardiser:
        """What scales rows as all those that were seen."""
        if self.means is None:
            raise ValueError("no row of the stream has a weight above 0; write other weights")
        found = jax.tree.map(_finished, self.means, self.rest)
        return Standardiser(
            *(jax.tree.map(lambda p, k=k: p[k], found, is_leaf=lambda v: isinstance(v, tuple)) for k in (0, 1))
        )


def _moments(x: Any, weight: Any) -> tuple[np.ndarray, np.ndarray]:
    """The mean, and stacked the weight, the squares about it, the least and the largest value."""
    rows = np.asarray(x, np.float64)
    weights = np.ones(len(rows)) if weight is None else np.asarray(weight, np.float64)
    rows, weights = rows[weights > 0], weights[weights > 0]
    if not len(rows):
        return np.zeros(rows.shape[1:]), np.stack(
            [np.zeros(rows.shape[1:])] * 2 + [np.full(rows.shape[1:], v) for v in (np.inf, -np.inf)]
        )
    mean = np.average(rows, axis=0, weights=weights)
    squares = np.tensordot(weights, (rows - mean) ** 2, 1)
    total = np.full(mean.shape, weights.sum())
    return mean, np.stack([total, squares, rows.min(0), rows.max(0)])


def _joined(mean: Any, rest: Any, other: Any, more: Any) -> tuple[np.ndarray, np.ndarray]:
    total = rest[0] + more[0]
    share = np.divide(more[0], total, out=np.zeros_like(total), where=total > 0)
    off = other - mean
    squares = rest[1] + more[1] + off**2 * rest[0] * share
    return mean + off * share, np.stack([total, squares, np.minimum(rest[2], more[2]), np.maximum(rest[3], more[3])])


def _finished(mean: Any, rest: Any) -> tuple[np.ndarray, np.ndarray]:
    constant = rest[2] == rest[3]
    scale = np.sqrt(rest[1] / np.maximum(rest[0], np.finfo(float).tiny))
    return np.where(constant, rest[2], mean), np.where(constant | (scale == 0), 1.0, scale)
