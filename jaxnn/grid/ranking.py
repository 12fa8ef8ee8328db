"""Runs from best to worst: by a metric of each, or by its mean over seeds and folds."""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from jaxnn.core.registry import is_better_larger
from jaxnn.grid.cohort import Cohort
from jaxnn.grid.levels import axes_of, cells, check_axis
from jaxnn.grid.statistics import by, metrics_of
from jaxnn.train.ending import DivergedWarning


def order(runs: Any, metric: str, mode: str | None) -> np.ndarray:
    """See `Runs.order`."""
    metrics_of(runs, metric)
    values = np.array(runs.table[metric])
    values = -values if runs.rises(metric, mode) else values
    sick = np.isin(np.arange(len(runs)), runs.diverged)
    rung = np.zeros(len(runs), int) if runs.rung is None else runs.rung
    return np.lexsort((values, -rung, np.isnan(values), sick))


def rises(cohorts: Iterable[Cohort], metric: str, mode: str | None) -> bool:
    """See `Runs.rises`."""
    cohorts = list(cohorts)
    known = {name: way for c in reversed(cohorts) for name, way in c.directions.items() if way is not None}
    known |= {c.stop.metric: c.stop.rises for c in cohorts if c.stop is not None}
    return is_better_larger(metric, mode, f'runs.best("{metric}"', known)


def first(runs: Any, metric: str, mode: str | None, over: str | Iterable[str]) -> int:
    """The number of the best run, or of the best run of the setting whose mean over some axes is best.

    Raises:
        ValueError: for an axis that there is not.
    """
    found = runs.order(metric, mode)
    axes = [over] if isinstance(over, str) else list(over)
    if axes:
        for axis in axes:
            check_axis(runs, axis)
        kept = [name for name in axes_of(runs) if name not in axes]
        mode = "max" if runs.rises(metric, mode) else "min"
        setting = by(runs, kept, metric).order(metric, mode)[0]
        found = found[cells(runs, kept)[1][found] == setting]
    if found[0] in runs.diverged:
        warnings.warn(
            "every run diverged, and the best of them is what it was before; write smaller learning rates",
            DivergedWarning,
            stacklevel=3,
        )
    return int(found[0])
