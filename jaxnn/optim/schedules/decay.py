"""Schedules that stand still or fall: constant, polynomial, linear, exponential, inverse square root, cosine."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float
from jaxnn.optim.schedules.parts import Schedule, half_wave, power, progress


def constant(value: Hyper) -> Schedule:
    """One value at every step.

    Args:
        value: may be traced.

    Returns:
        A schedule.

    Source: ``optax.constant_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> float(nn.schedules.constant(0.5)(100))
        0.5
    """

    def schedule(count: Any) -> Any:
        return jnp.broadcast_to(as_float(value), jnp.shape(count))

    return schedule


def polynomial(
    init_value: Hyper, end_value: Hyper, power: Hyper, transition_steps: Hyper, transition_begin: Hyper = 0
) -> Schedule:
    """From one value to another: ``(init - end) (1 - (t - begin) / steps)^power + end``.

    Args:
        init_value: until ``transition_begin``.
        end_value: from ``transition_begin + transition_steps`` on.
        power: 0 or more; 1 is a straight line.
        transition_steps: the length in steps; with 0 or less the value stays at ``init_value``.
        transition_begin: the first step of the transition.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a negative power.

    Source: ``optax.polynomial_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> schedule = nn.schedules.polynomial(1.0, 0.0, power=2, transition_steps=4)
        >>> [float(schedule(t)) for t in (0, 2, 4, 9)]
        [1.0, 0.25, 0.0, 0.0]
    """
    checks.not_negative("power", power, "polynomial(0.1, 0.0, power=2, transition_steps=1000)")
    exponent = power
    return lambda count: _polynomial(count, init_value, end_value, exponent, transition_steps, transition_begin)


def linear(init_value: Hyper, end_value: Hyper, transition_steps: Hyper, transition_begin: Hyper = 0) -> Schedule:
    """A straight line from one value to another: ``init + (end - init) (t - begin) / steps``.

    Args:
        init_value: until ``transition_begin``.
        end_value: from ``transition_begin + transition_steps`` on.
        transition_steps: the length in steps; with 0 or less the value stays at ``init_value``.
        transition_begin: the first step of the transition.

    Returns:
        A schedule. Every argument may be traced.

    Source: ``optax.linear_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.linear(0.0, 1.0, transition_steps=4)(t)) for t in (0, 1, 4, 9)]
        [0.0, 0.25, 1.0, 1.0]
    """
    return lambda count: _polynomial(count, init_value, end_value, 1, transition_steps, transition_begin)


def _polynomial(count: Any, init_value: Any, end_value: Any, exponent: Any, steps: Any, begin: Any) -> Any:
    init, end = as_float(init_value), as_float(end_value)
    value = (init - end) * power(1 - progress(count, begin, steps), exponent) + end
    return jnp.where(as_float(steps) > 0, value, init)


def exponential(
    init_value: Hyper,
    transition_steps: Hyper,
    decay_rate: Hyper,
    transition_begin: Hyper = 0,
    staircase: Hyper = False,
    end_value: Hyper | None = None,
) -> Schedule:
    """A factor per stretch of steps: ``init decay_rate^((t - begin) / steps)``.

    Args:
        init_value: until ``transition_begin``.
        transition_steps: in how many steps the value is multiplied by ``decay_rate``; with 0 or less it stays.
        decay_rate: the factor; with 0 the value stays at ``init_value``.
        transition_begin: the first step of the transition.
        staircase: whether the exponent is rounded down, a jump every ``transition_steps``; may be traced too.
        end_value: the bound at which it stops, lower for a rate below 1, upper for others; None for no bound.

    Returns:
        A schedule. Every argument may be traced.

    Source: ``optax.exponential_decay``.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.exponential(1.0, 2, decay_rate=0.25)(t)) for t in (0, 1, 2)]
        [1.0, 0.5, 0.25]
    """

    def schedule(count: Any) -> Any:
        init, rate, steps = as_float(init_value), as_float(decay_rate), as_float(transition_steps)
        passed = jnp.maximum(as_float(count) - jnp.maximum(as_float(transition_begin), 0), 0)
        exponent = passed / jnp.where(steps > 0, steps, jnp.ones_like(steps))
        exponent = jnp.where(jnp.asarray(staircase, bool), jnp.floor(exponent), exponent)
        value = init * jnp.where(rate == 0, jnp.ones_like(rate), rate) ** exponent
        if end_value is not None:
            end = as_float(end_value)
            value = jnp.where(rate < 1, jnp.maximum(value, end), jnp.minimum(value, end))
        return jnp.where((steps > 0) & (rate != 0), value, init)

    return schedule


def inverse_sqrt(init_value: Hyper, transition_steps: Hyper, transition_begin: Hyper = 0) -> Schedule:
    """Fall with the root of the step, without an end: ``init sqrt(steps / (steps + t - begin))``.

    Args:
        init_value: until ``transition_begin``.
        transition_steps: the time scale in steps, above 0: after three times as many the value has halved.
        transition_begin: the first step of the fall.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a time scale that is not above 0.

    Source: Vaswani et al., "Attention is all you need", 2017, without its warm-up, which is in `warmup_inverse_sqrt`.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.inverse_sqrt(1.0, transition_steps=10)(t)) for t in (0, 30)]
        [1.0, 0.5]
    """
    checks.positive("transition_steps", transition_steps, "inverse_sqrt(0.1, transition_steps=100)")

    def schedule(count: Any) -> Any:
        scale = as_float(transition_steps)
        passed = jnp.maximum(as_float(count) - jnp.maximum(as_float(transition_begin), 0), 0)
        return as_float(init_value) * jnp.sqrt(scale / (scale + passed))

    return schedule


def cosine(init_value: Hyper, decay_steps: Hyper, alpha: Hyper = 0.0, exponent: Hyper = 1.0) -> Schedule:
    """Half a wave down: ``init ((1 - alpha) ((1 + cos(pi t / steps)) / 2)^exponent + alpha)``.

    Args:
        init_value: at step 0.
        decay_steps: the length in steps, above 0.
        alpha: the end as a share of ``init_value``.
        exponent: bends the wave; 0 or more.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a length that is not above 0 or a negative exponent.

    Source: ``optax.cosine_decay_schedule``; Loshchilov and Hutter, "SGDR", 2017.

    Example:
        >>> import jaxnn as nn
        >>> [round(float(nn.schedules.cosine(1.0, decay_steps=4)(t)), 3) for t in (0, 1, 2, 4, 9)]
        [1.0, 0.854, 0.5, 0.0, 0.0]
    """
    checks.positive("decay_steps", decay_steps, "cosine(0.1, decay_steps=1000)")
    checks.not_negative("exponent", exponent, "cosine(0.1, decay_steps=1000, exponent=1.0)")

    def schedule(count: Any) -> Any:
        share = as_float(alpha)
        return as_float(init_value) * (
            (1 - share) * power(half_wave(progress(count, 0, decay_steps)), exponent) + share
        )

    return schedule
