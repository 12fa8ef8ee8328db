"""Accumulation: the gradient of a batch as the sum of those of micro-batches, one after the other in less memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch, Key, Params, State


def micro_rows(batch_size: int, micro: int | None, rows: int) -> int:
    """The rows of a step that micro-batches divide; a step of all rows is filled up with padding.

    Raises:
        ValueError: if they do not divide a step of some of the rows.

    Example:
        >>> micro_rows(32, 8, 100), micro_rows(100, 32, 100), micro_rows(32, None, 100)
        (32, 128, 32)
    """
    if micro is None or batch_size % micro == 0:
        return batch_size
    if batch_size < rows and micro < batch_size:
        nearest = max(n for n in range(1, micro + 1) if batch_size % n == 0)
        raise ValueError(
            f"micro={micro} does not divide the {batch_size} rows of a step; write micro={nearest}, or "
            f"batch_size={-(-batch_size // micro) * micro}"
        )
    return batch_size if micro > batch_size else -(-batch_size // micro) * micro


def pieced(tree: Any, pieces: int, axis: int = 0) -> Any:
    """Rows as micro-batches, on a new axis before theirs.

    Each takes every so many-th row: rows that are split over devices stay where they lie, and padding is dealt evenly.

    Example:
        >>> pieced(jnp.arange(6), 2).tolist()
        [[0, 2, 4], [1, 3, 5]]
    """

    def one(a: Any) -> Any:
        split = a.reshape(*a.shape[:axis], -1, pieces, *a.shape[axis + 1 :])
        return split.swapaxes(axis, axis + 1)

    return jax.tree.map(one, tree)


def accumulated(
    objective: Callable, gather: Callable, params: Params, model_state: State, parts: Batch, key: Key | None,
    hold: Callable,
) -> tuple[tuple[Any, State, Any], Params]:  # fmt: skip
    """What `jax.value_and_grad` of the sum over micro-batches gives, with the memory of one.

    Args:
        objective: ``(params, model_state, batch, key) -> (value, (losses, seen, model_state))``, the share of a
            micro-batch in the loss of the whole.
        gather: ``(seen, losses) -> sums``.
        parts: micro-batches, leaves ``(pieces, rows, ...)``, from `pieced`.
        key: of the step; micro-batch *i* draws from it and *i*.
        hold: gradients as they are to lie.

    Returns:
        ``(value, model_state, sums), gradient``; each micro-batch goes on from the model state that the one before it
        left, and ``sums`` are stacked.
    """
    gradient = jax.value_and_grad(objective, has_aux=True)

    def piece(carry: tuple, given: tuple[Any, Batch]) -> tuple[tuple, Any]:
        value, model_state, grads = carry
        (more, (losses, seen, model_state)), grad = gradient(params, model_state, given[1], of_piece(key, given[0]))
        return (value + more, model_state, hold(jax.tree.map(jnp.add, grads, grad))), gather(seen, losses)

    first = jax.tree.map(lambda a: a[0], parts)
    (value, _), grads = jax.eval_shape(gradient, params, model_state, first, of_piece(key, 0))
    nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), (value, grads))
    carry = nothing[0], model_state, hold(nothing[1])
    (value, model_state, grads), sums = jax.lax.scan(piece, carry, (jnp.arange(row_count(parts)), parts))
    return (value, model_state, sums), grads


def value_of_all(objective: Callable, params: Params, model_state: State, parts: Batch, key: Key | None) -> Any:
    """The sum of the objective over micro-batches, whose gradient computes each anew on its way back."""

    @jax.checkpoint
    def piece(params: Params, i: Any, part: Batch) -> Any:
        return objective(params, model_state, part, of_piece(key, i))[0]

    return jax.lax.map(lambda given: piece(params, *given), (jnp.arange(row_count(parts)), parts)).sum()


def of_piece(key: Key | None, i: Any) -> Key | None:
    """The key of a micro-batch."""
    return None if key is None else jax.random.fold_in(key, i)


def real_in_all(looked_at: Callable, parts: Batch, key: Key | None) -> list[Any]:
    """For each head how many rows are there in all micro-batches, or None where the batch tells."""

    def count(given: tuple[Any, Batch]) -> list[Any]:
        seen = looked_at(given[1], of_piece(key, given[0]))
        return [None if s.real is None else s.real.sum(dtype=jnp.int32) for s in seen]

    counts = jax.lax.map(count, (jnp.arange(row_count(parts)), parts))
    return [None if n is None else jnp.maximum(n.sum(), 1) for n in counts]
