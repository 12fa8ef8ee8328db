"""A change that may not happen: a branch where that is cheap, a choice where it is not."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.platforms import by_platform


def when(condition: Any, change: Callable[..., tuple], *state: Any) -> tuple:
    """``change(*state)`` where the condition holds, else the state as it is.

    For a CPU it is a branch, in which arrays change where they lie. On other devices a branch makes the host wait, so
    there both are computed and one is chosen, as JAX does everywhere under vmap.

    Args:
        condition: a 0-d bool.
        change: a pure function to a tuple of the same structure, shapes and dtypes.
        *state: arrays, or trees of them.

    Returns:
        A tuple like ``state``.

    Example:
        >>> count, total = when(jnp.bool_(True), lambda count, total: (count + 1, total * 2), jnp.int32(0), jnp.ones(2))
        >>> int(count), total.tolist()
        (1, [2.0, 2.0])
    """

    def branch(condition: Any, *state: Any) -> tuple:
        return jax.lax.cond(condition, change, lambda *same: same, *state)

    def choice(condition: Any, *state: Any) -> tuple:
        return jax.tree.map(lambda new, old: jnp.where(condition, new, old), change(*state), state)

    return by_platform(condition, *state, cpu=branch, default=choice)
