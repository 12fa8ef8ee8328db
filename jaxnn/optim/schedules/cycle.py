"""Schedules that rise and fall once, or again and again."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float
from jaxnn.optim.schedules.joined import join
from jaxnn.optim.schedules.parts import Schedule, between, half_wave, whole
from jaxnn.optim.schedules.piecewise import piecewise_interpolate
from jaxnn.optim.schedules.warmup import warmup_cosine


def one_cycle(
    transition_steps: Hyper,
    peak_value: Hyper,
    pct_start: Hyper = 0.3,
    div_factor: Hyper = 25.0,
    final_div_factor: Hyper = 1e4,
) -> Schedule:
    """Half a wave up to the peak, then half a wave down, far below the start.

    Args:
        transition_steps: the length in steps, above 0.
        peak_value: the largest value, at ``pct_start transition_steps``, rounded down.
        pct_start: the share of the rise, in [0, 1].
        div_factor: the peak divided by the start.
        final_div_factor: the start divided by the end.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a length or divisor that is not above 0, or a share outside [0, 1].

    Source: ``optax.cosine_onecycle_schedule``; Smith and Topin, "Super-convergence", 2018.

    Example:
        >>> import jaxnn as nn
        >>> schedule = nn.schedules.one_cycle(10, peak_value=1.0, pct_start=0.4, div_factor=4.0)
        >>> [round(float(schedule(t)), 3) for t in (0, 2, 4, 7, 10)]
        [0.25, 0.625, 1.0, 0.5, 0.0]
    """
    _check_cycle("one_cycle", transition_steps, pct_start, div_factor, final_div_factor)
    length, down = as_float(transition_steps), as_float(div_factor)
    steps = (whole(as_float(pct_start) * length), jnp.floor(length))
    factors = (down, 1 / (down * as_float(final_div_factor)))
    return piecewise_interpolate("cosine", as_float(peak_value) / down, (steps, factors))


def linear_one_cycle(
    transition_steps: Hyper,
    peak_value: Hyper,
    pct_start: Hyper = 0.3,
    pct_final: Hyper = 0.85,
    div_factor: Hyper = 25.0,
    final_div_factor: Hyper = 1e4,
) -> Schedule:
    """A line up to the peak, a line back to the start, and a last line far below it.

    Args:
        transition_steps: the length in steps, above 0.
        peak_value: the largest value, at ``pct_start transition_steps``, rounded down.
        pct_start: the share of the rise, in [0, 1].
        pct_final: where the value is back at the start, in [0, 1].
        div_factor: the peak divided by the start.
        final_div_factor: the start divided by the end.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a length or divisor that is not above 0, or a share outside [0, 1].

    Source: ``optax.linear_onecycle_schedule``; Smith and Topin, "Super-convergence", 2018.

    Example:
        >>> import jaxnn as nn
        >>> schedule = nn.schedules.linear_one_cycle(10, 1.0, pct_start=0.4, pct_final=0.8, div_factor=4.0)
        >>> [round(float(schedule(t)), 3) for t in (0, 2, 4, 8, 10)]
        [0.25, 0.625, 1.0, 0.25, 0.0]
    """
    _check_cycle("linear_one_cycle", transition_steps, pct_start, div_factor, final_div_factor)
    checks.fraction("pct_final", pct_final, "linear_one_cycle(1000, 0.1, pct_final=0.85)")
    length, down = as_float(transition_steps), as_float(div_factor)
    steps = (whole(as_float(pct_start) * length), whole(as_float(pct_final) * length), length)
    factors = (down, 1 / down, 1 / as_float(final_div_factor))
    return piecewise_interpolate("linear", as_float(peak_value) / down, (steps, factors))


def cyclic(
    init_value: Hyper,
    peak_value: Hyper,
    transition_steps: Hyper,
    pct_start: Hyper = 0.5,
    decay_rate: Hyper = 1.0,
) -> Schedule:
    """Lines up and down, again and again, each cycle lower than the one before.

    Args:
        init_value: at the ends of every cycle.
        peak_value: at the top of the first.
        transition_steps: the length of a cycle in steps, above 0.
        pct_start: the share of the rise, in (0, 1).
        decay_rate: by how much the height over ``init_value`` is multiplied from cycle to cycle.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a length that is not above 0 or a share outside (0, 1).

    Source: Smith, "Cyclical learning rates", 2017; ``torch.optim.lr_scheduler.CyclicLR``, whose mode
        ``triangular2`` is a ``decay_rate`` of 0.5.

    Example:
        >>> import jaxnn as nn
        >>> [float(nn.schedules.cyclic(0.0, 1.0, 4, decay_rate=0.5)(t)) for t in range(9)]
        [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.0]
    """
    call = "cyclic(1e-4, 1e-2, transition_steps=1000, pct_start=0.5)"
    checks.positive("transition_steps", transition_steps, call)
    if checks.is_concrete(pct_start) and not 0 < pct_start < 1:
        raise ValueError(f"pct_start must lie in (0, 1), got {pct_start}; write {call}")

    def schedule(count: Any) -> Any:
        passed, length, share = jnp.maximum(as_float(count), 0), as_float(transition_steps), as_float(pct_start)
        cycle = jnp.floor(passed / length)
        here = jnp.clip((passed - cycle * length) / length, 0, 1)
        height = jnp.minimum(here / share, (1 - here) / (1 - share))
        init = as_float(init_value)
        return init + (as_float(peak_value) - init) * as_float(decay_rate) ** cycle * height

    return schedule


def cosine_restarts(
    init_value: Hyper, first_decay_steps: Hyper, t_mul: Hyper = 2.0, m_mul: Hyper = 1.0, alpha: Hyper = 0.0
) -> Schedule:
    """Half waves down that start again, each longer than the one before.

    Args:
        init_value: at step 0.
        first_decay_steps: the length of the first wave in steps, above 0.
        t_mul: by how much the length is multiplied from wave to wave, 1 or more.
        m_mul: by how much the start is multiplied from wave to wave.
        alpha: the end of a wave as a share of its start.

    Returns:
        A schedule. Every argument may be traced.

    Raises:
        ValueError: for a length that is not above 0 or a ``t_mul`` below 1.

    Source: Loshchilov and Hutter, "SGDR", 2017; ``keras.optimizers.schedules.CosineDecayRestarts``.

    Example:
        >>> import jaxnn as nn
        >>> schedule = nn.schedules.cosine_restarts(1.0, 4, m_mul=0.5)
        >>> [round(float(schedule(t)), 3) for t in (0, 2, 4, 8, 12)]
        [1.0, 0.5, 0.5, 0.25, 0.25]
    """
    checks.positive("first_decay_steps", first_decay_steps, "cosine_restarts(0.1, first_decay_steps=100)")
    if checks.is_concrete(t_mul) and not t_mul >= 1:
        raise ValueError(f"t_mul must be 1 or more, got {t_mul}; write cosine_restarts(0.1, 100, t_mul=2.0)")

    def schedule(count: Any) -> Any:
        wave, share = _wave(jnp.maximum(as_float(count), 0), as_float(first_decay_steps), as_float(t_mul))
        end = as_float(alpha)
        return as_float(init_value) * as_float(m_mul) ** wave * between(end, 1, half_wave(share))

    return schedule


def _wave(count: Any, length: Any, growth: Any) -> tuple[Any, Any]:
    """In which wave ``count`` lies, and how much of it is behind."""
    grows = growth > 1
    safe = jnp.where(grows, growth, 2 * jnp.ones_like(growth))

    def start(wave: Any) -> Any:
        power = safe**wave  # for a growth near 1, to take 1 from it would leave few digits
        gained = jnp.where(power < 2, jnp.expm1(wave * jnp.log1p(safe - 1)), power - 1)
        return length * jnp.where(grows, gained / (safe - 1), wave)

    # The logarithm may err by a little at the very start of a wave, so its floor is set right by comparison.
    lengths = count / length
    guess = jnp.floor(jnp.where(grows, jnp.log1p(lengths * (safe - 1)) / jnp.log(safe), lengths))
    late = count * (1 + 4 * float(jnp.finfo(count.dtype).eps))
    guess = jnp.where(late >= start(guess + 1), guess + 1, guess)
    wave = jnp.maximum(jnp.where(late < start(guess), guess - 1, guess), 0)
    return wave, jnp.clip((count - start(wave)) / (length * jnp.where(grows, safe**wave, jnp.ones_like(growth))), 0, 1)


def sgdr(cosine_kwargs: Sequence[Mapping[str, Hyper]]) -> Schedule:
    """Warm restarts one by one: `warmup_cosine` again and again, each with its own arguments.

    Args:
        cosine_kwargs: for every cycle the arguments of `warmup_cosine`; its ``decay_steps`` is its length. Each
            number may be traced.

    Returns:
        A schedule.

    Raises:
        ValueError: if there is no cycle, or a cycle is not longer than its warm-up.

    Source: ``optax.sgdr_schedule``; Loshchilov and Hutter, "SGDR", 2017.

    Example:
        >>> import jaxnn as nn
        >>> first = dict(init_value=0.0, peak_value=1.0, warmup_steps=2, decay_steps=6)
        >>> schedule = nn.schedules.sgdr([first, first | dict(peak_value=0.5)])
        >>> [round(float(schedule(t)), 3) for t in (0, 2, 4, 8, 10)]
        [0.0, 1.0, 0.5, 0.5, 0.25]
    """
    cycles = list(cosine_kwargs)
    if not cycles:
        raise ValueError("sgdr got no cycle; write sgdr([dict(init_value=0.0, peak_value=0.1, warmup_steps=10, ...)])")
    ends = jnp.cumsum(jnp.stack([as_float(cycle["decay_steps"]) for cycle in cycles]))
    return join([warmup_cosine(**cycle) for cycle in cycles], list(ends[:-1]))


def _check_cycle(name: str, transition_steps: Any, pct_start: Any, div_factor: Any, final_div_factor: Any) -> None:
    call = f"{name}(1000, peak_value=0.1)"
    checks.positive("transition_steps", transition_steps, call)
    checks.fraction("pct_start", pct_start, call)
    checks.positive("div_factor", div_factor, call)
    checks.positive("final_div_factor", final_div_factor, call)
