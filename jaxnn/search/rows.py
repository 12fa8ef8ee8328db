"""Nested subsets of the training rows: orders of which every beginning is a fair sample."""

import numpy as np

from jaxnn.data.source import Source


def nested(source: Source) -> tuple[np.ndarray, ...]:
    """The rows of each part in an order whose first *n* are a sample, drawn by the shuffle seed.

    Where targets are class labels, a sample of them holds each class in proportion: row *k* of the *m* of its class
    stands at ``(k + 1/2) / m``.

    Example:
        >>> from jaxnn.data.source import read
        >>> y = np.repeat([0, 1], [30, 10])
        >>> (order,) = nested(read((np.zeros((40, 1)), y)))
        >>> y[order[:8]].sum(), sorted(order) == list(range(40))
        (np.int64(2), True)
    """
    y = source.data.y
    labels = y if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype.kind in "iu" else None
    return tuple(_ordered(rows, labels, source.shuffle_seed) for rows in source.parts)


def _ordered(rows: np.ndarray, labels: np.ndarray | None, seed: int) -> np.ndarray:
    rows = rows[np.argsort(np.random.Philox(np.random.SeedSequence((seed, 2**31))).random_raw(len(rows)))]
    if labels is None:
        return rows
    place = np.empty(len(rows))
    for name in np.unique(labels[rows]):
        own = np.flatnonzero(labels[rows] == name)
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    return rows[np.argsort(place, kind="stable")]
