"""Runs by their settings: mean, spread and interval of each metric over seeds, folds and everything else."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxnn.core.registry import is_better_larger, usual
from jaxnn.grid.levels import cells, check_axis, levels, settings_of
from jaxnn.grid.printing import number, printed, with_errors

NOT_METRICS = ("epochs_done", "best_epoch", "diverged_at")
SHOWN = 4
"""Metrics that are printed, at most."""


@dataclass(frozen=True)
class Statistics:
    """Metrics over the runs of each setting, as `Runs.by` and `Runs.marginal` make them.

    Args:
        table: columns: the axes; ``runs`` (of a marginal ``settings``), those that count; ``left_out``, those that
            diverged or had not begun; and for each metric ``_mean``, ``_std`` (of a sample), ``_sem`` (the
            standard error of the mean), ``_count``, ``_low`` and ``_high`` (the interval of the mean, Student's t).
            What one run cannot tell is NaN.
        axes: that the rows differ in.
        metrics: by name.
        confidence: of the intervals.
        directions: whether larger is better, by metric; None for unknown.

    Example:
        >>> made = statistics({"lr": [0.1, 0.2]}, np.array([0, 0, 1]), {"loss": [1.0, 3.0, 5.0]}, np.ones(3, bool))
        >>> made.table["loss_mean"], made.table["loss_count"], made.best("loss", "min")
        ([2.0, 5.0], [2, 1], {'lr': 0.1})
    """

    table: dict[str, list]
    axes: tuple[str, ...]
    metrics: tuple[str, ...]
    confidence: float
    directions: dict[str, bool | None]

    def __len__(self) -> int:
        return len(self.table["left_out"])

    @property
    def _unit(self) -> str:
        return "runs" if "runs" in self.table else "settings"

    def __repr__(self) -> str:
        columns = {name: [str(number(v)) for v in self.table[name]] for name in self.axes}
        columns[self._unit] = list(map(str, self.table[self._unit]))
        if any(self.table["left_out"]):
            columns["left out"] = list(map(str, self.table["left_out"]))
        first = sorted(self.metrics, key=lambda name: not name.startswith("val_"))[:SHOWN]
        shown = [name for name in self.metrics if name in first]
        for name in shown:
            columns[name] = with_errors(self.table[f"{name}_mean"], self.table[f"{name}_high"])
        rest = f"; {len(self.metrics) - len(shown)} more in .table" * (len(shown) < len(self.metrics))
        out = "; those that diverged or had not begun are left out" * any(self.table["left_out"])
        percent = f"{100 * self.confidence:.4g}"
        return f"{printed(columns)}\nmean ± half of the {percent} % interval of the mean (Student's t){rest}{out}"

    def order(self, metric: str | None = None, mode: str | None = None) -> np.ndarray:
        """Row numbers from best to worst by the mean of a metric.

        Rows of which a run is left out come after all others: the mean of those that did not diverge flatters.

        Args:
            metric: by name; by default the first of validation accuracy, validation loss and loss.
            mode: ``"min"`` or ``"max"``; None for what the metric says of itself.

        Raises:
            ValueError: for a metric that is not here, or of which nobody said which way is better.
        """
        metric = metric or usual(self.metrics)
        if metric not in self.metrics:
            raise ValueError(f"there are no statistics of {metric!r}; choose one of {', '.join(self.metrics)}")
        means = np.array(self.table[f"{metric}_mean"])
        means = -means if is_better_larger(metric, mode, f'.best("{metric}"', self.directions) else means
        short = np.array(self.table[self._unit]) - np.array(
            self.table[f"{metric}_count"]
        )  # not finite, yet not diverged
        out = (np.array(self.table["left_out"]) + short) > 0
        return np.lexsort((np.where(np.isnan(means), np.inf, means), out, np.isnan(means)))

    def best(self, metric: str | None = None, mode: str | None = None) -> dict[str, Any]:
        """The setting of the best mean: its axes by name, as ``runs.where(**setting)`` takes them."""
        first = int(self.order(metric, mode)[0])
        return {name: self.table[name][first] for name in self.axes}

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`, indexed by its axes."""
        import pandas

        frame = pandas.DataFrame(self.table)
        return frame.set_index(list(self.axes)) if self.axes else frame


def statistics(
    axes: dict[str, list], place: np.ndarray, metrics: dict[str, Any], healthy: np.ndarray, confidence: float = 0.95,
    directions: dict[str, bool | None] | None = None,
) -> Statistics:  # fmt: skip
    """Statistics of rows of metrics.

    Args:
        axes: the columns that name the cells, one value for each cell.
        place: which cell each row belongs to, ``(rows,)``.
        metrics: by name, ``(rows,)``; what is not finite does not count.
        healthy: which rows count, ``(rows,)``.
        confidence: of the intervals, above 0 and below 1.
        directions: whether larger is better, by metric.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, got {confidence!r}; write confidence=0.95")
    count = int(place.max(initial=-1)) + 1
    all_, counted = np.bincount(place, minlength=count), np.bincount(place[healthy], minlength=count)
    table: dict[str, list] = {**axes, "runs": counted.tolist(), "left_out": (all_ - counted).tolist()}
    for name, column in metrics.items():
        values = np.asarray(column, np.float64)
        good = healthy & np.isfinite(values)
        moments = [_moments(values[good & (place == k)], confidence) for k in range(count)]
        for part, own in zip(("mean", "std", "sem", "count", "low", "high"), zip(*moments, strict=True), strict=True):
            table[f"{name}_{part}"] = list(own)
    return Statistics(table, tuple(axes), tuple(metrics), confidence, directions or {})


def _moments(values: np.ndarray, confidence: float) -> tuple[float, float, float, int, float, float]:
    """Mean, spread, standard error, count and interval."""
    from scipy.special import stdtrit

    n = len(values)
    mean = float(values.mean()) if n else np.nan
    if n < 2:
        return mean, np.nan, np.nan, n, np.nan, np.nan
    std = float(values.std(ddof=1))
    error = std / np.sqrt(n)
    half = float(stdtrit(n - 1, 0.5 + confidence / 2)) * error
    return mean, std, float(error), n, mean - half, mean + half


def by(runs: Any, axes: Sequence[str], metric: Any = None, confidence: float = 0.95) -> Statistics:
    """See `Runs.by`."""
    axes = axes[0] if len(axes) == 1 and isinstance(axes[0], (list, tuple)) else axes  # as pandas has it
    found, place = cells(runs, axes)
    values = [levels(runs, axis).values for axis in axes]
    columns = {axis: [values[k][cell[k]] for cell in found] for k, axis in enumerate(axes)}
    names = metrics_of(runs, metric)
    chosen = {name: runs.table[name] for name in names}
    return statistics(columns, place, chosen, healthy(runs), confidence, directions(runs, names))


def marginal(runs: Any, axis: str, metric: str | None = None, bins: int = 8, confidence: float = 0.95) -> Statistics:
    """See `Runs.marginal`."""
    check_axis(runs, axis)
    names = metrics_of(runs, metric or runs.default_metric)
    settings = [axis, *(name for name in settings_of(runs) if name != axis)]
    found, _ = cells(runs, settings)
    own = levels(runs, axis)
    codes = np.array([cell[0] for cell in found])  # (settings,)
    table = by(runs, settings, names).table
    values, codes = _binned(own.values, codes, bins) if own.numeric else (own.values, codes)
    means = {name: table[f"{name}_mean"] for name in names}
    made = statistics({axis: values}, codes, means, np.array(table["runs"]) > 0, confidence, directions(runs, names))
    return replace(made, table={"settings" if name == "runs" else name: v for name, v in made.table.items()})


def _binned(values: list, codes: np.ndarray, bins: int) -> tuple[list, np.ndarray]:
    """Values of an axis in ranges of equally many, each under the median of its own, where they are too many."""
    if len(values) <= 2 * bins:
        return values, codes
    parts = np.array_split(np.arange(len(values)), bins)
    place = np.repeat(np.arange(bins), [len(part) for part in parts])
    return [float(np.median(np.array(values)[part])) for part in parts], place[codes]


def healthy(runs: Any) -> np.ndarray:
    """Which runs have begun and did not diverge, ``(runs,)`` bool."""
    table = runs.table
    begun = np.isin(np.arange(len(table["diverged_at"])), runs.begun)
    return begun & np.array([step is None for step in table["diverged_at"]], bool)


def metrics_of(runs: Any, metric: str | Iterable[str] | None) -> list[str]:
    """Metrics by name; None for all that runs have.

    Raises:
        ValueError: for one that they do not have.
    """
    names = [metric] if isinstance(metric, str) else list(runs.history) if metric is None else list(metric)
    for name in names:
        if name not in runs.history:
            raise ValueError(f"the history has no {name!r}; choose one of {', '.join(runs.history)}")
    return names


def directions(runs: Any, metrics: Iterable[str]) -> dict[str, bool | None]:
    """Whether larger is better, by metric, None where nobody said so."""
    found: dict[str, bool | None] = {}
    for name in metrics:
        try:
            found[name] = runs.rises(name)
        except ValueError:
            found[name] = None
    return found
