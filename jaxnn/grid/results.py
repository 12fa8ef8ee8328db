"""What `grid` returns: one run for every point of the space, in order."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.direction import rises
from jaxnn.core.tree import member
from jaxnn.grid.ensemble import Ensemble
from jaxnn.grid.plan import Plan
from jaxnn.grid.space import Space
from jaxnn.optim.average import averaged, keeps
from jaxnn.train.fit import Prepared, fit, make_run
from jaxnn.train.loop import reading_order
from jaxnn.train.result import Run
from jaxnn.train.state import TrainState
from jaxnn.train.trial import TrialLike, traced

OWN = ("seed", "batch_size", "epochs")
"""Axes of the engine's own; all others are arguments of the trial function."""


class Cohort(NamedTuple):
    """The members of one structure, their trees stacked along the first axis."""

    indices: np.ndarray
    structure: tuple
    compute_dtype: Any
    stop: Any
    state: TrainState
    history: dict[str, np.ndarray]


class Report(NamedTuple):
    """How a cohort ran: its plan, and the seconds it took."""

    structure: dict[str, Any]
    members: int
    plan: Plan
    compile_seconds: float
    run_seconds: float
    compiles: int

    def __str__(self) -> str:
        what = ", ".join(f"{k}={v}" for k, v in self.structure.items()) or "one structure"
        devices, width, chunk = self.plan
        exact = "equal to solo runs to the bit on one device" if width == 1 else "within float rounding of solo runs"
        return (
            f"{self.members} members ({what}): {devices} device(s) x {chunk} members a call, {width} side by side, "
            f"{exact}; {self.compiles} compilation(s) in {self.compile_seconds:.2f} s, ran {self.run_seconds:.2f} s"
        )


class Reports(tuple):
    """The reports of all cohorts; prints as a paragraph."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


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
        self, trial: TrialLike, data: Any, space: Space, prepared: Prepared, cohorts: tuple[Cohort, ...],
        reports: tuple[Report, ...], options: dict[str, Any],
    ):  # fmt: skip
        self.trial, self.data, self.space, self.options = trial, data, space, options
        self.prepared, self.cohorts = prepared, cohorts
        self.plan = Reports(reports)
        self._made: dict[int, Run] = {}
        self._where = {int(i): (c, k) for c in cohorts for k, i in enumerate(c.indices)}

    def __len__(self) -> int:
        return len(self.space)

    def __repr__(self) -> str:
        return f"Runs({len(self)} members over {', '.join(self.space.axes)})\n{self.plan!r}"

    def __getitem__(self, i: Any) -> Any:
        if isinstance(i, slice):
            return [self[k] for k in range(*i.indices(len(self)))]
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} runs; write runs[{len(self) - 1}] for the last")
        return self._run(int(i) % len(self))

    def __iter__(self) -> Iterator[Run]:
        return (self[i] for i in range(len(self)))

    def _run(self, i: int) -> Run:
        if i not in self._made:
            cohort, k = self._where[i]
            point = self.space.points[i]
            hparams = {name: v for name, v in point.items() if name not in OWN}
            history = {name: v[k] for name, v in cohort.history.items()}
            self._made[i] = make_run(
                self.trial, hparams, cohort.stop, point.get("seed", 0), member(cohort.state, k), history,
                self.prepared, cohort.compute_dtype, {},
            )  # fmt: skip
        return self._made[i]

    def stacked_params(self) -> Any:
        """The weights to use of all members as one tree, leaves ``(members, ...)``, in the order of the space.

        Raises:
            ValueError: if the space has several structures, whose weights differ in shape.
        """
        if len(self.cohorts) != 1:
            raise ValueError(f"the weights of {len(self.cohorts)} structures cannot be stacked; write runs[i].params")
        state = self.cohorts[0].state
        if state.best is not None:
            return state.best.params
        return jax.vmap(averaged)(state.opt_state, state.params) if keeps(state.opt_state) else state.params

    @property
    def n_compiles(self) -> int:
        """How many programs were compiled: two for each new structure, none for one seen before."""
        return sum(r.compiles for r in self.plan)

    @functools.cached_property
    def history(self) -> dict[str, np.ndarray]:
        """The curves of all members by metric, ``(members, epochs)``."""
        longest = max(v.shape[1] for c in self.cohorts for v in c.history.values())
        names = sorted({n for c in self.cohorts for n in c.history}, key=reading_order)
        curves = {n: np.full((len(self), longest), np.nan, np.float32) for n in names}
        for c in self.cohorts:
            for name, values in c.history.items():
                curves[name][c.indices, : values.shape[1]] = values
        return curves

    @functools.cached_property
    def table(self) -> dict[str, list]:
        """One row for every point, as columns: its axes, then the metrics at its chosen epoch.

        The chosen epoch is that of the best weights where stopping monitored a metric, else the last one done.
        """
        axes = {n: [_shown(p.get(n)) for p in self.space.points] for n in self.space.axes}
        epochs, chosen, diverged = (np.zeros(len(self), int) for _ in range(3))
        for c in self.cohorts:
            epochs[c.indices] = np.asarray(c.state.epoch)
            chosen[c.indices] = np.asarray(c.state.epoch if c.state.best is None else c.state.best.epoch + 1) - 1
            diverged[c.indices] = np.asarray(c.state.diverged)
        rows = np.arange(len(self))
        metrics = {n: np.where(chosen >= 0, v[rows, np.maximum(chosen, 0)], np.nan) for n, v in self.history.items()}
        return {
            **axes,
            **{name: [float(x) for x in values] for name, values in metrics.items()},
            "epochs_done": epochs.tolist(),
            "best_epoch": chosen.tolist(),
            "diverged_at": [None if d < 0 else int(d) for d in diverged],
        }

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`, one row for every point, in the order of the space."""
        import pandas

        return pandas.DataFrame(self.table)

    def order(self, metric: str) -> np.ndarray:
        """Member numbers from best to worst by a metric; NaN last, ties in the order of the space.

        Raises:
            ValueError: for a metric that the history does not have.
        """
        if metric not in self.history:
            raise ValueError(f"the history has no {metric!r}; choose one of {', '.join(self.history)}")
        values = np.array(self.table[metric])
        return np.argsort(np.where(np.isnan(values), np.inf, -values if rises(metric) else values), kind="stable")

    def best(self, metric: str | None = None) -> Run:
        """The best run by a metric; by default validation accuracy, validation loss or loss, the first there is."""
        return self[int(self.order(metric or self.default_metric)[0])]

    def top(self, k: int, metric: str | None = None) -> "Top":
        """The ``k`` best runs by a metric, as a list that also makes an ensemble.

        Raises:
            ValueError: for k below 1 or above the number of runs.
        """
        if not 1 <= k <= len(self):
            raise ValueError(f"top takes 1 to {len(self)} runs, got {k}; write runs.top({min(5, len(self))})")
        return Top(self[int(i)] for i in self.order(metric or self.default_metric)[:k])

    @property
    def default_metric(self) -> str:
        """What `best` and `top` go by unless told."""
        return next(m for m in ("val_accuracy", "val_loss", "loss") if m in self.history)

    def replay(self, i: int) -> Run:
        """Train point ``i`` alone again by `fit`, with the same data, seed and options."""
        point = dict(self.space.points[i])
        seed = point.pop("seed", 0)
        own = {name: point.pop(name) for name in ("batch_size", "epochs") if name in point}
        return fit(self.trial, self.data, point, seed=seed, **{**self.options, **own}, progress=False)

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


def _shown(value: Any) -> Any:
    if isinstance(value, traced):
        return value.values
    return value.__name__ if callable(value) else value
