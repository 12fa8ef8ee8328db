"""Epochs as arrays of batches: the order of the rows, and padding by rows of weight 0."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.weights import padded


def epoch_orders(shuffle_seed: int, first: int, count: int, rows: int, shuffle: bool = True) -> np.ndarray:
    """The order of the rows in ``count`` epochs from epoch ``first`` on, a pure function of its arguments.

    Every member of a grid sees the same order; sorting raw Philox words keeps it the same under every NumPy.
    It is made on the host, where a permutation costs a tenth of what it costs in a compiled CPU program.

    Args:
        shuffle_seed: a whole number, 0 or more.
        first, count: which epochs.
        rows: number of examples.
        shuffle: False keeps the rows in their own order.

    Returns:
        ``(count, rows)`` int32.

    Example:
        >>> epoch_orders(0, first=3, count=2, rows=4).tolist() == epoch_orders(0, 0, 5, 4)[3:].tolist()
        True
    """
    if not shuffle:
        return np.tile(np.arange(rows, dtype=np.int32), (count, 1))
    orders = np.empty((count, rows), np.int32)
    for i in range(count):
        words = np.random.Philox(np.random.SeedSequence((shuffle_seed, first + i))).random_raw(rows)
        orders[i] = np.argsort(words)
    return orders


def batched(data: Batch, order: Any, real: Any, batch_size: int) -> Batch:
    """One epoch as stacked batches, in one gather; the last batch is filled up with padding.

    Args:
        data: rows, leaves ``(rows, ...)``; a weight of None is 1 for each.
        order: ``(entries,)`` int, which rows, in order.
        real: how many of the entries are real, the first ones; may be traced.
        batch_size: rows of a batch.

    Returns:
        A `Batch` whose leaves are ``(steps, batch_size, ...)``; padding has weight 0 and ``rows`` False.

    Example:
        >>> data = Batch(jnp.arange(3.0), jnp.arange(3.0), jnp.ones(3))
        >>> epoch = batched(data, jnp.array([2, 0, 1]), 3, 2)
        >>> epoch.x.tolist(), epoch.rows.tolist()
        ([[2.0, 0.0], [1.0, 2.0]], [[True, True], [True, False]])
    """
    entries = order.shape[0]
    steps = -(-entries // batch_size)
    padding = steps * batch_size - entries
    index = jnp.concatenate([order, jnp.broadcast_to(order[:1], (padding,))]) if padding else order
    rows = jnp.arange(index.shape[0], dtype=jnp.int32) < real
    if data.weight is None:
        weight = rows.astype(jax.dtypes.canonicalize_dtype(float))
    else:
        weight = padded(jax.tree.map(lambda a: jnp.take(a, index, axis=0, mode="clip"), data.weight), rows)
    weight, rows = jax.tree.map(lambda a: a.reshape(steps, batch_size, *a.shape[1:]), (weight, rows))
    index = index.reshape(steps, batch_size)  # first: devices that share the rows of a step gather their own alone
    x, y = jax.tree.map(lambda a: jnp.take(a, index, axis=0, mode="clip"), (data.x, data.y))
    return data._replace(x=x, y=y, weight=weight, rows=rows)


def rows_of_a_step(batch_size: int | None, rows: int, shuffle: bool) -> tuple[int, bool]:
    """How many rows a step sees, and whether they are shuffled; None means all rows, in their own order.

    Example:
        >>> rows_of_a_step(32, 100, True), rows_of_a_step(32, 8, True), rows_of_a_step(None, 100, True)
        ((32, True), (8, True), (100, False))
    """
    return (rows, False) if batch_size is None else (min(batch_size, rows), shuffle)


def in_order(data: Batch, batch_size: int, rows: int | None = None) -> Batch:
    """All rows in their own order as stacked batches, for evaluation; padding as in `batched`.

    Args:
        data: rows, leaves ``(rows, ...)``; a weight of None is 1 for each.
        batch_size: rows of a batch at most.
        rows: as if there were so many, the last ones padding; None for as many as there are.

    Example:
        >>> in_order(Batch(jnp.ones((5, 2)), jnp.ones(5), jnp.ones(5)), 4).x.shape
        (2, 4, 2)
    """
    given = row_count(data.y)
    most = given if rows is None else rows
    batch_size = min(batch_size, most)
    total = most + -most % batch_size

    def stacked(a: Any) -> Any:
        np_or_jnp = np if isinstance(a, np.ndarray) else jnp  # on the host nothing is compiled for it
        missing = total - given
        filled = np_or_jnp.concatenate([a, np_or_jnp.zeros((missing, *a.shape[1:]), a.dtype)]) if missing else a
        return filled.reshape(-1, batch_size, *a.shape[1:])

    weight = np.ones(given, jax.dtypes.canonicalize_dtype(float)) if data.weight is None else data.weight
    return jax.tree.map(stacked, data._replace(weight=weight, rows=np.ones(given, bool)))
