"""What came of the members of a part, as plain data, which travel from one process to another."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.grid.memory import Memory, memory_of
from jaxnn.train.outcome import Outcome, merged
from jaxnn.train.population import Population
from jaxnn.train.taken import Taken

TIMES = ("compile", "run", "compiles")


class Came(NamedTuple):
    """What came of members that trained together.

    Args:
        points: their points in the space.
        outcome: chosen weights and curves, stacked.
        last: their stacked `TrainState`, or None where it was not asked for.
        taken: which weights came from elsewhere, or None.
        plan: how they lay on the machine.
        timing: seconds to compile and to run, and the number of compilations.
        memory: what a call of their program takes.
        parts: in how many parts they trained.
    """

    points: np.ndarray
    outcome: Outcome
    last: Any
    taken: Taken | None
    plan: Any
    timing: dict[str, float]
    memory: Memory
    parts: int = 1

    @classmethod
    def of(cls, points: Sequence[int] | np.ndarray, population: Population, states: bool) -> "Came":
        """What came of a population, with the last states of its members or without."""
        last = population.state() if states else None
        timing = {name: population.timing[name] for name in TIMES}
        own = population.taken, population.layout, timing, memory_of(population)
        return cls(np.asarray(points), population.outcome, last, *own)


def joined(parts: Sequence[Came]) -> Came:
    """The parts of one structure as one, in the order of the space; their seconds together.

    Example:
        >>> import optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> pop = nn.population(trial, (np.ones((2, 1)), np.ones(2)), dict(seed=[0, 1]))
        >>> pop.advance(1)
        >>> both = joined([Came.of([1], pop.take([1]), False), Came.of([0], pop.take([0]), False)])
        >>> both.points.tolist(), both.parts, bool((both.outcome.epochs == 1).all())
        ([0, 1], 2, True)
    """
    if len(parts) == 1:
        return parts[0]
    points = np.concatenate([part.points for part in parts])
    order = np.argsort(points)
    outcome = ordered(merged([part.outcome for part in parts]), order)
    last = None
    if parts[0].last is not None:
        last = jax.tree.map(lambda *a: np.concatenate(a)[order], *[part.last for part in parts])
    timing = {name: sum(part.timing[name] for part in parts) for name in TIMES}
    memory = max((part.memory for part in parts), key=lambda m: m.compiled)
    return parts[0]._replace(
        points=points[order], outcome=outcome, last=last, timing=timing, memory=memory, parts=len(parts)
    )


def ordered(outcome: Outcome, order: np.ndarray) -> Outcome:
    """The same members in another order."""
    history = {name: values[order] for name, values in outcome.history.items()}  # whose names stay in their order
    return jax.tree.map(lambda a: np.asarray(a)[order], outcome._replace(history={}))._replace(history=history)
