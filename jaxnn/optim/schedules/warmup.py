"""A linear warm-up, and then what the schedules of `decay` do."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float
from jaxnn.optim.schedules.decay import exponential, inverse_sqrt, linear
from jaxnn.optim.schedules.joined import join
from jaxnn.optim.schedules.parts import Schedule, half_wave, power, progress


def warmup_constant(init_value: Hyper, peak_value: Hyper, warmup_steps: Hyper) -> Schedule:
    """A linear warm-up, then the peak for ever.

    Args:
        init_value: at step 0.
        peak_value: from ``warmup_steps`` on.
        warmup_steps: the length of the warm-up in steps.

    Returns:
        A schedule. Every argument may be traced.

    Source: ``optax.warmup_constant_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.warmup_constant(0.0, 1.0, warmup_steps=4)(t)) for t in (0, 2, 4, 9)]
        [0.0, 0.5, 1.0, 1.0]
    """
    return linear(init_value, peak_value, warmup_steps)


def warmup_linear(
    init_value: Hyper, peak_value: Hyper, warmup_steps: Hyper, decay_steps: Hyper, end_value: Hyper = 0.0
) -> Schedule:
    """A linear warm-up, then a straight line down to the end.

    Args:
        init_value: at step 0.
        peak_value: at ``warmup_steps``.
        warmup_steps: the length of the warm-up in steps.
        decay_steps: the length of the whole in steps, warm-up included.
        end_value: from ``decay_steps`` on.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: if the whole is not longer than its warm-up.

    Source: Devlin et al., "BERT", 2019.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.warmup_linear(0.0, 1.0, 2, decay_steps=6)(t)) for t in (0, 1, 2, 4, 9)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    _longer("warmup_linear", warmup_steps, decay_steps)
    down = linear(peak_value, end_value, as_float(decay_steps) - as_float(warmup_steps))
    return join([linear(init_value, peak_value, warmup_steps), down], [warmup_steps])


def warmup_cosine(
    init_value: Hyper,
    peak_value: Hyper,
    warmup_steps: Hyper,
    decay_steps: Hyper,
    end_value: Hyper = 0.0,
    exponent: Hyper = 1.0,
) -> Schedule:
    """A linear warm-up, then half a wave down to the end.

    Args:
        init_value: at step 0.
        peak_value: at ``warmup_steps``; a peak of 0 stays 0.
        warmup_steps: the length of the warm-up in steps.
        decay_steps: the length of the whole in steps, warm-up included.
        end_value: from ``decay_steps`` on.
        exponent: bends the wave; 0 or more.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: if the whole is not longer than its warm-up, or for a negative exponent.

    Source: ``optax.warmup_cosine_decay_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> [round(float(nn.schedules.warmup_cosine(0.0, 1.0, 2, decay_steps=6)(t)), 3) for t in (0, 1, 2, 3, 6)]
        [0.0, 0.5, 1.0, 0.854, 0.0]
    """
    _longer("warmup_cosine", warmup_steps, decay_steps)
    checks.not_negative("exponent", exponent, "warmup_cosine(0.0, 0.1, 100, decay_steps=1000, exponent=1.0)")

    def down(count: Any) -> Any:
        peak, end = as_float(peak_value), as_float(end_value)
        length = as_float(decay_steps) - as_float(warmup_steps)
        value = (peak - end) * power(half_wave(progress(count, 0, length)), exponent) + end
        return jnp.where(peak == 0, peak, value)

    return join([linear(init_value, peak_value, warmup_steps), down], [warmup_steps])


def warmup_exponential(
    init_value: Hyper,
    peak_value: Hyper,
    warmup_steps: Hyper,
    transition_steps: Hyper,
    decay_rate: Hyper,
    transition_begin: Hyper = 0,
    staircase: Hyper = False,
    end_value: Hyper | None = None,
) -> Schedule:
    """A linear warm-up, then `exponential`, which counts from the end of the warm-up.

    Args:
        init_value: at step 0.
        peak_value: at ``warmup_steps``.
        warmup_steps: the length of the warm-up in steps.
        transition_steps: in how many steps the value is multiplied by ``decay_rate``.
        decay_rate: the factor.
        transition_begin: how many steps the peak lasts.
        staircase: whether it falls in jumps; may be traced too.
        end_value: the bound at which it stops, or None.

    Returns:
        A schedule. Every argument may be traced.

    Source: ``optax.warmup_exponential_decay_schedule``.

    Example:
        >>> import jaxnn as nn
        >>> schedule = nn.schedules.warmup_exponential(0.0, 1.0, 2, transition_steps=1, decay_rate=0.5)
        >>> [float(schedule(t)) for t in (0, 1, 2, 3, 4)]
        [0.0, 0.5, 1.0, 0.5, 0.25]
    """
    down = exponential(peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value)
    return join([linear(init_value, peak_value, warmup_steps), down], [warmup_steps])


def warmup_inverse_sqrt(
    init_value: Hyper, peak_value: Hyper, warmup_steps: Hyper, transition_steps: Hyper | None = None
) -> Schedule:
    """A linear warm-up, then `inverse_sqrt`, which counts from the end of the warm-up.

    Args:
        init_value: at step 0.
        peak_value: at ``warmup_steps``.
        warmup_steps: the length of the warm-up in steps, above 0.
        transition_steps: the time scale of the fall in steps; None takes ``warmup_steps``, so that the value is
            ``peak sqrt(warmup_steps / t)``.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a warm-up or time scale that is not above 0.

    Source: Vaswani et al., "Attention is all you need", 2017, section 5.3.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.warmup_inverse_sqrt(0.0, 1.0, warmup_steps=4)(t)) for t in (0, 2, 4, 16)]
        [0.0, 0.5, 1.0, 0.5]
    """
    checks.positive("warmup_steps", warmup_steps, "warmup_inverse_sqrt(0.0, 0.1, warmup_steps=100)")
    down = inverse_sqrt(peak_value, warmup_steps if transition_steps is None else transition_steps)
    return join([linear(init_value, peak_value, warmup_steps), down], [warmup_steps])


def _longer(name: str, warmup_steps: Any, decay_steps: Any) -> None:
    if checks.is_concrete(warmup_steps) and checks.is_concrete(decay_steps) and not decay_steps > warmup_steps:
        raise ValueError(
            f"decay_steps is the length of the whole and must be above warmup_steps = {warmup_steps}, got "
            f"{decay_steps}; write {name}(0.0, 0.1, warmup_steps=100, decay_steps=1000)"
        )
