"""The rungs of a halving: who goes on, by rounds or as members arrive."""

import math
from typing import Any, NamedTuple

import numpy as np

from jaxnn.grid.record import Record, Rung
from jaxnn.search.budgets import Epochs, Rows
from jaxnn.search.goal import Goal


def ladder(most: int, least: int, factor: float) -> list[int]:
    """The budgets of the rungs: ``least factor^k``, and at the top all; what is within half a step of it is left out.

    Example:
        >>> ladder(27, 1, 3), ladder(20, 1, 3), ladder(28, 1, 3), ladder(5, 8, 2)
        ([1, 3, 9, 27], [1, 3, 9, 20], [1, 3, 9, 28], [5])
    """
    found, budget = [], float(least)
    while budget * math.sqrt(factor) <= most:
        found.append(int(budget))
        budget *= factor
    return [*dict.fromkeys(b for b in found if b < most), most]


def rounds(members: int, factor: float) -> int:
    """How many rounds it takes to come to less than ``factor`` members: ``1 + floor(log_factor(members))``.

    Example:
        >>> rounds(27, 3), rounds(26, 3), rounds(1, 3)
        (4, 3, 1)
    """
    count, left = 1, float(members)
    while left >= factor:
        left, count = left / factor, count + 1
    return count


def exhaust(most: int, members: int, factor: float) -> int:
    """The least budget with which the last of these rounds has all; as ``min_resources="exhaust"`` of scikit-learn.

    Example:
        >>> exhaust(27, 27, 3), exhaust(27, 5, 3)
        (1, 9)
    """
    return max(1, int(most // factor ** (rounds(members, factor) - 1)))


class Race(NamedTuple):
    """Members that climb a ladder of budgets.

    Args:
        budgets: what they use.
        goal: what they are compared by.
        ladder: budgets, growing.
        factor: about one in so many goes on.
        candidates: for each point the number of what is compared: points that differ in their fold are one.
        rung: for each point the last rung that it reached, -1 before the first.
        rungs: the rounds so far.
    """

    budgets: Epochs | Rows
    goal: Goal
    ladder: list[int]
    factor: float
    candidates: np.ndarray
    rung: np.ndarray
    rungs: list[Rung]

    @classmethod
    def of(cls, budgets: Any, goal: Goal, ladder: list[int], factor: float) -> "Race":
        """Before the start."""
        points = [(i, e.point) for p in budgets.field.populations for i, e in zip(p.numbers, p.entries, strict=True)]
        first = [point.get("fold", 0) == 0 for _, point in sorted(points, key=lambda pair: pair[0])]
        return cls(budgets, goal, ladder, factor, np.cumsum(first) - 1, np.full(len(points), -1), [])

    def reach(self, members: np.ndarray, level: int) -> None:
        """Bring members to a rung."""
        self.budgets.reach(members, self.ladder[level])
        self.rung[members] = level

    def best(self, members: np.ndarray, level: int, count: int) -> np.ndarray:
        """The members, in order, of the best candidates among these at a rung; folds of one go on together."""
        values, sick = self.budgets.scores(self.ladder[level])
        numbers, own = np.unique(self.candidates[members], return_inverse=True)
        folds = np.bincount(own)
        mean = np.bincount(own, np.where(np.isnan(values), 0, values)[members]) / folds
        mean[np.bincount(own, np.isnan(values)[members]) > 0] = np.nan
        chosen = self.goal.top(mean, np.bincount(own, sick[members]) > 0, count)
        return members[np.isin(self.candidates[members], numbers[chosen])]

    def count(self, members: np.ndarray) -> int:
        """How many candidates these are."""
        return len(np.unique(self.candidates[members]))

    def run(self, members: np.ndarray, first: int = 0) -> None:
        """Rounds: all reach a rung, the best ``1 / factor`` of them the next; a last one goes to the top at once."""
        last = len(self.ladder) - 1
        for level in range(first, last + 1):
            if self.count(members) == 1 and first < level < last:
                continue
            self.reach(members, level)
            self._note(members, level)
            if level < last:
                members = self.best(members, level, math.ceil(self.count(members) / self.factor))

    def run_as_they_come(self) -> None:
        """Stacks arrive one after another; whoever is in the best ``1 / factor`` of a rung so far goes on at once."""
        waiting, last = self.budgets.field.stacks, len(self.ladder) - 1
        while True:
            level, members = self._promotable()
            if len(members):
                self.reach(members, level + 1)
            elif waiting:
                self.reach(waiting.pop(0), 0)
            else:
                break
        if self.rung.max() < last:  # too few to promote one: the best goes to the top all the same
            level = int(self.rung.max())
            self.reach(self.best(np.flatnonzero(self.rung == level), level, 1), last)
        for level in range(last + 1):
            self._note(np.flatnonzero(self.rung >= level), level)

    def _promotable(self) -> tuple[int, np.ndarray]:
        """The highest rung of which members may go on, and these."""
        for level in reversed(range(len(self.ladder) - 1)):
            here = np.flatnonzero(self.rung >= level)
            whole = np.bincount(self.candidates) == np.bincount(
                self.candidates[here], minlength=self.candidates[-1] + 1
            )
            here = here[whole[self.candidates[here]]]
            count = int(self.count(here) / self.factor)
            best = self.best(here, level, count) if count else here[:0]
            if (self.rung[best] == level).any():
                return level, best[self.rung[best] == level]
        return 0, np.array([], int)

    def _note(self, members: np.ndarray, level: int) -> None:
        values, sick = self.budgets.scores(self.ladder[level])
        self.rungs.append(Rung(self.ladder[level], members, np.where(sick, np.nan, values)[members]))

    @property
    def record(self) -> Record:
        """What came of it."""
        return Record(self.rungs, self.rung)
