"""Hyperband: brackets of halving that begin with many members and few epochs, or with few members and many."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.grid.record import Record
from jaxnn.search.halving import check_race, check_rungs, race_of, work_of
from jaxnn.search.race import ladder
from jaxnn.train.enrol import Entry
from jaxnn.train.population import Population


@dataclass(frozen=True)
class Hyperband:
    """Hyperband, for ``grid(..., search=)``: `Halving` in brackets, each of which begins a rung higher than the last.

    Halving bets that a few epochs tell who is good; Hyperband hedges the bet. Of a ladder of budgets 1, 3, 9, 27 the
    first bracket begins at 1 with most of the points, the last one at 27 with a few. The points are dealt to the
    brackets at random, in the proportions of the paper, ``ceil((s_max + 1) / (s + 1) factor^s)`` for a bracket of *s*
    halvings; `points` says how many the paper takes.

    Args:
        factor: about one in so many goes on, above 1.
        budget, metric, mode: as in `Halving`.
        min_budget: of the first round of the first bracket; None for 1 epoch. With rows it must be given.
        seed: of the deal.

    Raises:
        ValueError: as `Halving`.

    Source: Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization", 2018.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x, search = np.linspace(-1, 1, 32)[:, None], nn.Hyperband(factor=3)
        >>> rates = nn.space.random(search.points(9), lr=nn.space.log(1e-4, 0.3))
        >>> runs = nn.grid(line, (x, 2 * x[:, 0]), rates, epochs=9, search=search)
        >>> [(rung.budget, len(rung.members)) for rung in runs.rungs]
        [(1, 9), (3, 3), (9, 1), (3, 5), (9, 2), (9, 3)]
    """

    factor: float = 3
    budget: str = "epochs"
    min_budget: int | None = None
    metric: str | None = None
    mode: str | None = None
    seed: int = 0

    def __post_init__(self):
        check_rungs(self.factor, self.budget, self.min_budget, self.mode, "nn.Hyperband(")
        if self.min_budget == "exhaust" or (self.budget == "rows" and self.min_budget is None):
            raise ValueError(
                f"brackets begin at a number of {self.budget}, got min_budget={self.min_budget!r}; "
                f'write nn.Hyperband(budget="{self.budget}", min_budget=100)'
            )

    def points(self, most: int) -> int:
        """How many points the brackets of the paper take, for a space to draw.

        Args:
            most: all epochs, or rows.

        Example:
            >>> Hyperband(factor=3).points(81)
            143
        """
        return sum(self._sizes(most))

    def _sizes(self, most: int) -> list[int]:
        """The points of each bracket, that of most halvings first."""
        top = len(self.ladder(most, 0)) - 1
        return [math.ceil((top + 1) / (s + 1) * self.factor**s) for s in range(top, -1, -1)]

    def ladder(self, most: int, members: int) -> list[int]:
        """The budgets of the first bracket; that of *s* halvings has the last ``s + 1`` of them."""
        return ladder(most, self.min_budget or 1, self.factor)

    def check(self, entries: Sequence[Entry], folder: str | os.PathLike | None) -> None:
        """Raise for a metric that there is not, and for a folder where members begin anew."""
        check_race(self, entries, folder, "nn.Hyperband(")

    def work(self, members: int, epochs: int) -> int:
        """The epochs of all brackets, times members."""
        warm, steps = self.budget == "epochs", self.ladder(epochs, 0)
        steps = steps if warm else [epochs] * len(steps)
        parts = map(len, self._dealt(members, epochs))
        return sum(work_of(n, steps[k:], self.factor, warm) for k, n in enumerate(parts))

    def _dealt(self, candidates: int, most: int) -> list[np.ndarray]:
        """The candidates of each bracket, in the proportions of the paper."""
        shares = np.cumsum(self._sizes(most))
        order = np.random.default_rng(self.seed).permutation(candidates)
        return [np.sort(part) for part in np.split(order, np.rint(shares[:-1] / shares[-1] * candidates).astype(int))]

    def train(
        self, populations: Sequence[Population], callbacks: Sequence[Callable] = (),
        visited: Callable[[int], Any] = lambda weight: None,
    ) -> Record:  # fmt: skip
        """Train the populations of a grid; see `jaxnn.grid.record.Search`."""
        race = race_of(self, populations, callbacks, visited, "nn.Hyperband(")
        for level, part in enumerate(self._dealt(race.candidates[-1] + 1, race.ladder[-1])):
            members = np.flatnonzero(np.isin(race.candidates, part))
            if len(members):
                race.run(members, level)
        race.budgets.field.close()
        return race.record
