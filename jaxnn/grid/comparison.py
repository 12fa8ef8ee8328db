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
        within: the axes over which each pair is a mean.
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
    within: tuple[str, ...]
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
        mean = f"each a mean over {', '.join(self.within)}, " * bool(self.within)
        left = f"; {self.left_out} pairs left out, of which a run diverged or had not begun" * bool(self.left_out)
        return (
            f"{self.metric}: {one} has {number(self.means[0])}, {other} has {number(self.means[1])}, difference "
            f"{number(self.difference)} ({percent} % interval {number(self.low)} to {number(self.high)}), "
            f"p = {self.p:.2g}\n{self.pairs} pairs by {', '.join(self.over) or 'nothing'}, {mean}{self.test}{left}"
        )


def _name(value: Any) -> Any:
    return number(getattr(value, "__name__", value))


def compared(
    runs: Any, one: Mapping[str, Any], other: Mapping[str, Any], metric: str | None, test: str, held: float | None,
    confidence: float,
) -> Comparison:  # fmt: skip
    """See `Runs.compare`."""
    if not (isinstance(one, Mapping) and isinstance(other, Mapping) and one) or set(one) != set(other):
        raise ValueError(
            f"two settings give values to the same axes, got {one} and {other}; "
            "write runs.compare(dict(lr=0.1), dict(lr=0.01))"
        )
    name = metrics_of(runs, metric or runs.default_metric)[0]
    over = [axis for axis in axes_of(runs) if axis not in one]
    codes = np.stack([levels(runs, axis).codes for axis in over], 1) if over else np.zeros((len(runs), 0), int)
    values = np.where(healthy(runs), np.asarray(runs.table[name], float), np.nan)
    common, pairs = _pairs(runs, one, other, codes, values)
    good = np.isfinite(pairs).all(axis=1)
    if not common or good.sum() < 2:
        raise ValueError(
            f"{dict(one)} and {dict(other)} have {int(good.sum())} pairs by {', '.join(over) or 'any other axis'}, and "
            "a comparison needs two at least; write an axis seed=range(10)"
        )
    unit, share = _unit(common, over, good, held)
    within = [axis for k, axis in enumerate(over) if unit is not None and axis != unit and _varies(common, k)]
    if unit is not None:
        place = np.array([code[over.index(unit)] for code in common])[good]
        found = np.stack([pairs[good][place == k].mean(0) for k in np.unique(place)])
    else:
        found = pairs[good]
    return paired(
        found[:, 0], found[:, 1], name, dict(one), dict(other), over=tuple(over if unit is None else [unit]),
        within=tuple(within), test=test, share=share, confidence=confidence, left_out=int((~good).sum()),
        rises=directions(runs, [name])[name],
    )  # fmt: skip


def _pairs(
    runs: Any, one: Mapping[str, Any], other: Mapping[str, Any], codes: np.ndarray, values: np.ndarray
) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """The places on all other axes that have both settings, and the values under each, ``(pairs, 2)``."""
    sides: list[dict[tuple[int, ...], float]] = []
    for setting in (one, other):
        rows = np.flatnonzero(np.isin(runs.numbers, runs.where(**setting).numbers))
        sides.append({tuple(codes[i].tolist()): float(values[i]) for i in rows})
        if len(sides[-1]) < len(rows):
            raise ValueError(f"{dict(setting)} is not one setting; give one value to each axis, and no condition")
    common = [place for place in sides[0] if place in sides[1]]
    return common, np.array([[side[place] for side in sides] for place in common]).reshape(-1, 2)


def _varies(common: list, k: int) -> bool:
    return len({code[k] for code in common}) > 1


def _unit(common: list, over: list[str], good: Any, held: float | None) -> tuple[str | None, float]:
    """The axis that repeats both settings, folds before seeds, or None, and how many held-out rows a training row has.

    Seeds of one fold are no folds, and the values of another hyperparameter no seeds: they are averaged first.
    """
    for axis in ("fold", "seed"):
        own = {code[over.index(axis)] for code, fine in zip(common, good, strict=True) if fine} if axis in over else ()
        if len(own) > 1:
            return axis, (1.0 / (len(own) - 1) if held is None else held) if axis == "fold" else held or 0.0
    return None, held or 0.0


def paired(
    one: Any, other: Any, metric: str, setting: dict[str, Any], against: dict[str, Any], *,
    over: tuple[str, ...] = (), within: tuple[str, ...] = (),
    test: str = "t", share: float = 0.0, confidence: float = 0.95, left_out: int = 0,
    rises: bool | None = None,
) -> Comparison:  # fmt: skip
    """Two samples whose values belong together, pair by pair.

    The t test divides the mean difference by ``std * sqrt(1 / pairs + share)``; with ``share`` 0 it is the paired t
    test, and where pairs are folds, whose training rows overlap, ``share`` is held-out rows for one training row.

    Args:
        one, other: ``(pairs,)``.
        metric: what they are.
        setting, against: of one and of the other.
        over, within: by what they are paired, and over what each is a mean, for the record.
        test: ``"t"`` or ``"wilcoxon"``, the signed-rank test.
        share: see above.
        confidence: of the interval, which is that of the t test.
        left_out, rises: for the record.

    Source: Nadeau and Bengio, "Inference for the generalization error", Machine Learning 52, 2003.
    """
    from scipy import special

    if test not in ("t", "wilcoxon") or (test == "wilcoxon" and share):
        raise ValueError(f'test is "t", or without folds "wilcoxon", got {test!r}; write test="t"')
    one, other = np.asarray(one, float), np.asarray(other, float)
    each = one - other
    n, mean = len(each), float((one - other).mean())
    error = float(each.std(ddof=1)) * np.sqrt(1 / n + share)
    if test == "wilcoxon":
        p = _signed_ranks(each) if each.any() else 1.0
    elif error == 0:
        p = float(mean == 0)
    else:
        p = float(2 * special.stdtr(n - 1, -abs(mean) / error))
    half = float(special.stdtrit(n - 1, 0.5 + confidence / 2)) * error
    named = "Wilcoxon's signed-rank test" if test == "wilcoxon" else "paired t test"
    named = f"t test corrected for folds ({share:.3g} held-out rows for one training row)" if share else named
    means = float(one.mean()), float(other.mean())
    return Comparison(
        metric,
        setting,
        against,
        means,
        mean,
        mean - half,
        mean + half,
        p,
        n,
        over,
        within,
        left_out,
        named,
        confidence,
        rises,
    )


def _signed_ranks(each: np.ndarray) -> float:
    from scipy.stats import wilcoxon

    return float(wilcoxon(each).pvalue)  # pyright: ignore[reportAttributeAccessIssue]
