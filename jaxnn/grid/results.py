"""What `grid` returns: one run for every point of the space, in order."""

import functools
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.registry import is_better_larger
from jaxnn.core.tree import member
from jaxnn.data.source import Source
from jaxnn.grid.copies import whole
from jaxnn.grid.cv import CV, summed_up
from jaxnn.grid.ensemble import Ensemble
from jaxnn.grid.space import Space
from jaxnn.train.ending import DivergedWarning
from jaxnn.train.fit import fit
from jaxnn.train.options import PARTS
from jaxnn.train.outcome import Outcome, bare, columns, shown
from jaxnn.train.population import Population
from jaxnn.train.progress import reading_order
from jaxnn.train.result import Run
from jaxnn.train.trial import Trial, TrialLike


class Report(NamedTuple):
    """How a population ran: its plan, and the seconds it took."""

    structure: dict[str, Any]
    members: int
    plan: Any
    compile_seconds: float
    run_seconds: float
    compiles: int

    def __str__(self) -> str:
        what = ", ".join(f"{k}={v}" for k, v in self.structure.items()) or "one structure"
        return (
            f"{self.members} members ({what}): {self.plan}; "
            f"{self.compiles} compilation(s) in {self.compile_seconds:.2f} s, ran {self.run_seconds:.2f} s"
        )


