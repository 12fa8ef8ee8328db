"""What members of a search use: epochs, of which they go on, or rows, on which they begin anew."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jaxnn.data.source import Source
from jaxnn.search.field import Field
from jaxnn.search.goal import Goal
from jaxnn.search.rows import nested
from jaxnn.train.enrol import pace
from jaxnn.train.micro import micro_rows
from jaxnn.train.options import part_of
from jaxnn.train.outcome import Outcome
from jaxnn.train.population import Population


class Epochs:
    """Members go on from where they were, warm."""

    def __init__(self, field: Field, goal: Goal):
        self.field, self.goal, self.most = field, goal, field.epochs

    def reach(self, members: np.ndarray, budget: int) -> None:
        """Bring these points to so many epochs."""
        self.field.advance(members, budget)

    def scores(self, budget: int) -> tuple[np.ndarray, np.ndarray]:
        """The metric of each point after so many epochs, and who was sick by then; read from the curves alone.

        So it is the same whatever has happened since, and before a kill as after it. The epoch is that of the weights
        to use: the best one so far where early stopping keeps it, else the last.
        """
        one = lambda population: _at(population, self.goal.metric, budget)  # noqa: E731
        return self.field.column(lambda p: one(p)[0]), self.field.column(lambda p: one(p)[1])


class Rows:
    """Members begin anew on more rows, nested subsets of the training part taken by index.

    A program for each number of rows: in one for all, a short epoch would cost what a long one does.
    """

    def __init__(self, field: Field, goal: Goal):
        self.field, self.goal = field, goal
        if any(population.outcome.epochs.any() for population in field.populations):
            raise ValueError(
                "on more rows members begin anew, and start= gave runs to go on with; write start=run.params"
            )
        source = field.populations[0].source
        if not source.whole:
            raise ValueError(
                'rows are taken from data in memory, and these come as a stream; write nn.Halving(budget="epochs")'
            )
        self.most, self.parts = source.rows, nested(source)
        self.found: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def reach(self, members: np.ndarray, budget: int) -> None:
        """Train these points on so many rows from the beginning."""
        for population, places in self.field.split(members):
            part = self._anew(population, places, budget)
            self.field.train(population, places, part, max(entry.epochs for entry in part.entries))
        values, sick = self.found.setdefault(
            budget, (np.full(self.field.points, np.nan), np.zeros(self.field.points, bool))
        )
        ends = self.field.column(lambda p: _value(p.outcome, self.goal.metric, p.outcome.best_epoch))
        values[members], sick[members] = ends[members], self.field.column(lambda p: p.outcome.diverged >= 0)[members]

    def _anew(self, population: Population, places: np.ndarray, rows: int) -> Population:
        parts = tuple(np.sort(part[: -(-len(part) * rows // self.most)]) for part in self.parts)
        source = replace(population.source, parts=parts)
        entries = [_on(population.entries[i], source) for i in places]
        layout: Any = population.layout
        given = jax.tree.map(lambda a: np.asarray(a)[places], population.given)
        return Population(source, entries, layout.thinned(len(places)), taken=population.taken, given=given)

    def scores(self, budget: int) -> tuple[np.ndarray, np.ndarray]:
        """The metric of each point when it had trained on so many rows, and who fell sick."""
        return self.found[budget]


def _on(entry: Any, source: Source) -> Any:
    """The entry as it would have been enrolled for these rows."""
    size = micro_rows(min(entry.recipe.batch_size, source.rows), entry.recipe.micro, source.rows)
    alike, own = pace(source.steps(size), part_of(entry.point))
    return entry._replace(recipe=replace(entry.recipe, batch_size=size, steps_per_epoch=alike), steps=own)


def _at(population: Population, metric: str, budget: int) -> tuple[np.ndarray, np.ndarray]:
    outcome = population.outcome
    sick = (outcome.diverged >= 0) & (outcome.epochs < budget)
    return _value(outcome, metric, _chosen(population, budget)), sick


def _value(outcome: Outcome, metric: str, epochs: np.ndarray) -> np.ndarray:
    curve = outcome.history.get(metric, np.zeros((len(epochs), 0)))
    if not curve.shape[1]:
        return np.full(len(epochs), np.nan)
    return np.where(epochs >= 0, curve[np.arange(len(epochs)), np.maximum(epochs, 0)], np.nan)


def _chosen(population: Population, budget: int) -> np.ndarray:
    """The epoch of the weights that each member would have used after so many epochs."""
    outcome, stop = population.outcome, population.entries[0].trial().stop
    if stop is None:
        return np.minimum(outcome.epochs, budget) - 1
    curve = outcome.history.get(stop.metric, np.zeros((len(population), 0), np.float32))[:, :budget]
    sign = 1 if stop.rises else -1
    least = np.array([entry.trial().stop.min_delta for entry in population.entries], curve.dtype)
    best, at = np.full(len(population), -np.inf, curve.dtype), np.full(len(population), -1)
    for epoch, values in enumerate(sign * curve.T):  # as `EarlyStopping.observe` does
        better = values > best + least
        best[better], at[better] = values[better], epoch
    return at
