"""``jaxnn grid --folds 5``: points compared over their folds, and the best one trained again on all of these rows."""

from argparse import Namespace
from collections.abc import Mapping
from typing import Any

from jaxnn.cli.problem import Problem, in_units
from jaxnn.cli.report import short
from jaxnn.cli.telling import constant, say, score
from jaxnn.grid.cv import CV
from jaxnn.grid.ensemble import Top
from jaxnn.grid.printing import printed
from jaxnn.grid.results import Runs
from jaxnn.train.fit import fit
from jaxnn.train.result import Run


def leaderboard(cv: CV, axes: Mapping[str, Any], k: int = 10) -> str:
    """The best points as text: rank, the axes that vary, mean and standard error over the folds, epochs.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> runs = nn.grid(line, (x, 0 * x[:, 0]), dict(lr=[0.3, 0.1]), epochs=1, folds=4)
        >>> print(leaderboard(runs.cv("val_loss"), dict(lr=[0.3, 0.1])).splitlines()[0])
        rank   lr  val_loss  +- error  folds  epochs
    """
    varying = _varying(cv, axes)
    best = [int(i) for i in cv.order[:k]]
    columns = {"rank": [str(rank) for rank in range(1, len(best) + 1)]}
    columns |= {name: [short(cv.points[i][name]) for i in best] for name in varying}
    shown = {
        "mean": (cv.metric, ".4f"),
        "error": ("+- error", ".4f"),
        "folds": ("folds", "d"),
        "epochs": ("epochs", ".0f"),
    }
    columns |= {title: [f"{cv.table[name][i]:{form}}" for i in best] for name, (title, form) in shown.items()}
    return printed(columns)


def table_of(cv: CV) -> dict[str, list]:
    """The points as columns, the mean over the folds under the name of the metric."""
    axes = {name: [point[name] for point in cv.points] for name in cv.points[0]}
    return {**axes, cv.metric: cv.table["mean"]}


def winner_of(
    words: Namespace, task: Problem, runs: Runs, cv: CV, axes: Mapping[str, Any], options: dict[str, Any]
) -> Run:
    """The best point trained on all rows but the test part, for as many epochs as its folds took in the mean.

    Args:
        words, task: of the command.
        runs: all networks.
        cv: the points over their folds.
        axes: of the grid.
        options: of the training: those of all networks, but for what holds rows out.
    """
    best = dict(cv.best)
    epochs = max(1, round(cv.table["epochs"][cv.best_index]))
    told = [f"{name} {short(best[name])}" for name in _varying(cv, axes)]
    say(words, f"the winner over {cv.table['folds'][cv.best_index]} folds: {', '.join(told) or 'the only point'}")
    size = best.pop("batch_size", 32)
    run = fit(task.trial, task.train, best, batch_size=size, **{**options, "epochs": epochs, "progress": False})
    winner = in_units(run, task.target)
    constant(words, task)
    score(words, f"winner, trained on all rows but these for {epochs} epochs", winner, task)
    together = Top(in_units(run, task.target) for run in runs.where(**cv.best))
    if len(together) > 1:
        score(words, f"{len(together)} networks of its folds together", together.ensemble(), task)
    return winner


def _varying(cv: CV, axes: Mapping[str, Any]) -> list[str]:
    return [name for name in cv.points[0] if len(axes[name]) > 1]