class Reports(tuple):
    """The reports of all populations; prints as a paragraph."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


class Cohort(NamedTuple):
    """The members of one structure and what came of them.

    Args:
        indices: their points in the space.
        outcome: chosen weights and curves, stacked.
        make: the `Run` of the k-th of them.
        report: how they ran, or None.
        stop: their `EarlyStopping`, of the grid or of the trial itself, or None.
        directions: whether larger is better, by metric.
    """

    indices: np.ndarray
    outcome: Outcome
    make: Callable[[int], Run]
    report: Report | None
    stop: Any = None
    directions: dict[str, bool | None] = {}

    @classmethod
    def of(cls, indices: np.ndarray, population: Population, states: bool) -> "Cohort":
        """What came of a population, with the last states of its members or without."""
        outcome, entries, source = population.outcome, population.entries, population.source
        last, taken = population.state() if states else None, population.taken

        def make(k: int) -> Run:
            hparams = {name: shown(v) for name, v in entries[k].hparams.items()}
            own = None if last is None else member(last, k)
            return outcome.run(k, bare(entries[k], source), hparams, entries[k].seed, own, taken)

        fixed = {s.name: entries[0].hparams[s.name] for s in population.recipe.structure if s.is_fixed}
        seconds = (population.timing[name] for name in ("compile", "run", "compiles"))
        report = Report(fixed, len(entries), population.layout, *seconds)
        trial = entries[0].trial()
        return cls(indices, outcome, make, report, trial.stop, trial.directions)


class Runs(Sequence):
    """All runs of a grid: a sequence of `Run`, a table, and the curves.

    ``runs[i]`` is the run of point *i*; ``runs.history["val_loss"]`` is ``(members, epochs)``, NaN where an epoch
    was not done; ``runs.plan`` tells how it ran, in words.

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
        options: dict[str, Any],
    ):  # fmt: skip
        self.trial, self.data, self.space, self.options = trial, data, space, options
        self.source, self.cohorts = source, cohorts
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
    def finished(self) -> list[Run]:
        """The runs there are, in the order of the space: all, unless the grid was interrupted."""
        return [self[i] for i in sorted(self._where)]

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
        if len(self.cohorts) != 1:
            raise ValueError(f"the weights of {len(self.cohorts)} structures cannot be stacked; write runs[i].params")
        return self.cohorts[0].outcome.params

    @property
    def n_compiles(self) -> int:
        """How many programs were compiled: two for each new structure, none for one seen before."""
        return sum(r.compiles for r in self.plan)

    @functools.cached_property
    def _outcome(self) -> Outcome:
        """Of all members, in the order of the space, but for the weights."""
        curves = [c.outcome.history for c in self.cohorts]
        longest = max((v.shape[1] for c in curves for v in c.values()), default=0)
        names = sorted({n for c in curves for n in c}, key=reading_order)
        dtype = np.result_type(np.float32, *(v.dtype for c in curves for v in c.values()))
        history = {n: np.full((len(self), longest), np.nan, dtype) for n in names}
        epochs, best, sick = (np.full(len(self), v) for v in (0, -1, -1))
        stopped = np.zeros(len(self), bool)
        for c in self.cohorts:
            for name, values in c.outcome.history.items():
                history[name][c.indices, : values.shape[1]] = values
            epochs[c.indices], best[c.indices] = c.outcome.epochs, c.outcome.best_epoch
            sick[c.indices], stopped[c.indices] = c.outcome.diverged, c.outcome.stopped
        return Outcome(None, None, epochs, best, sick, stopped, history)

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The curves of all members by metric, ``(members, epochs)``."""
        return self._outcome.history

    @functools.cached_property
    def table(self) -> dict[str, list]:
        """One row for every point, as columns: its axes, then the metrics at its chosen epoch.

        The chosen epoch is that of the best weights where stopping monitored a metric, else the last one done.
        """
        return columns(list(self.space.points), self.space.axes, self._outcome)

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`, one row for every point, in the order of the space."""
        import pandas

        return pandas.DataFrame(self.table)

    def order(self, metric: str, mode: str | None = None) -> np.ndarray:
        """Member numbers from best to worst by a metric; NaN and then the diverged last, ties in the space's order.

        Args:
            metric: a name in the history.
            mode: ``"min"`` or ``"max"``; None for that which stopping was given for this metric, or what the metric
                says of itself.

        Raises:
            ValueError: for a metric that the history does not have, or of which nobody said which way is better.
        """
        if metric not in self.history:
            raise ValueError(f"the history has no {metric!r}; choose one of {', '.join(self.history)}")
        values = np.array(self.table[metric])
        values = -values if self.rises(metric, mode) else values
        return np.lexsort((np.where(np.isnan(values), np.inf, values), self._outcome.diverged >= 0))

    def rises(self, metric: str, mode: str | None = None) -> bool:
        """Whether larger values of a metric are better, as for `order`."""
        known = {name: way for c in reversed(self.cohorts) for name, way in c.directions.items() if way is not None}
        known |= {c.stop.metric: c.stop.rises for c in self.cohorts if c.stop is not None}
        return is_better_larger(metric, mode, f'runs.best("{metric}"', known)

    def cv(self, metric: str | None = None, mode: str | None = None) -> CV:
        """Each point over its folds, a `CV`: means, standard errors, choices; ``metric`` and ``mode`` as in `best`."""
        self.order(metric := metric or self.default_metric, mode)
        return summed_up(self.space, self.table, metric, self.rises(metric, mode))

    def best(self, metric: str | None = None, mode: str | None = None) -> Run:
        """The best run by a metric; by default validation accuracy, validation loss or loss, the first there is.

        One that diverged is taken only where all did, and then with a warning.
        """
        first = int(self.order(metric or self.default_metric, mode)[0])
        if self._outcome.diverged[first] >= 0:
            warnings.warn(
                "every run diverged, and the best of them is what it was before; write smaller learning rates",
                DivergedWarning,
                stacklevel=2,
            )
        return self[first]

    def top(self, k: int, metric: str | None = None, mode: str | None = None) -> "Top":
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
        return next(m for m in ("val_accuracy", "val_loss", "loss") if m in self.history)

    def replay(self, i: int) -> Run:
        """Train point ``i`` alone again by `fit`, with the same data, seed and options."""
        if self.trial is None:
            raise ValueError(
                "runs out of a folder hold no trial function, nor some out of a pickle; "
                "write nn.fit(trial, data, runs[i].hparams)"
            )
        point = dict(self.space.points[i])
        own = {name: point.pop(name) for name in ("seed", "batch_size", "epochs") if name in point}
        part = [point.pop(name) for name in PARTS if name in point]
        data = self.source.only(part[0]) if part and self.source is not None else self.data
        start = self.options.get("start")
        begun = {"start": start[i] if isinstance(start, list) else start}
        return fit(self.trial, data, point, **{**self.options, **own, **begun}, progress=False)

    @property
    def plot(self) -> Any:
        """Pictures: ``runs.plot.heatmap("lr", "l2", "val_accuracy")``, ``runs.plot.curves("val_loss")``."""
        from jaxnn.plot.grid import RunsPlots

        return RunsPlots(self)


class Top(list):
    """Runs from best to worst."""

    def ensemble(self) -> Ensemble:
        """One model that averages their probabilities, or their outputs where the loss is of values."""
        return Ensemble(tuple(self))
