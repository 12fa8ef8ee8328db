"""Jumps at given steps, and glides between them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float
from jaxnn.optim.schedules.parts import Schedule, between, half_wave

Jumps: TypeAlias = Mapping[Any, Hyper] | tuple[Any, Any] | None
"""``{step: factor}``, or a pair of the steps and the factors where the steps are traced too."""


def piecewise(init_value: Hyper, boundaries_and_scales: Jumps = None) -> Schedule:
    """Jumps: ``init`` times all factors whose step has come.

    Args:
        init_value: before the first jump.
        boundaries_and_scales: ``{step: factor}``, or a pair ``(steps, factors)`` of sequences or arrays of which
            each number may be traced; factors are 0 or more.

    Returns:
        A schedule. Every number may be traced.

    Raises:
        ValueError: for a negative factor, or steps and factors of different lengths.

    Source: ``optax.piecewise_constant_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.piecewise(1.0, {10: 0.5, 20: 0.5})(t)) for t in (9, 10, 20)]
        [1.0, 0.5, 0.25]
    """
    steps, factors = _split("piecewise", boundaries_and_scales)

    def schedule(count: Any) -> Any:
        value = jnp.broadcast_to(as_float(init_value), jnp.shape(count))
        for step, factor in zip(steps, factors, strict=True):
            value = value * jnp.where(as_float(count) < as_float(step), jnp.ones_like(value), as_float(factor))
        return value

    return schedule


def piecewise_interpolate(interpolate_type: str, init_value: Hyper, boundaries_and_scales: Jumps = None) -> Schedule:
    """Glides: at each step the value of `piecewise`, and between two of them a line or half a wave.

    Args:
        interpolate_type: ``"linear"`` or ``"cosine"``.
        init_value: at step 0.
        boundaries_and_scales: as in `piecewise`.

    Returns:
        A schedule. Every number may be traced.

    Raises:
        ValueError: for another type, a negative factor, or steps and factors of different lengths.

    Source: ``optax.piecewise_interpolate_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.piecewise_interpolate("linear", 1.0, {4: 0.5, 8: 0.0})(t)) for t in (0, 2, 4, 6, 8)]
        [1.0, 0.75, 0.5, 0.25, 0.0]
    """
    if interpolate_type not in ("linear", "cosine"):
        raise ValueError(
            f'interpolate_type must be "linear" or "cosine", got {interpolate_type!r}; '
            'write piecewise_interpolate("cosine", 0.1, {100: 0.1})'
        )
    steps, factors = _split("piecewise_interpolate", boundaries_and_scales)

    def schedule(count: Any) -> Any:
        now = as_float(count)
        bounds, values = _in_order(as_float(init_value), steps, factors)
        value = jnp.broadcast_to(values[-1], jnp.shape(count))
        for k in reversed(range(len(steps))):
            length = bounds[k + 1] - bounds[k]
            share = jnp.clip((now - bounds[k]) / jnp.where(length > 0, length, jnp.ones_like(length)), 0, 1)
            share = share if interpolate_type == "linear" else 1 - half_wave(share)
            value = jnp.where(now < bounds[k + 1], between(values[k], values[k + 1], share), value)
        return value

    return schedule


def _split(name: str, jumps: Jumps) -> tuple[Sequence[Any], Sequence[Any]]:
    if jumps is None:
        return (), ()
    steps, factors = (list(jumps), list(jumps.values())) if isinstance(jumps, Mapping) else jumps
    if len(steps) != len(factors):
        raise ValueError(f"{name} got {len(steps)} steps and {len(factors)} factors; write {name}(0.1, ([100], [0.5]))")
    for factor in factors:
        checks.not_negative("a factor", factor, f"{name}(0.1, {{100: 0.5}})")
    return steps, factors


def _in_order(init: jax.Array, steps: Sequence[Any], factors: Sequence[Any]) -> tuple[jax.Array, jax.Array]:
    """Steps in rising order with 0 before them, and the value at each, ``(jumps + 1,)``."""
    if len(steps) == 0:
        return jnp.zeros(1, init.dtype), init[None]
    bounds = jnp.stack([as_float(step) for step in steps])
    scales = jnp.stack([as_float(factor) for factor in factors])
    order = jnp.argsort(bounds)
    bounds = jnp.concatenate([jnp.zeros(1, init.dtype), bounds[order]])
    return bounds, jnp.cumprod(jnp.concatenate([init[None], scales[order]]))
