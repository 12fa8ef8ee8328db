"""Steps one after the other: all of a block, or as many of them as there are."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.tree import is_floating


def through(body: Callable, carry: Any, xs: Any, limit: Any = None) -> tuple[Any, Any]:
    """`jax.lax.scan`, or its first steps.

    Args:
        body: ``(carry, x) -> (carry, y)``.
        carry: where it begins.
        xs: leaves ``(steps, ...)``.
        limit: how many of the steps to take, int32, which may be traced; None for all. No gradient passes then.

    Returns:
        The last carry, and the stacked ``y``; zeros for steps that were not taken.

    Example:
        >>> total, seen = through(lambda c, x: (c + x, c), jnp.int32(0), jnp.arange(4, dtype=jnp.int32), jnp.int32(3))
        >>> int(total), seen.tolist()
        (3, [0, 0, 1, 0])
    """
    if limit is None:
        return jax.lax.scan(body, carry, xs)
    at = lambda i: jax.tree.map(lambda a: jax.lax.dynamic_index_in_dim(a, i, keepdims=False), xs)  # noqa: E731
    steps = jax.tree.leaves(xs)[0].shape[0]
    shapes = jax.eval_shape(lambda c: body(c, at(jnp.int32(0)))[1], carry)
    ys = jax.tree.map(lambda a: jnp.zeros((steps, *a.shape), a.dtype), shapes)

    def one(state: tuple) -> tuple:
        i, carry, ys = state
        carry, y = body(carry, at(i))
        ys = jax.tree.map(lambda all, own: jax.lax.dynamic_update_index_in_dim(all, own, i, 0), ys, y)
        return i + 1, carry, ys

    _, carry, ys = jax.lax.while_loop(lambda state: state[0] < limit, one, (jnp.int32(0), carry, ys))
    return carry, ys


def of_its_own(x: Any, step: Any) -> Any:
    """Rows that are a member's own, by a condition that always holds.

    Members side by side on a GPU share their rows, and a product of shared rows with kernels of each is made over all
    members at once, for which XLA transposes every kernel. With rows of its own each has its own product.
    """
    return jax.tree.map(
        lambda a: jnp.where(step >= 0, a, jnp.zeros_like(a)) if is_floating(a) and a.ndim == 2 else a, x
    )
