"""Cross-validation summed up: mean and standard error of each point over its folds, and which point to take."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxnn.grid.printing import number, printed
from jaxnn.grid.space import Space
from jaxnn.train.options import PARTS
from jaxnn.train.outcome import shown


@dataclass(frozen=True, eq=False)
class CV:
    """What `Runs.cv` returns: one row for each point of the space, over its folds; prints as a table.

    Args:
        metric: what was summed up.
        rises: whether larger is better.
        points: the points, without folds and seeds, in the order of the space.
        table: columns: the axes, then ``mean``, ``std``, ``error`` (the standard error), ``folds``, ``epochs`` (the
            mean number of epochs that the chosen weights were trained), and ``diverged`` (how many runs fell sick).
        scores: ``(points, folds)``, the mean over the seeds of a fold; NaN where there is none.

    Example:
        >>> import optax, jaxnn as nn
        >>> def ridge(l2):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.1)))
        >>> x = np.random.default_rng(0).normal(size=(40, 3))
        >>> cv = nn.grid(ridge, (x, x[:, 0]), dict(l2=[0.0, 0.5]), epochs=30, folds=4).cv()
        >>> cv.best, cv.table["folds"]
        ({'l2': 0.0}, [4, 4])
    """

    metric: str
    rises: bool
    points: tuple[dict[str, Any], ...]
    table: dict[str, list]
    scores: np.ndarray = field(repr=False)

    def __repr__(self) -> str:
        lines = printed({name: [str(number(v)) for v in own] for name, own in self.table.items()}).splitlines()
        if 1 + self.best_index < len(lines):
            lines[1 + self.best_index] += "  <- best"
        return "\n".join([f"CV({self.metric}, {'larger' if self.rises else 'smaller'} is better)", *lines])

    def __len__(self) -> int:
        return len(self.points)

    @property
    def order(self) -> np.ndarray:
        """Point numbers from best to worst by the mean; NaN and then those with a diverged run last."""
        mean, sick = np.array(self.table["mean"]), np.array(self.table["diverged"]) > 0
        return np.lexsort((np.where(np.isnan(mean), np.inf, -mean if self.rises else mean), sick))

    @property
    def best_index(self) -> int:
        """Which point has the best mean; the first of equals."""
        return int(self.order[0])

    @property
    def best(self) -> dict[str, Any]:
        """The hyperparameters of the best mean, for ``fit(trial, data, cv.best, ...)`` on all rows."""
        return dict(self.points[self.best_index])

    def one_standard_error(self, simplest: str | Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """The simplest point whose mean is within one standard error of the best: as good as one can tell, and simpler.

        Args:
            simplest: the axis of which the largest is the simplest, such as ``"l2"``; or a function of a point that
                is smallest for the simplest, such as ``lambda p: p["width"]``.

        Raises:
            ValueError: for an axis that is not there, and where one fold gives no standard error.

        Source: Breiman, Friedman, Olshen and Stone, "Classification and regression trees", 1984; ``lambda.1se`` of
            glmnet.
        """
        if isinstance(simplest, str) and not all(simplest in point for point in self.points):
            axes = ", ".join(self.points[0]) or "no axis"
            raise ValueError(f'the space has {axes}, and no {simplest!r}; write one_standard_error("l2")')
        best, mean = self.best_index, np.array(self.table["mean"])
        error = self.table["error"][best]
        if not np.isfinite(error):
            raise ValueError("the best point has no standard error, which takes two folds at least; write folds=5")
        sign = -1.0 if self.rises else 1.0
        near = (sign * mean <= sign * mean[best] + error) & (np.array(self.table["diverged"]) == 0)
        near[best] = True
        rank = simplest if callable(simplest) else lambda point: -point[simplest]
        found = [int(i) for i in self.order if near[i]]
        return dict(self.points[min(found, key=lambda i: rank(self.points[i]))])


def summed_up(space: Space, table: dict[str, list], metric: str, rises: bool) -> CV:
    """`CV` of the runs of a grid.

    Seeds of one fold are no further rows held out: they are averaged first, and the spread is that over folds. Over
    bootstrap draws the standard deviation is the standard error itself.

    Args:
        space: with an axis of parts.
        table: of the runs.
        metric: a column of it.
        rises: whether larger is better.

    Raises:
        ValueError: for a space without folds.
    """
    axis = next((name for name in PARTS if name in space.axes), None)
    if axis is None:
        raise ValueError("these runs have no folds; write nn.grid(..., folds=5), and then runs.cv()")
    points, rows = [], {}
    for i, point in enumerate(space.points):
        own = {name: shown(v) for name, v in point.items() if name not in (*PARTS, "seed")}
        place = rows.setdefault(repr(sorted(own.items(), key=lambda item: item[0])), (len(points), {}))
        if place[0] == len(points):
            points.append(own)
        place[1].setdefault(point[axis], []).append(i)
    members = [parts for _, parts in rows.values()]
    values = np.array(table[metric])
    width = max(map(len, members))
    scores = np.full((len(points), width), np.nan)
    for k, parts in enumerate(members):
        scores[k, : len(parts)] = [values[parts[part]].mean() for part in sorted(parts)]
    counts = [len(parts) for parts in members]
    with np.errstate(invalid="ignore"):  # a run that diverged may have left an infinite score
        spread = [float(np.std(own[:n], ddof=1)) if n > 1 else np.nan for own, n in zip(scores, counts, strict=True)]
    all_of = [np.concatenate([*map(np.array, parts.values())]) for parts in members]
    names = [name for name in space.axes if name not in (*PARTS, "seed")]
    columns: dict[str, list] = {name: [table[name][int(own[0])] for own in all_of] for name in names}
    columns |= {
        "mean": [float(own[:n].mean()) for own, n in zip(scores, counts, strict=True)],
        "std": spread,
        "error": [s if axis == "bootstrap" else s / n**0.5 for s, n in zip(spread, counts, strict=True)],
        "folds": counts,
        "epochs": [float(np.mean([table["best_epoch"][i] + 1 for i in own])) for own in all_of],
        "diverged": [sum(table["diverged_at"][i] is not None for i in own) for own in all_of],
    }
    return CV(metric, rises, tuple(points), columns, scores)
