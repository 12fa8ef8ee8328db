"""Which axes matter: the variance of a metric, shared out among the axes (functional ANOVA)."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.grid.levels import REPEATS, axes_of, cells, is_log, levels
from jaxnn.grid.printing import printed
from jaxnn.grid.statistics import healthy, metrics_of


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of a metric over the runs, as `Runs.importance` finds them.

    Args:
        metric: its name.
        shares: by axis, what its values alone explain, the largest first.
        pairs: by two axes, what they explain together beyond each alone; empty where a forest was fitted.
        rest: what is left: three axes and more, or noise.
        how: in words.
        runs, left_out: that count, and that diverged or had not begun.

    Example:
        >>> importance_of(np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]]), ["lr", "seed"])[0]
        {'lr': 1.0, 'seed': 0.0}
    """

    metric: str
    shares: dict[str, float]
    pairs: dict[tuple[str, str], float]
    rest: float
    how: str
    runs: int
    left_out: int

    @property
    def table(self) -> dict[str, list]:
        """Axes and pairs of axes with their shares, the largest first, and the rest."""
        both = {**self.shares, **{" x ".join(pair): share for pair, share in self.pairs.items()}}
        order = sorted(both, key=lambda name: -both[name])
        return {"axis": [*order, "rest"], "share": [*(both[name] for name in order), self.rest]}

    def __repr__(self) -> str:
        columns = {"axis": self.table["axis"], "share": [f"{share:.1%}" for share in self.table["share"]]}
        out = f"; {self.left_out} runs that diverged or had not begun are left out" * bool(self.left_out)
        return f"{printed(columns)}\nof the variance of {self.metric} over {self.runs} runs, {self.how}{out}"

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame(self.table)


def importance(runs: Any, metric: str | None = None) -> Importance:
    """See `Runs.importance`."""
    metric = metrics_of(runs, metric or runs.default_metric)[0]
    values = np.asarray(runs.table[metric], float)
    good = healthy(runs) & np.isfinite(values)
    if np.ptp(values[good]) == 0 if good.any() else True:
        raise ValueError(f"there is no variance of {metric} to share out among {int(good.sum())} runs; look at .table")
    counts = int(good.sum()), int((~good).sum())
    varying = [name for name in axes_of(runs) if len(np.unique(levels(runs, name).codes[good])) > 1]
    settings = [name for name in varying if name not in REPEATS]
    for axes in (varying, settings):
        block = _block(runs, axes, values, good)
        if block is not None and axes:
            shares, pairs, rest = importance_of(block, axes)
            over = "" if axes == varying else f", means over {', '.join(n for n in varying if n not in axes)}"
            size = " x ".join(map(str, block.shape))
            return Importance(metric, shares, pairs, rest, f"exact on the whole grid of {size}{over}", *counts)
    shares = _of_a_forest(runs, settings, values, good)
    rest = max(0.0, 1.0 - sum(shares.values()))
    how = "by Optuna's forest of 64 trees, as the points are no whole grid"
    return Importance(metric, shares, {}, rest, how, *counts)


def _block(runs: Any, axes: list[str], values: np.ndarray, good: np.ndarray) -> np.ndarray | None:
    """The mean of each combination of values as an array with one axis for each, or None where one is missing."""
    codes = [np.unique(levels(runs, name).codes[good], return_inverse=True)[1] for name in axes]
    shape = [int(own.max()) + 1 for own in codes]
    if np.prod(shape, dtype=float) > good.sum():
        return None
    place = np.ravel_multi_index(codes, shape)
    counts = np.bincount(place, minlength=int(np.prod(shape)))
    if not counts.all():
        return None
    return (np.bincount(place, values[good], minlength=len(counts)) / counts).reshape(shape)


def importance_of(block: np.ndarray, axes: list[str]) -> tuple[dict[str, float], dict[tuple[str, str], float], float]:
    """Functional ANOVA of a complete factorial design: the share of each axis, of each pair, and the rest.

    With ``m(a)`` the mean over all axes but ``a``, the share of an axis is ``var(m(a)) / var(y)``, that of a pair
    ``var(m(a, b) - m(a) - m(b)) / var(y)``.

    Args:
        block: ``y``, one axis of the array for each axis.
        axes: their names.

    Source: Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance", 2014;
    Sobol', "Sensitivity estimates for nonlinear mathematical models", 1993.
    """
    total = block.var()

    def mean_over_others(*kept: int) -> np.ndarray:
        return block.mean(axis=tuple(k for k in range(block.ndim) if k not in kept), keepdims=True)

    alone = [mean_over_others(k) for k in range(block.ndim)]
    shares = {name: float(alone[k].var() / total) for k, name in enumerate(axes)}
    pairs = {
        (axes[a], axes[b]): float((mean_over_others(a, b) - alone[a] - alone[b]).var() / total)
        for a, b in itertools.combinations(range(block.ndim), 2)
    }
    rest = max(0.0, 1.0 - sum(shares.values()) - sum(pairs.values()))
    return dict(sorted(shares.items(), key=lambda item: -item[1])), pairs, rest


def _of_a_forest(runs: Any, axes: list[str], values: np.ndarray, good: np.ndarray) -> dict[str, float]:
    """The shares of axes by Optuna's functional ANOVA, on a study made up of the means of settings."""
    try:
        import optuna
    except ImportError:
        raise ImportError(
            "the points are no whole grid, and the importance of their axes is found by a forest of Optuna's; "
            "write pip install 'jaxnn-grid[optuna]'"
        ) from None
    found, place = cells(runs, axes)
    scores = [values[good & (place == k)].mean() if (good & (place == k)).any() else np.nan for k in range(len(found))]
    kept = [k for k, score in enumerate(scores) if np.isfinite(score)]
    own = {name: levels(runs, name) for name in axes}
    known = {name: _distribution(level, [found[k][a] for k in kept]) for a, (name, level) in enumerate(own.items())}
    told = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study()
    finally:
        optuna.logging.set_verbosity(told)
    for k in kept:
        params = {n: own[n].values[c] if own[n].numeric else c for n, c in zip(axes, found[k], strict=True)}
        study.add_trial(optuna.create_trial(params=params, distributions=known, value=float(scores[k])))
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=64, seed=0)
    return {
        name: float(share)
        for name, share in optuna.importance.get_param_importances(
            study, evaluator=evaluator, params=axes, normalize=False
        ).items()
    }


def _distribution(own: Any, codes: list[int]) -> Any:
    """Of an axis as Optuna has it: numbers in a range, evenly or evenly in the logarithm, anything else as choices."""
    import optuna

    if not own.numeric:
        return optuna.distributions.CategoricalDistribution(sorted(set(codes)))
    numbers = np.array(own.values, float)[sorted(set(codes))]
    return optuna.distributions.FloatDistribution(numbers[0], numbers[-1], log=is_log(numbers))
