"""What `grid` returns: one run for every point of the space, in order."""

import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn.core.registry import usual
from jaxnn.data.source import Source
from jaxnn.grid.cohort import Cohort, Reports, together
from jaxnn.grid.comparison import Comparison, compared
from jaxnn.grid.copies import whole
from jaxnn.grid.cv import CV, summed_up
from jaxnn.grid.ensemble import Top
from jaxnn.grid.importance import Importance, importance
from jaxnn.grid.levels import Levels, levels
from jaxnn.grid.ranking import first, order, rises
from jaxnn.grid.record import PLAIN, Record
from jaxnn.grid.replay import replay
from jaxnn.grid.selection import joined, stacked, taken, where
from jaxnn.grid.space import Space
from jaxnn.grid.statistics import Statistics, by, marginal
from jaxnn.train.outcome import Outcome, columns
from jaxnn.train.result import Run
from jaxnn.train.trial import Trial, TrialLike


class Runs(Sequence):
    """All runs of a grid: a sequence of `Run`, a table, and the curves.

    ``runs[i]`` is the run of point *i*; ``runs.history["val_loss"]`` is ``(members, epochs)``, NaN where an epoch
    was not done; ``runs.plan`` tells how it ran, in words. Of a search, ``runs.rungs`` are the rounds in which members
    were compared, ``(budget, members, scores)`` of each, and ``runs.lineage`` says who went on from whom,
    ``(epoch, child, parent, hparams)`` of each.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> data = np.ones((4, 1)), np.full(4, 3.0)
        >>> runs = nn.grid(line, data, dict(lr=[0.01, 0.1]), epochs=5, batch_size=4, progress=False)
        >>> runs.history["loss"].shape, runs.best("loss").hparams
        ((2, 5), {'lr': 0.1})
    """

    def __init__(
        self, trial: TrialLike | None, data: Any, space: Space, source: Source | None, cohorts: tuple[Cohort, ...],
        options: dict[str, Any], record: Record = PLAIN, numbers: Any = None,
    ):  # fmt: skip
        self.trial, self.data, self.space, self.options = trial, data, space, options
        self.source, self.cohorts = source, cohorts
        self.numbers = np.arange(len(space)) if numbers is None else np.asarray(numbers)
        self.record, self.rung, self.rungs, self.lineage = record, record.rung, record.rungs, record.lineage
        self.plan = Reports(c.report for c in cohorts if c.report is not None)
        self._made: dict[int, Run] = {}
        self._where = {int(i): (c, k) for c in cohorts for k, i in enumerate(c.indices)}

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: runs as they are, and no `Trial`, whose optimizer is made of local functions."""
        trial = None if isinstance(self.trial, Trial) else self.trial
        return {**vars(self), "trial": trial, "cohorts": tuple(map(whole, self.cohorts)), "_made": {}, "_where": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._where = {int(i): (c, k) for c in self.cohorts for k, i in enumerate(c.indices)}

    def __len__(self) -> int:
        return len(self.space)

    def __repr__(self) -> str:
        sick, missing = len(self.diverged), len(self) - len(self._where)
        told = f", {sick} of them diverged" * bool(sick) + f", {missing} of them not begun" * bool(missing)
        return f"Runs({len(self)} members over {', '.join(self.space.axes)}{told})\n{self.plan!r}"

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} runs; write runs[{len(self) - 1}] for the last")
        i = int(i) % len(self)
        if i not in self._where:
            raise ValueError(f"run {i} had not begun; write runs.finished for those that had, or grid(..., folder=)")
        if i not in self._made:
            cohort, k = self._where[i]
            self._made[i] = cohort.make(k)
        return self._made[i]

    def __iter__(self) -> Iterator[Run]:
        return (self[i] for i in range(len(self)))

    @property
    def begun(self) -> np.ndarray:
        """Which members have begun, their numbers in order: all, unless the grid was interrupted."""
        return np.array(sorted(self._where), int)

    @property
    def finished(self) -> list[Run]:
        """The runs there are, in the order of the space: all, unless the grid was interrupted."""
        return [self[int(i)] for i in self.begun]

    @property
    def diverged(self) -> np.ndarray:
        """Which members fell sick, their numbers in order."""
        return np.sort(
            np.concatenate([c.indices[c.outcome.diverged >= 0] for c in self.cohorts] or [np.array([], int)])
        )

    def stacked_params(self) -> Any:
        """The weights to use of all members as one tree, leaves ``(members, ...)``, in the order of the space.

        Raises:
            ValueError: if the space has several structures, whose weights differ in shape.
        """
        return stacked(self.cohorts)

    @property
    def n_compiles(self) -> int:
        """How many programs were compiled: two for each new structure, none for one seen before."""
        return sum(r.compiles for r in self.plan)

    @functools.cached_property
    def _outcome(self) -> Outcome:
        """Of all members, in the order of the space, but for the weights."""
        return together(self.cohorts, len(self))

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The curves of all members by metric, ``(members, epochs)``."""
        return self._outcome.history

    @functools.cached_property
    def table(self) -> dict[str, list]:
        """One row for every point, as columns: its axes, then the metrics at its chosen epoch.

        The chosen epoch is that of the best weights where stopping monitored a metric, else the last one done.
        """
        found = columns(list(self.space.points), self.space.axes, self._outcome)
        return found if self.rung is None else {**found, "rung": self.rung.tolist()}

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`, one row for every point, in the order of the space."""
        import pandas

        return pandas.DataFrame(self.table)

    def order(self, metric: str, mode: str | None = None) -> np.ndarray:
        """Member numbers from best to worst by a metric; NaN and then the diverged last, ties in the space's order.

        Of a search whoever came to its last rung stands before all others: fewer epochs are no fair match.

        Args:
            metric: a name in the history.
            mode: ``"min"`` or ``"max"``; None for that which stopping was given for this metric, or what the metric
                says of itself.

        Raises:
            ValueError: for a metric that the history does not have, or of which nobody said which way is better.
        """
        return order(self, metric, mode)

    def rises(self, metric: str, mode: str | None = None) -> bool:
        """Whether larger values of a metric are better, as for `order`."""
        return rises(self.cohorts, metric, mode)

    def cv(self, metric: str | None = None, mode: str | None = None) -> CV:
        """Each point over its folds, a `CV`: means, standard errors, choices; ``metric`` and ``mode`` as in `best`.

        Of a search only the points of its last rung: fewer epochs are no fair match.
        """
        if self.rung is not None and self.rung.min() < self.rung.max():
            return self.take(np.flatnonzero(self.rung == self.rung.max())).cv(metric, mode)
        self.order(metric := metric or self.default_metric, mode)
        return summed_up(self.space, self.table, metric, self.rises(metric, mode))

    def best(self, metric: str | None = None, mode: str | None = None, over: str | Iterable[str] = ()) -> Run:
        """The best run by a metric; by default validation accuracy, validation loss or loss, the first there is.

        One that diverged is taken only where all did, and then with a warning.

        Args:
            metric: a name in the history.
            mode: as for `order`.
            over: axes over which settings are judged by their mean, as in ``over="seed"`` or ``over=("seed", "fold")``:
                the best run of the best setting. A setting of which a run diverged comes after the others.
        """
        return self[first(self, metric or self.default_metric, mode, over)]

    def top(self, k: int, metric: str | None = None, mode: str | None = None) -> Top:
        """The ``k`` best runs by a metric, as a list that also makes an ensemble.

        Raises:
            ValueError: for k below 1 or above the number of runs.
        """
        if not 1 <= k <= len(self):
            raise ValueError(f"top takes 1 to {len(self)} runs, got {k}; write runs.top({min(5, len(self))})")
        return Top(self[int(i)] for i in self.order(metric or self.default_metric, mode)[:k])

    @property
    def default_metric(self) -> str:
        """What `best` and `top` go by unless told."""
        if not self.cohorts:
            raise ValueError("no run has begun; write runs.finished for those that had")
        return usual(self.history)

    def replay(self, i: int) -> Run:
        """Train point ``i`` alone again by `fit`, with the same data, seed and options."""
        return replay(self, i)

    def by(self, *axes: str, metric: str | Iterable[str] | None = None, confidence: float = 0.95) -> Statistics:
        """Mean, spread, standard error, count and interval of each metric at each setting of some axes.

        Over seeds, folds and all else that is not named; runs that diverged are left out, and counted.

        Args:
            *axes: by name; without one it is one row over all runs.
            metric: one or several; None for all.
            confidence: of the intervals, Student's t.
        """
        return by(self, axes, metric, confidence)

    def levels(self, axis: str) -> Levels:
        """The different ``values`` of an axis in order, and which of them each run has, ``codes``."""
        return levels(self, axis)

    def marginal(self, axis: str, metric: str | None = None, bins: int = 8, confidence: float = 0.95) -> Statistics:
        """The effect of one axis: a metric at each of its values, over all settings of the others.

        As `by`, but of settings, each the mean of its seeds and folds, and not of runs.

        Args:
            axis: its name; more than twice ``bins`` numbers are put into ``bins`` ranges of equally many.
            metric: None for that which `best` goes by.
            bins, confidence: see above.
        """
        return marginal(self, axis, metric, bins, confidence)

    def importance(self, metric: str | None = None) -> Importance:
        """How much of the variance of a metric each axis explains: functional ANOVA.

        Exact where the points are a whole grid, alone and in pairs of axes; else of a random forest (scikit-learn)
        over the means of seeds and folds. A few huge losses are most of a variance: `where` leaves them out.
        """
        return importance(self, metric)

    def compare(
        self, one: Mapping[str, Any], other: Mapping[str, Any], metric: str | None = None, *, test: str = "t",
        held: float | None = None, confidence: float = 0.95,
    ) -> Comparison:  # fmt: skip
        """Two settings against each other, paired by fold or by seed, each pair a mean over the axes not named.

        Args:
            one, other: values of the same axes, as in ``compare(dict(lr=0.1), dict(lr=0.01))``.
            metric: None for that which `best` goes by.
            test: ``"t"``, corrected where the pairs are folds, or ``"wilcoxon"``.
            held: held-out rows for one training row of a fold; None for those of k-fold, ``1 / (k - 1)``.
            confidence: of the interval.

        Raises:
            ValueError: for settings that share fewer than two pairs.
        """
        return compared(self, one, other, metric, test, held, confidence)

    def where(self, **conditions: Any) -> "Runs":
        """The runs that meet all conditions, as `Runs`; ``numbers`` says which they are here.

        Args:
            **conditions: for an axis or a column of the table a value, a list of values, or a function of the value, as
                in ``where(lr=0.1, seed=[0, 1], val_loss=lambda v: v < 2)``. A tuple is one value.

        Raises:
            ValueError: if no run does, with the nearest value.
        """
        return where(self, conditions)

    def take(self, members: Any) -> "Runs":
        """Some of the runs, in this order, as in ``runs.take(runs.order("val_loss")[:10])``."""
        return taken(self, members)

    def __add__(self, other: "Runs") -> "Runs":
        """The runs of two grids, these first; `ValueError` for other axes, or a point that stands in both."""
        return joined(self, other) if isinstance(other, Runs) else NotImplemented

    def save(self, folder: str | os.PathLike) -> None:
        """Write models, curves and table into a folder of plain files, at once or not at all; `load_runs` reads it.

        Raises:
            ValueError: if the folder holds a training, or a model holds what no file does.
        """
        from jaxnn.grid.saving import save

        save(self, folder)

    @property
    def plot(self) -> Any:
        """Pictures: ``runs.plot.heatmap("lr", "l2", "val_accuracy")``, ``runs.plot.curves("val_loss")``."""
        from jaxnn.plot.runs import RunsPlots

        return RunsPlots(self)
