"""The effect of each axis: a metric over its values, one panel for each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.plot.axes import REPEATS, figure, scaled, short
from jaxnn.plot.colours import WORDS, ground

ACROSS = 3
"""Panels side by side, at most."""


def marginals(runs: Any, metric: str | None = None, axes: Sequence[str] | None = None) -> Any:
    """Draw a metric over the values of each axis: a dot for each setting, a line through the means.

    A setting is the mean of its seeds and folds; of many numbers the line goes through eight ranges of equally many.
    Runs that diverged are left out.

    Args:
        runs: of a grid.
        metric: None for that which `Runs.best` goes by.
        axes: which; None for all with more than one value, but for seeds and folds.

    Returns:
        An array of matplotlib axes, one for each axis, their vertical axis shared.

    Raises:
        ValueError: for an axis that there is not, or where no axis has two values.
        ImportError: without matplotlib.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> data = np.ones((4, 1)), np.full(4, 3.0)
        >>> runs = nn.grid(line, data, dict(lr=[0.01, 0.1, 0.3], seed=[0, 1]), epochs=2, progress=False)
        >>> [panel.get_xlabel() for panel in nn.plot.marginals(runs)]
        ['lr']
    """
    metric = metric or str(runs.default_metric)
    varying = [name for name in runs.space.axes if len(runs.levels(name).values) > 1]
    axes = list(axes or [name for name in varying if name not in REPEATS])
    if not axes:
        raise ValueError("no axis has two values; write a space such as dict(lr=[0.1, 0.01])")
    columns = min(ACROSS, len(axes))
    rows = -(-len(axes) // columns)
    panels = figure(rows, columns, (1.4 + 2.2 * columns, 0.5 + 2.6 * rows), sharey=True)
    for panel in panels[len(axes) :]:
        panel.set_visible(False)
    panels = panels[: len(axes)]
    every = list(dict.fromkeys([*(name for name in varying if name not in REPEATS), *axes]))
    settings = runs.by(*every, metric=metric).table
    shown = np.array(settings[f"{metric}_mean"])
    for panel, axis in zip(panels, axes, strict=True):
        own, means = runs.levels(axis), runs.marginal(axis, metric).table
        place = {repr(v): v if own.numeric else k for k, v in enumerate(own.values)}
        at = [place[repr(v)] for v in settings[axis]]
        panel.scatter(at, shown, s=14, color=ground(panel, 0.45), alpha=0.5, linewidths=0, label="a setting", zorder=2)
        x = means[axis] if own.numeric else range(len(own.values))
        style = dict(marker="o", markersize=5, color=WORDS[0], linewidth=1.8, zorder=3)
        panel.plot(x, means[f"{metric}_mean"], label="their mean", **style | ({} if own.numeric else {"linestyle": ""}))
        _axis(panel, axis, own)
    scaled(panels[0], metric, shown)
    for panel in panels[::columns]:
        panel.set_ylabel(metric)
    panels[0].legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(-0.05, 1.0), ncols=2, borderpad=0)
    return panels


def _axis(panel: Any, axis: str, own: Any) -> None:
    panel.set_xlabel(axis)
    panel.grid(alpha=0.25)
    if own.log:
        panel.set_xscale("log")
    if own.numeric and len(own.values) <= 5:
        panel.set_xticks(own.values, [short(value) for value in own.values])
        panel.set_xticks([], minor=True)
    elif own.numeric and not own.log:
        panel.locator_params(axis="x", nbins=4)
    if not own.numeric:
        labels = [short(value) for value in own.values]
        panel.set_xticks(range(len(labels)), labels, rotation=45 if max(map(len, labels)) > 6 else 0)
        panel.set_xlim(-0.5, len(labels) - 0.5)
