"""Numbers of an optimizer, traced or not, and learning rates that may be schedules."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core import checks
from jaxnn.core.types import Hyper


def as_float(value: Any) -> jax.Array:
    """A number as an array of the default floating dtype, never weakly typed, so that a scan may carry it.

    Example:
        >>> as_float(3).dtype.name
        'float32'
    """
    return jnp.asarray(value, jnp.zeros(()).dtype)


def strength(what: str, value: Hyper, call: str) -> None:
    """Raise for a strength that is a function or, where it is concrete, below zero."""
    if callable(value):
        raise ValueError(
            f"{what} must be a number, got {value!r}; write {call}, under optax.inject_hyperparams to vary"
        )
    checks.not_negative(what, float(value.min(initial=0)) if isinstance(value, np.ndarray) else value, call)


def beside(value: Any, leaf: Any) -> jax.Array:
    """A strength as it multiplies a leaf, in its dtype: one number for all of it, or of its shape.

    Example:
        >>> beside(2, jnp.ones((2, 3))).shape, beside(jnp.ones((2, 1)), jnp.ones((2, 3))).shape
        ((), (2, 3))
    """
    value = jnp.asarray(value, leaf.dtype)
    return jnp.broadcast_to(value, leaf.shape) if value.ndim else value


def step_size(learning_rate: Any, count: Any, scale: Any = 1.0) -> jax.Array:
    """The step size of step ``count``: a number or a schedule, times what a `plateau` has made of it.

    Example:
        >>> float(step_size(0.5, 3, 0.1)), float(step_size(lambda count: 0.5 * count, 3))
        (0.05..., 1.5)
    """
    rate = learning_rate(count) if callable(learning_rate) else learning_rate
    return as_float(rate) * as_float(scale)


def wide(dtype: Any) -> Any:
    """The dtype for running averages of an array: its own, but at least float32.

    Example:
        >>> wide(jnp.dtype("bfloat16")).name, wide(jnp.dtype("float64")).name
        ('float32', 'float64')
    """
    return jnp.dtype(dtype if jnp.finfo(dtype).bits > 32 else jnp.float32)
