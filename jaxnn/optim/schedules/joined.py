"""Schedules one after the other, and schedules whose lengths are epochs."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float
from jaxnn.optim.schedules.parts import Schedule


def join(schedules: Sequence[Schedule], boundaries: Sequence[Hyper]) -> Schedule:
    """Several schedules one after the other, each counting from its own start.

    Args:
        schedules: functions of a count.
        boundaries: the first step of each but the first, in rising order; each may be traced.

    Returns:
        A schedule.

    Raises:
        ValueError: unless there is one boundary less than schedules.

    Source: ``optax.join_schedules``.

    Example:
        >>> import jaxnn as nn
        >>> s = nn.schedules
        >>> schedule = s.join([s.linear(0.0, 1.0, 4), s.constant(1.0), s.linear(1.0, 0.0, 4)], [4, 8])
        >>> [float(schedule(t)) for t in (0, 2, 6, 10, 99)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if len(schedules) != len(boundaries) + 1:
        raise ValueError(
            f"{len(schedules)} schedules need {len(schedules) - 1} boundaries, got {len(boundaries)}; "
            "write join([first, second], [100])"
        )

    def schedule(count: Any) -> Any:
        step = as_float(count)
        value = schedules[0](step)
        for boundary, later in zip(boundaries, schedules[1:], strict=True):
            start = as_float(boundary)
            value = jnp.where(step < start, value, later(step - start))
        return value

    return schedule


def in_epochs(schedule: Schedule, steps_per_epoch: Hyper, staircase: Hyper = False) -> Schedule:
    """A schedule whose lengths are epochs: ``schedule(t / steps_per_epoch)``.

    Args:
        schedule: a function of a count, here of epochs.
        steps_per_epoch: updates in an epoch, above 0: the rows divided by the batch size, rounded up. May be traced.
        staircase: whether epochs are whole, so that the value changes only from epoch to epoch; may be traced too.

    Returns:
        A schedule of steps.

    Raises:
        ValueError: for a number of steps that is not above 0.

    Example:
        >>> import jaxnn as nn
        >>> falling = nn.schedules.in_epochs(nn.schedules.linear(1.0, 0.0, 10), steps_per_epoch=20)
        >>> [float(falling(t)) for t in (0, 100, 200)]
        [1.0, 0.5, 0.0]
    """
    checks.positive("steps_per_epoch", steps_per_epoch, "in_epochs(schedule, steps_per_epoch=50)")

    def in_steps(count: Any) -> Any:
        epochs = as_float(count) / as_float(steps_per_epoch)
        return schedule(jnp.where(jnp.asarray(staircase, bool), jnp.floor(epochs), epochs))

    return in_steps
