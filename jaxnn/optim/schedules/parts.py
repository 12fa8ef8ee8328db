"""What schedules are made of: progress through a stretch of steps, and powers with finite slopes."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxnn.optim.rates import as_float

Schedule: TypeAlias = Callable[[Any], jax.Array]
"""A function from a step count, a number or an array of them, to the value there."""


def progress(count: Any, begin: Any, steps: Any) -> jax.Array:
    """How much of the stretch from ``begin`` over ``steps`` lies behind ``count``, in [0, 1].

    Example:
        >>> [float(progress(count, 10, 4)) for count in (0, 11, 99)]
        [0.0, 0.25, 1.0]
    """
    steps = as_float(steps)
    passed = jnp.clip(as_float(count) - jnp.maximum(as_float(begin), 0), 0, steps)
    return passed / jnp.where(steps > 0, steps, jnp.ones_like(steps))


def power(base: jax.Array, exponent: Any) -> jax.Array:
    """``base ** exponent`` for a base in [0, 1] and an exponent of at least 0, with a finite slope at 0.

    Example:
        >>> float(power(jnp.float32(0.25), 0.5)), float(power(jnp.float32(0.0), 0.5)), float(power(jnp.float32(0.0), 0))
        (0.5, 0.0, 1.0)
    """
    exponent = as_float(exponent)
    raised = jnp.where(base > 0, base, jnp.ones_like(base)) ** exponent
    return jnp.where(base > 0, raised, (exponent == 0).astype(base.dtype))


def whole(number: jax.Array) -> jax.Array:
    """The whole steps in a product such as ``0.3 * 100``, to which a rounding error may not do harm.

    Example:
        >>> float(whole(as_float(0.29) * 100))
        29.0
    """
    return jnp.floor(number * (1 + float(jnp.finfo(number.dtype).eps)))


def between(start: Any, end: Any, share: Any) -> jax.Array:
    """The point that lies ``share`` of the way from ``start`` to ``end``."""
    return start + (end - start) * share


def half_wave(share: jax.Array) -> jax.Array:
    """``(1 + cos(pi share)) / 2``, from 1 down to 0."""
    return 0.5 * (1 + jnp.cos(jnp.pi * share))
