"""Two settings against each other, pair by pair: their difference, its interval and its p value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.grid.levels import axes_of, levels
from jaxnn.grid.printing import number
from jaxnn.grid.statistics import directions, healthy, metrics_of


@dataclass(frozen=True)
class Comparison:
    """A metric under two settings, as `Runs.compare` makes it.

    Args:
        metric: its name.
        one, other: the settings.
        means: the mean of the metric over the pairs, under each.
        difference: that under one minus that under the other, the mean of the pairs.
        low, high: the interval of the difference.
        p: the probability of a difference as far from 0 where there is none in truth, both ways.
        pairs: how many.
        over: the axes by which runs are paired.
        left_out: pairs of which a run diverged, or had not begun.
        test: by which p was found, in words.
        confidence: of the interval.
        rises: whether larger is better, None for unknown.

    Example:
        >>> paired([0.9, 0.8, 0.85], [0.7, 0.65, 0.75], "accuracy", {"lr": 0.1}, {"lr": 0.01}, over=("seed",))
        accuracy: lr=0.1 has 0.85, lr=0.01 has 0.7, difference 0.15 (95 % interval 0.02579 to 0.2742), p = 0.035
        3 pairs by seed, paired t test
    """

    metric: str
    one: dict[str, Any]
    other: dict[str, Any]
    means: tuple[float, float]
    difference: float
    low: float
    high: float
    p: float
    pairs: int
    over: tuple[str, ...]
    left_out: int
    test: str
    confidence: float
    rises: bool | None

    @property
    def better(self) -> dict[str, Any] | None:
        """The setting of the better mean; None where they are equal, or nobody said which way is better."""
        if self.rises is None or self.difference == 0:
            return None
        return self.one if (self.difference > 0) == self.rises else self.other

    def __repr__(self) -> str:
        one, other = (", ".join(f"{k}={_name(v)}" for k, v in s.items()) for s in (self.one, self.other))
        percent = f"{100 * self.confidence:.4g}"
        left = f"; {self.left_out} pairs left out, of which a run diverged or had not begun" * bool(self.left_out)
        return (
            f"{self.metric}: {one} has {number(self.means[0])}, {other} has {number(self.means[1])}, difference "
            f"{number(self.difference)} ({percent} % interval {number(self.low)} to {number(self.high)}), "
            f"p = {self.p:.2g}\n{self.pairs} pairs by {', '.join(self.over) or 'nothing'}, {self.test}{left}"
        )


def _name(value: Any) -> Any:
    return number(getattr(value, "__name__", value))


def compared(
    runs: Any, one: Mapping[str, Any], other: Mapping[str, Any], metric: str | None, test: str, held: float | None,
    confidence: float,
) -> Comparison:  # fmt: skip
    """See `Runs.compare`."""
    if set(one) != set(other) or not one:
        raise ValueError(
            f"two settings give values to the same axes, got {dict(one)} and {dict(other)}; "
            "write runs.compare(dict(lr=0.1), dict(lr=0.01))"
        )
    name = metrics_of(runs, metric or runs.default_metric)[0]
    over = [axis for axis in axes_of(runs) if axis not in one]
    codes = np.stack([levels(runs, axis).codes for axis in over], 1) if over else np.zeros((len(runs), 0), int)
    values = np.where(healthy(runs), np.asarray(runs.table[name], float), np.nan)
    sides = []
    for setting in (one, other):
        numbers = runs.where(**setting).numbers
        rows = np.flatnonzero(np.isin(runs.numbers, numbers))
        sides.append({tuple(codes[i]): float(values[i]) for i in rows})
        if len(sides[-1]) < len(rows):
            raise ValueError(f"{dict(setting)} is not one setting; give one value to each axis, and no condition")
    common = [place for place in sides[0] if place in sides[1]]
    pairs = np.array([[side[place] for side in sides] for place in common]).reshape(-1, 2)
    good = np.isfinite(pairs).all(axis=1)
    if not common or good.sum() < 2:
        raise ValueError(
            f"{dict(one)} and {dict(other)} have {int(good.sum())} pairs by {', '.join(over) or 'any other axis'}, and "
            "a comparison needs two at least; write an axis seed=range(10)"
        )
    units, share = _units(common, over, good, held)
    found = pairs[good] if units is None else np.stack([pairs[good][units == k].mean(0) for k in np.unique(units)])
    return paired(
        found[:, 0], found[:, 1], name, dict(one), dict(other), over=tuple(over), test=test, share=share,
        confidence=confidence, left_out=int((~good).sum()), rises=directions(runs, [name])[name],
    )  # fmt: skip


def _units(common: list, over: list[str], good: Any, held: float | None) -> tuple[Any, float]:
    """Which fold each pair is of, or None, and how many held-out rows a fold has for one training row."""
    if "fold" not in over:
        return None, held or 0.0
    folds = np.array([place[over.index("fold")] for place in common])[good]
    if len(np.unique(folds)) < 2:
        return None, held or 0.0
    return folds, 1.0 / (len(np.unique(folds)) - 1) if held is None else held


def paired(
    one: Any, other: Any, metric: str, setting: dict[str, Any], against: dict[str, Any], *,
    over: tuple[str, ...] = (), test: str = "t", share: float = 0.0, confidence: float = 0.95, left_out: int = 0,
    rises: bool | None = None,
) -> Comparison:  # fmt: skip
    """Two samples whose values belong together, pair by pair.

    The t test divides the mean difference by ``std * sqrt(1 / pairs + share)``; with ``share`` 0 it is the paired t
    test, and where pairs are folds, whose training rows overlap, ``share`` is held-out rows for one training row.

    Args:
        one, other: ``(pairs,)``.
        metric: what they are.
        setting, against: of one and of the other.
        over: by what they are paired.
        test: ``"t"`` or ``"wilcoxon"``, the signed-rank test.
        share: see above.
        confidence: of the interval, which is that of the t test.
        left_out, rises: for the record.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    from scipy import special, stats

    if test not in ("t", "wilcoxon") or (test == "wilcoxon" and share):
        raise ValueError(f'test is "t", or without folds "wilcoxon", got {test!r}; write test="t"')
    one, other = np.asarray(one, float), np.asarray(other, float)
    each = one - other
    n, mean = len(each), float((one - other).mean())
    error = float(each.std(ddof=1)) * np.sqrt(1 / n + share)
    if test == "wilcoxon":
        p = float(stats.wilcoxon(each).pvalue) if each.any() else 1.0  # pyright: ignore[reportAttributeAccessIssue]
    elif error == 0:
        p = float(mean == 0)
    else:
        p = float(2 * special.stdtr(n - 1, -abs(mean) / error))
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    named = "Wilcoxon's signed-rank test" if test == "wilcoxon" else "paired t test"
    named = f"t test corrected for folds ({share:.3g} held-out rows for one training row)" if share else named
    means = float(one.mean()), float(other.mean())
    return Comparison(
        metric, setting, against, means, mean, mean - half, mean + half, p, n, over, left_out, named, confidence, rises
    )
