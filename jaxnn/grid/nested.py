"""Nested cross-validation: what choosing among the points of a space is worth on rows that the choice never saw."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxnn.data.folds import Nest
from jaxnn.grid.cv import CV, summed_up
from jaxnn.grid.engine import grid
from jaxnn.grid.results import Runs
from jaxnn.grid.space import Space, as_space
from jaxnn.train.enrol import glance
from jaxnn.train.trial import TrialLike


@dataclass(frozen=True, eq=False)
class Nested:
    """What `nested` returns: the scores of the outer folds, and what was chosen for each; prints as a table.

    Args:
        metric: what was chosen by, and scored.
        scores: ``(outer folds,)``, each of the point that its inner folds chose.
        choices: these points.
        inner: the `CV` of the inner folds of each outer one.
        runs: all runs; their ``fold`` counts, for each outer fold, its inner ones and then itself.

    Example:
        >>> import optax, jaxnn as nn
        >>> def ridge(l2):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.1)))
        >>> x = np.random.default_rng(0).normal(size=(40, 3))
        >>> found = nn.nested(ridge, (x, x[:, 0]), dict(l2=[0.0, 0.5]), outer=3, inner=2, epochs=30)
        >>> found.choices, bool(found.mean < 0.1)
        ([{'l2': 0.0}, {'l2': 0.0}, {'l2': 0.0}], True)
    """

    metric: str
    scores: np.ndarray
    choices: list[dict[str, Any]]
    inner: tuple[CV, ...] = field(repr=False)
    runs: Runs = field(repr=False)

    def __repr__(self) -> str:
        head = f"Nested({self.metric} {self.mean:.4g} +- {self.error:.2g} over {len(self.scores)} outer folds)"
        pairs = enumerate(zip(self.scores, self.choices, strict=True))
        return "\n".join([head, *(f"  outer fold {i}: {score:.4g} with {choice}" for i, (score, choice) in pairs)])

    @property
    def mean(self) -> float:
        """The mean over the outer folds."""
        return float(self.scores.mean())

    @property
    def error(self) -> float:
        """The standard error of the mean; NaN for one outer fold."""
        n = len(self.scores)
        return float(self.scores.std(ddof=1) / n**0.5) if n > 1 else float("nan")


def nested(
    trial: TrialLike, data: Any, space: Any, *, outer: Any = 5, inner: Any = 4, metric: str | None = None,
    mode: str | None = None, **options: Any,
) -> Nested:  # fmt: skip
    """Choose among the points of a space by inner folds, and score each choice on the outer fold it never saw.

    ``runs.cv()`` at its best point is too good by what was chosen: the rows that chose are those that score. Here the
    inner folds of an outer training part choose, and the chosen point, trained on all of that part, is scored on the
    outer test part. All of it is one grid: every point is trained on the outer parts too, side by side with the inner
    ones, which costs one more fit for each point and outer fold, and spares a second compilation.

    Args:
        trial, data, space: as in `grid`.
        outer, inner: folds, as `grid` takes them.
        metric, mode: as in ``runs.best``.
        **options: of `grid`: ``epochs``, ``batch_size``, ``standardise``, ``groups``, ``plan``, ``folder``, ...

    Returns:
        `Nested`.

    Raises:
        ValueError: as `grid`, and for early stopping by held-out rows, which would be the outer test part.

    Source: Stone, "Cross-validatory choice and assessment of statistical predictions", 1974; Varma and Simon, "Bias in
        error estimation when using cross-validation for model selection", 2006.

    Example:
        >>> import optax, jaxnn as nn
        >>> def ridge(l2):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.1)))
        >>> x = np.random.default_rng(0).normal(size=(40, 3))
        >>> nn.nested(ridge, (x, x[:, 0]), dict(l2=[0.0, 0.5]), outer=3, inner=2, epochs=30).runs.n_compiles <= 2
        True
    """
    points = as_space(space)
    built = glance(trial, points.points[0], options.get("epochs") or 1)
    stops = [options.get("stop"), None if built is None else built.stop]
    metrics = [str(getattr(stop, "metric", "")) for stop in stops]
    watched = next((name for name in metrics if name.startswith("val_")), None)
    if watched is not None:
        raise ValueError(
            f"early stopping by {watched!r} would look at the outer test rows; write an axis of the space in its "
            "place, epochs=[10, 30, 100], among which the inner folds choose"
        )
    nest = Nest(outer, inner)
    each = nest.size  # the inner folds of an outer one, which follows them
    runs = grid(trial, data, points, folds=nest, **options)
    metric = metric or runs.default_metric
    runs.order(metric, mode)
    found = []
    for end in range(each, max(point["fold"] for point in runs.space.points) + 1, each + 1):
        chosen = _over(runs, range(end - each, end), metric, mode)
        found.append((chosen, _over(runs, [end], metric, mode).table["mean"][chosen.best_index]))
    scores = np.array([score for _, score in found])
    return Nested(metric, scores, [cv.best for cv, _ in found], tuple(cv for cv, _ in found), runs)


def _over(runs: Runs, folds: Any, metric: str, mode: str | None) -> CV:
    """`CV` over some of the folds."""
    own = [i for i, point in enumerate(runs.space.points) if point["fold"] in folds]
    space = Space(tuple(runs.space.points[i] for i in own), runs.space.axes)
    return summed_up(space, {n: [v[i] for i in own] for n, v in runs.table.items()}, metric, runs.rises(metric, mode))
