"""Successive halving: many members begin, the best third of them goes on for three times as long, and so on."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.grid.record import Record
from jaxnn.search.budgets import Epochs, Rows
from jaxnn.search.field import Field
from jaxnn.search.goal import goal_of
from jaxnn.search.race import Race, exhaust, ladder, rounds
from jaxnn.train.enrol import Entry
from jaxnn.train.options import whole
from jaxnn.train.population import Population


@dataclass(frozen=True)
class Halving:
    """Successive halving, for ``grid(..., search=)``: rounds after each of which one in ``factor`` members goes on.

    ``n`` members reach a budget ``b``, the best ``ceil(n / factor)`` of them ``factor b``, until the last have all of
    ``epochs``. All structures of a space compare together. Survivors go on warm, from where they were, each to the bit
    what it would be alone: its schedule and its `Clock` know the whole of ``epochs`` from the beginning. Whoever
    diverged is last, and never goes on while a healthy one exists; whoever stopped early goes on if it is good enough,
    and costs nothing. Seeds are members like all others, and the folds of one point are compared by their mean and go
    on together.

    ``runs.table["rung"]`` says how far each point came, and ``runs.best()`` is of the last rung.

    Args:
        factor: about one in so many goes on, above 1.
        budget: ``"epochs"``, or ``"rows"``: every round begins anew, for all epochs, on more of the training rows, each
            sample holding the one before.
        min_budget: of the first round; ``"exhaust"`` for so much that the round in which less than ``factor`` members
            are left has all. None for 1 epoch, or for ``"exhaust"`` with rows.
        metric: which column of the history; None for validation accuracy, validation loss or loss.
        mode: ``"min"``, ``"max"``, or None for what the metric says of itself.
        asynchronous: promote as members arrive: chunk by chunk of a plan and structure by structure, whoever is in the
            best ``1 / factor`` of those that have reached its rung so far goes on at once (ASHA).

    Raises:
        ValueError: for a factor of 1 or less, another budget or mode, and a ``min_budget`` that is no whole number.

    Source: Jamieson and Talwalkar, "Non-stochastic best arm identification and hyperparameter optimization", 2016;
    Li et al., "A system for massively parallel hyperparameter tuning" (ASHA), 2020. The numbers of members are those of
    scikit-learn's ``HalvingGridSearchCV``.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> rates = dict(lr=nn.logspace(1e-4, 0.3, 9))
        >>> runs = nn.grid(line, (x, 2 * x[:, 0]), rates, epochs=9, batch_size=8, search=nn.Halving(factor=3))
        >>> runs.table["epochs_done"], runs.table["rung"]
        ([1, 1, 1, 1, 1, 1, 3, 3, 9], [0, 0, 0, 0, 0, 0, 1, 1, 2])
        >>> [(rung.budget, len(rung.members)) for rung in runs.rungs], runs.best().hparams
        ([(1, 9), (3, 3), (9, 1)], {'lr': 0.3})
    """

    factor: float = 3
    budget: str = "epochs"
    min_budget: int | str | None = None
    metric: str | None = None
    mode: str | None = None
    asynchronous: bool = False

    def __post_init__(self):
        check_rungs(self.factor, self.budget, self.min_budget, self.mode, "nn.Halving(")
        if not isinstance(self.asynchronous, bool):
            raise ValueError(
                f"asynchronous must be True or False, got {self.asynchronous!r}; write nn.Halving(asynchronous=True)"
            )

    def check(self, entries: Sequence[Entry], folder: str | os.PathLike | None) -> None:
        """Raise for a metric that there is not, and for a folder where members begin anew."""
        check_race(self, entries, folder, "nn.Halving(")

    def work(self, members: int, epochs: int) -> int:
        """The epochs of all rounds, times members."""
        if self.budget == "rows":
            return work_of(members, [epochs] * rounds(members, self.factor), self.factor, warm=False)
        return work_of(members, self.ladder(epochs, members), self.factor)

    def ladder(self, most: int, members: int) -> list[int]:
        """The budgets of the rounds of so many members, of which the last is ``most``.

        Example:
            >>> Halving(factor=3).ladder(27, 512), Halving(min_budget="exhaust").ladder(27, 9)
            ([1, 3, 9, 27], [3, 9, 27])
        """
        least: Any = self.min_budget
        if least == "exhaust" or (least is None and self.budget == "rows"):
            least = exhaust(most, members, self.factor)
        return ladder(most, least or 1, self.factor)

    def train(
        self, populations: Sequence[Population], callbacks: Sequence[Callable] = (),
        visited: Callable[[int], Any] = lambda weight: None,
    ) -> Record:  # fmt: skip
        """Train the populations of a grid; see `jaxnn.grid.record.Search`."""
        race = race_of(self, populations, callbacks, visited, "nn.Halving(")
        if self.asynchronous:
            race.run_as_they_come()
        else:
            race.run(np.arange(len(race.rung)))
        race.budgets.field.close()
        return race.record


def race_of(search: Any, populations: Sequence[Population], callbacks: Any, visited: Any, call: str) -> Race:
    """The race of a search that has rungs, before its start."""
    entries = [entry for population in populations for entry in population.entries]
    goal = goal_of(search.metric, search.mode, entries, call)
    field = Field(populations, callbacks, visited)
    budgets = (Rows if search.budget == "rows" else Epochs)(field, goal)
    race = Race.of(budgets, goal, [], search.factor)
    return race._replace(ladder=search.ladder(budgets.most, race.count(np.arange(field.points))))


def check_rungs(factor: Any, budget: Any, min_budget: Any, mode: Any, call: str) -> None:
    """Raise for arguments of a search with rungs that make no sense."""
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or not 1 < factor < math.inf:
        raise ValueError(f"factor must be a number above 1, got {factor!r}; write {call}factor=3)")
    if budget not in ("epochs", "rows"):
        raise ValueError(f'a budget is "epochs" or "rows", got {budget!r}; write {call}budget="epochs")')
    if min_budget is not None and min_budget != "exhaust":
        whole("min_budget", min_budget)
    if mode not in (None, "min", "max"):
        raise ValueError(f'mode must be "min", "max" or None, got {mode!r}; write {call}mode="min")')


def check_race(search: Any, entries: Sequence[Entry], folder: Any, call: str) -> None:
    """Raise for a metric or a budget that there is not, and for what cannot begin anew on more rows."""
    goal_of(search.metric, search.mode, entries, call)
    rows = search.budget == "rows"
    most = max(e.steps_per_epoch * e.recipe.batch_size if rows else e.epochs for e in entries)
    if isinstance(search.min_budget, int) and search.min_budget > most:
        raise ValueError(
            f"the first round has {search.min_budget} {search.budget}, of {most} that there are; "
            f"write {call}min_budget=1)"
        )
    if rows and folder is not None:
        raise ValueError(
            'with budget="rows" every round begins anew, and a folder holds one training of each point; '
            f'leave folder= out, or write {call}budget="epochs")'
        )


def work_of(members: int, ladder: Sequence[int], factor: float, warm: bool = True) -> int:
    """The epochs of rounds over a ladder, times members, where each goes on from the round before or begins anew.

    Example:
        >>> work_of(9, [1, 3, 9], 3), work_of(9, [9, 9, 9], 3, warm=False)
        (21, 117)
    """
    total, before = 0, 0
    for level in ladder:
        total += members * (level - before)
        members, before = math.ceil(members / factor), level if warm else 0
    return total
