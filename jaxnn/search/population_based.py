"""Population-based training: the worst go on from the best, with other hyperparameters, while all of them train."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.grid.record import Lineage, Record
from jaxnn.search.goal import Goal, goal_of
from jaxnn.search.perturb import Change, Knob, check_change, knobs
from jaxnn.train.enrol import Entry
from jaxnn.train.options import whole
from jaxnn.train.population import Population


@dataclass(frozen=True, eq=False)
class PopulationBased:
    """Population-based training, for ``grid(..., search=)``: a schedule of hyperparameters is found while they train.

    Every ``every`` epochs each of the worst ``fraction`` of the members takes over weights, optimizer and curves of one
    of the best ``fraction``, drawn at random, and goes on with hyperparameters a little off; it keeps its own seed.
    Members that diverged are always replaced, ones that stopped early are nobody's parent. Floats alone change, between
    the smallest and the largest value of the space, so that nothing is compiled again. The members of one structure are
    one population; several structures each have theirs.

    ``runs.lineage`` says who went on from whom, ``runs.history["lr"]`` which rates led to a member's weights, and
    ``runs[i].hparams`` holds the last ones.

    Args:
        every: epochs between two rounds.
        fraction: of the members, at most a half.
        perturb: two factors, of which one is drawn, or a function ``(value, rng) -> value``, for every float that
            varies over the space; or one of these for each name, ``{"lr": (0.8, 1.25)}``, and no others change.
        resample: the chance that a value is drawn anew from those of the space instead.
        metric, mode: as in `Halving`.
        seed: of the draws.

    Raises:
        ValueError: for a fraction outside (0, 0.5], a chance outside [0, 1], and a change that is none.

    Source: Jaderberg et al., "Population based training of neural networks", 2017 (truncation selection).

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x, rates = np.linspace(-1, 1, 32)[:, None], dict(lr=nn.logspace(1e-4, 0.1, 4))
        >>> search = nn.PopulationBased(every=2, perturb={"lr": (0.8, 1.25)}, resample=0.0, seed=2)
        >>> runs = nn.grid(line, (x, 2 * x[:, 0]), rates, epochs=4, batch_size=8, search=search)
        >>> [(row.epoch, row.child, row.parent) for row in runs.lineage]
        [(2, 0, 3)]
        >>> runs.history["lr"][0].round(4).tolist()
        [0.1, 0.1, 0.08, 0.08]
    """

    every: int = 5
    fraction: float = 0.25
    perturb: Change | Mapping[str, Change] = (0.8, 1.25)
    resample: float = 0.25
    metric: str | None = None
    mode: str | None = None
    seed: int = 0

    def __post_init__(self):
        whole("every", self.every)
        call = "nn.PopulationBased(every=5, fraction=0.25, resample=0.25)"
        for name, low, high in (("fraction", 1e-9, 0.5), ("resample", 0, 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ValueError(f"{name} must be from {int(low)} to {high}, got {value!r}; write {call}")
        if self.mode not in (None, "min", "max"):
            raise ValueError(f'mode must be "min", "max" or None, got {self.mode!r}; write mode="min"')
        for change in self.perturb.values() if isinstance(self.perturb, Mapping) else [self.perturb]:
            check_change(change)

    def check(self, entries: Sequence[Entry], folder: str | os.PathLike | None) -> None:
        """Raise for a metric that there is not, for what cannot change, and for a folder."""
        goal_of(self.metric, self.mode, entries, "nn.PopulationBased(")
        knobs(self.perturb, entries)
        if folder is not None:
            raise ValueError(
                "a folder holds points as the space has them, and these change while they train; leave folder= out, "
                "and write runs.best().save(...) at the end"
            )

    def work(self, members: int, epochs: int) -> int:
        """All epochs of all members."""
        return members * epochs

    def train(
        self, populations: Sequence[Population], callbacks: Sequence[Callable] = (),
        visited: Callable[[int], Any] = lambda weight: None,
    ) -> Record:  # fmt: skip
        """Train the populations of a grid; see `jaxnn.grid.record.Search`."""
        entries = [entry for population in populations for entry in population.entries]
        goal, changing = goal_of(self.metric, self.mode, entries, "nn.PopulationBased("), knobs(self.perturb, entries)
        longest, lineage = max(entry.epochs for entry in entries), []
        curves = {knob.name: np.full((len(entries), longest), np.nan) for knob in changing}
        for number, population in enumerate(populations):
            rng, ends = np.random.default_rng((self.seed, number)), max(entry.epochs for entry in population.entries)
            while population.epoch < ends:
                for knob in changing:
                    curves[knob.name][population.numbers, population.epoch :] = _values(population, knob)[:, None]
                population.advance(min(self.every, ends - population.epoch), callbacks, visited)
                if population.epoch < ends:
                    lineage += self._exploit(population, goal, changing, curves, rng)
        return Record(lineage=lineage, curves=curves)

    def _exploit(
        self, population: Population, goal: Goal, changing: list[Knob], curves: dict[str, np.ndarray],
        rng: np.random.Generator,
    ) -> list[Lineage]:  # fmt: skip
        """Let the worst go on from the best; returns who from whom."""
        winners, losers = self._chosen(population, goal)
        if not len(winners) or not len(losers):
            return []
        parents, epoch, found = rng.choice(winners, len(losers)), population.epoch, []
        for child, parent in zip(losers, parents, strict=True):
            point = population.entries[parent].point
            new = {k.name: k.moved(float(point[k.name]), rng, self.resample) for k in changing}
            found.append(Lineage(epoch, int(population.numbers[child]), int(population.numbers[parent]), new))
        for values in curves.values():
            values[population.numbers[losers]] = values[population.numbers[parents]]
        changes = {k.name: [row.hparams[k.name] for row in found] for k in changing}
        population.put(losers, population.take(parents), **changes)
        return found

    def _chosen(self, population: Population, goal: Goal) -> tuple[np.ndarray, np.ndarray]:
        """Who is copied from, and who is replaced: places in the population."""
        scores = np.array(population.table[goal.metric])
        sick = (population.outcome.diverged >= 0) | np.isnan(scores)
        order, count = goal.order(scores, sick), max(1, int(self.fraction * len(population)))
        winners = order[:count][(population.going & ~sick)[order[:count]]]
        losers = order[len(order) - max(count, int(sick.sum())) :]
        return winners, losers[~np.isin(losers, winners)]


def _values(population: Population, knob: Knob) -> np.ndarray:
    return np.array([float(entry.point[knob.name]) for entry in population.entries])
