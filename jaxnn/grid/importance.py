"""Which axes matter: the variance of a metric, shared out among the axes (functional ANOVA)."""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.grid.levels import REPEATS, axes_of, cells, levels
from jaxnn.grid.printing import printed
from jaxnn.grid.statistics import healthy, metrics_of

TREES, DRAWS = 100, 2048
"""Of the forest, and of Sobol's sequence by which its variance is taken apart."""


@dataclass(frozen=True)
class Importance:
    """Shares of the variance of a metric over the runs, as `Runs.importance` finds them.

    Args:
        metric: its name.
        shares: by axis, what it explains alone, the largest first.
        totals: by axis, what it explains alone and together with others.
        pairs: by two axes, what they explain together beyond each alone; empty where a forest was fitted.
        rest: what is left of 1: more axes together, and without pairs these too.
        how: in words.
        runs: that count.
        left_out: those that diverged or had not begun.

    Example:
        >>> shares, totals, pairs = decomposed(np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), ["lr", "seed"])
        >>> {name: round(share, 3) for name, share in shares.items()}
        {'lr': 0.914, 'seed': 0.086}
    """

    metric: str
    shares: dict[str, float]
    totals: dict[str, float]
    pairs: dict[tuple[str, str], float]
    rest: float
    how: str
    runs: int
    left_out: int

    @property
    def table(self) -> dict[str, list]:
        """Axes and pairs of axes with their shares, the largest first; the total is NaN for pairs."""
        both = {**self.shares, **{" x ".join(pair): share for pair, share in self.pairs.items()}}
        order = sorted(both, key=lambda name: -both[name])
        totals = [self.totals.get(name, np.nan) for name in order]
        return {"axis": order, "share": [both[name] for name in order], "total": totals}

    def __repr__(self) -> str:
        columns = {"axis": self.table["axis"]}
        for name in ("share", "total"):
            columns[name] = ["-" if np.isnan(value) else f"{value:.1%}" for value in self.table[name]]
        out = f"; {self.left_out} runs that diverged or had not begun are left out" * bool(self.left_out)
        return (
            f"{printed(columns)}\nof the variance of {self.metric} over {self.runs} runs, alone and with others; "
            f"{self.how}{out}"
        )

    def to_pandas(self) -> Any:
        """The `table` as a `pandas.DataFrame`."""
        import pandas

        return pandas.DataFrame(self.table)


def importance(runs: Any, metric: str | None = None) -> Importance:
    """See `Runs.importance`."""
    metric = metrics_of(runs, metric or runs.default_metric)[0]
    values = np.asarray(runs.table[metric], float)
    good = healthy(runs) & np.isfinite(values)
    if not good.any() or np.ptp(values[good]) == 0:
        raise ValueError(f"there is no variance of {metric} to share out among {int(good.sum())} runs; look at .table")
    counts = int(good.sum()), int((~good).sum())
    varying = [name for name in axes_of(runs) if len(np.unique(levels(runs, name).codes[good])) > 1]
    settings = [name for name in varying if name not in REPEATS]
    for axes in (varying, settings):
        block = _block(runs, axes, values, good)
        if axes and block is not None:
            shares, totals, pairs = decomposed(block, axes)
            over = "" if axes == varying else f", means over {', '.join(n for n in varying if n not in axes)}"
            how = f"exact on the whole grid of {' x '.join(map(str, block.shape))}{over}"
            break
    else:
        (shares, totals), pairs = _of_a_forest(runs, settings, values, good), {}
        how = f"by a forest of {TREES} trees, as the points are no whole grid"
    rest = max(0.0, 1.0 - sum(shares.values()) - sum(pairs.values()))
    shares = dict(sorted(shares.items(), key=lambda item: -item[1]))
    return Importance(metric, shares, totals, pairs, rest, how, *counts)


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


Shares = dict[str, float]


def decomposed(block: np.ndarray, axes: list[str]) -> tuple[Shares, Shares, dict[tuple[str, str], float]]:
    """Functional ANOVA of a complete factorial design: what each axis explains alone, in all, and in pairs.

    With ``m(a)`` the mean over all axes but ``a``, the share of an axis is ``var(m(a)) / var(y)``, that of a pair
    ``var(m(a, b) - m(a) - m(b)) / var(y)``; the total of an axis is the mean variance along it over ``var(y)``.

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
    totals = {name: float(block.var(axis=k).mean() / total) for k, name in enumerate(axes)}
    pairs = {
        (axes[a], axes[b]): float((mean_over_others(a, b) - alone[a] - alone[b]).var() / total)
        for a, b in itertools.combinations(range(block.ndim), 2)
    }
    return shares, totals, pairs


def _of_a_forest(runs: Any, axes: list[str], values: np.ndarray, good: np.ndarray) -> tuple[Shares, Shares]:
    """What each axis explains alone and in all of a random forest that was fitted to the means of settings.

    The values of an axis are as frequent as they are among the runs, whatever those of the others.
    """
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError:
        raise ImportError(
            "the points are no whole grid, and the importance of their axes is found by a forest of scikit-learn's; "
            "write pip install 'jaxnn-grid[data]'"
        ) from None
    from scipy.stats import sobol_indices

    found, place = cells(runs, axes)
    kept = [k for k in range(len(found)) if (good & (place == k)).any()]
    scores = np.array([values[good & (place == k)].mean() for k in kept])
    codes = np.array([found[k] for k in kept])  # (settings, axes)
    columns = [_columns(levels(runs, name)) for name in axes]  # each (values, columns)

    def rows(codes: np.ndarray) -> np.ndarray:
        return np.concatenate([column[own] for column, own in zip(columns, codes.T, strict=True)], axis=1)

    forest = RandomForestRegressor(TREES, random_state=0).fit(rows(codes), scores)
    drawn = sobol_indices(
        func=lambda codes: forest.predict(rows(codes.T.astype(int))),
        n=DRAWS,
        dists=[_Frequencies(np.sort(own)) for own in codes.T],
        random_state=np.random.default_rng(0),  # pyright: ignore[reportCallIssue]
    )
    alone, in_all = (np.clip(v, 0, 1).tolist() for v in (drawn.first_order, drawn.total_order))
    return dict(zip(axes, alone, strict=True)), dict(zip(axes, in_all, strict=True))


def _columns(own: Any) -> np.ndarray:
    """Numbers as one column, anything else as one for each value."""
    return np.array(own.values, float)[:, None] if own.numeric else np.eye(len(own.values))


class _Frequencies:
    """The codes of an axis as often as they are among the settings, as SciPy draws from a distribution."""

    def __init__(self, codes: np.ndarray):
        self.codes = codes

    def ppf(self, u: np.ndarray) -> np.ndarray:
        """The code at ``u`` in [0, 1]."""
        return self.codes[np.minimum((np.asarray(u) * len(self.codes)).astype(int), len(self.codes) - 1)]
