"""Numbers of an optimizer, traced or not, and learning rates that may be schedules."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def as_float(value: Any) -> jax.Array:
    """A number as an array of the default floating dtype, never weakly typed, so that a scan may carry it.

    Example:
        >>> as_float(3).dtype.name
        'float32'
    """
    return jnp.asarray(value, jnp.zeros(()).dtype)


def at(learning_rate: Any, count: Any) -> jax.Array:
    """The learning rate of step ``count``, whether it is a number or a schedule.

    Example:
        >>> float(at(0.5, 3)), float(at(lambda count: 0.5 * count, 3))
        (0.5, 1.5)
    """
    return as_float(learning_rate(count) if callable(learning_rate) else learning_rate)


def one_more(count: jax.Array) -> jax.Array:
    """The next step, an int32 that stays at its largest value.

    Example:
        >>> int(one_more(jnp.int32(0)))
        1
    """
    return optax.safe_increment(count)
