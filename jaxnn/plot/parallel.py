"""Parallel coordinates: each setting of a grid as a line through its values to its metric."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.plot import axes as common
from jaxnn.plot.axes import REPEATS, short
from jaxnn.plot.colours import bar, ground, limited, palette

TICKS = 8
"""Values of an axis that are all written; of more some along it."""
SPREAD = 0.08
"""Of the height, taken up by the lines through one of few values."""


def parallel(
    runs: Any, metric: str | None = None, axes: Sequence[str] | None = None, mode: str | None = None, ax: Any = None
) -> Any:
    """Draw each setting as a line through its value on each axis, coloured by its metric, the best one thick.

    A setting is the mean of its seeds and folds; what has no finite mean is left out. Colours end where settings are
    three times as far from the best as the middle one.

    Args:
        runs: of a grid.
        metric: None for that which `Runs.best` goes by.
        axes: which, from left to right; None for all with more than one value, but for seeds and folds.
        mode: ``"min"`` or ``"max"``, which is better; None for what the metric says of itself.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes; lines run from 0 to 1, bottom to top of each axis, best setting last.

    Raises:
        ValueError: for an axis that there is not, or where no setting has a finite mean.
        ImportError: without matplotlib.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> data = np.ones((4, 1)), np.full(4, 3.0)
        >>> runs = nn.grid(line, data, dict(lr=[0.01, 0.1, 0.3], seed=[0, 1]), epochs=2, progress=False)
        >>> ax = parallel(runs)
        >>> [text.get_text() for text in ax.get_xticklabels()], len(ax.lines)
        (['lr', 'loss'], 3)
    """
    metric = metric or str(runs.default_metric)
    lower = not runs.rises(metric, mode)
    varying = [name for name in runs.space.axes if len(runs.levels(name).values) > 1 and name not in REPEATS]
    names = list(axes or varying)
    table = runs.by(*dict.fromkeys([*varying, *names]), metric=metric).table
    means = np.array(table[f"{metric}_mean"])
    good = np.isfinite(means)
    if not good.any() or not names:
        raise ValueError(f"no setting has a finite mean of {metric!r} and two values; look at runs.table")
    levels = [runs.levels(name) for name in names]
    columns = [_places(own, table[name]) for own, name in zip(levels, names, strict=True)]
    norm, beyond = limited(means[good], lower)
    low, high = means[good].min(), means[good].max()
    last = (means - low) / ((high - low) or 1.0)
    ax = common.axes(ax, (min(12.0, 2.6 + 1.3 * len(names)), 4.0))
    colours = palette(ax, flipped=lower)
    order = sorted(np.flatnonzero(good), key=lambda i: -means[i] if lower else means[i])
    columns = [_spread(column, means) if len(own.values) <= TICKS else column
               for own, column in zip(levels, columns, strict=True)]  # fmt: skip
    for rank, i in enumerate(order):
        best = rank == len(order) - 1
        style = dict(linewidth=3.0, zorder=3) if best else dict(linewidth=1.0, alpha=0.7 if len(order) < 100 else 0.35)
        ax.plot([*(column[i] for column in columns), last[i]], color=colours(float(norm(means[i]))), **style)
    for k, own in enumerate(levels):
        _ticks(ax, k, *_marks(own))
    _ticks(ax, len(names), [low, high] if high > low else [low], [0.0, 1.0] if high > low else [0.0])
    ax.set_xticks(range(len(names) + 1), [*names, metric])
    ax.set_yticks([])
    ax.set_xlim(-0.35, len(names) + 0.35)
    ax.spines[["left", "right", "top", "bottom"]].set_visible(False)
    ax.tick_params(axis="x", length=0, pad=10)
    bar(ax, norm, metric, flipped=lower, beyond=beyond)
    return ax


def _places(own: Any, values: Sequence[Any]) -> np.ndarray:
    """Where values lie on their axis, from 0 to 1."""
    if own.numeric:
        both = np.array([*own.values, *values], float)
        both = np.log(both) if own.log else both
        low, high = both[: len(own.values)].min(), both[: len(own.values)].max()
        return (both[len(own.values) :] - low) / ((high - low) or 1.0)
    index = {repr(value): k for k, value in enumerate(own.values)}
    return np.array([index[repr(value)] for value in values]) / max(1, len(own.values) - 1)


def _spread(column: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Lines through one value side by side, ordered by their metric, so that none hides all others."""
    ranks = np.argsort(np.argsort(means)) / max(1, len(means) - 1)
    return column * (1 - SPREAD) + SPREAD * ranks


def _marks(own: Any) -> tuple[list[Any], Any]:
    """The values that are written at an axis, and where."""
    if len(own.values) <= TICKS or not own.numeric:
        step, shift = -(-len(own.values) // 24), SPREAD / 2 if len(own.values) <= TICKS else 0.0
        return own.values[::step], (_places(own, own.values) * (1 - 2 * shift) + shift)[::step]
    low, high = own.values[0], own.values[-1]
    marks = 10.0 ** np.arange(np.ceil(np.log10(low)), np.floor(np.log10(high)) + 1) if own.log else np.zeros(0)
    if len(marks) < 3:
        marks = np.array([float(f"{v:.2g}") for v in (np.geomspace if own.log else np.linspace)(low, high, 5)])
    return list(marks), np.clip(_places(own, list(marks)), 0, 1)


def _ticks(ax: Any, k: int, values: Sequence[Any], places: Any) -> None:
    """The k-th axis with its values; those that would lie on others are left out."""
    ax.vlines(k, 0, 1, color=ground(ax, 0.7), linewidth=1.0, zorder=4)
    last = -1.0
    for value, place in zip(values, places, strict=True):
        if place - last >= 0.045:
            last = place
            ax.annotate(short(value), (k, place), xytext=(-4, 0), textcoords="offset points", ha="right", va="center",
                        fontsize=9, zorder=5, bbox=dict(boxstyle="square,pad=0.1", alpha=0.75, linewidth=0,
                                                        facecolor=ax.get_facecolor()))  # fmt: skip
