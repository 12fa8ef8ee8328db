"""How much of the variance of a metric each axis explains, as bars."""

from typing import Any

import numpy as np

from jaxnn.plot.axes import axes
from jaxnn.plot.colours import WORDS

BARS = 8
"""At most; the largest."""


def importance(runs: Any, metric: str | None = None, ax: Any = None) -> Any:
    """Draw what `Runs.importance` finds: a bar for each axis, dark for what it explains alone, light with others.

    Args:
        runs: of a grid, or the result of ``runs.importance()``.
        metric: None for that which `Runs.best` goes by.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes, the largest bar on top.

    Raises:
        ValueError: if there is no variance.
        ImportError: without matplotlib.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> data = np.ones((4, 1)), np.full(4, 3.0)
        >>> runs = nn.grid(line, data, dict(lr=[0.01, 0.1, 0.3], seed=[0, 1]), epochs=2, progress=False)
        >>> [text.get_text() for text in importance(runs).get_yticklabels()][-1]
        'lr'
    """
    found = runs.importance(metric) if hasattr(runs, "importance") else runs
    table = {name: column[:BARS][::-1] for name, column in found.table.items()}
    ax = axes(ax, (6.0, 1.2 + 0.34 * len(table["axis"])))
    rows, share, total = range(len(table["axis"])), np.array(table["share"]), np.array(table["total"])
    total = np.where(np.isnan(total), share, np.maximum(share, total))
    ax.barh(rows, share, color=WORDS[0], height=0.7, label="alone")
    if (total > share + 0.005).any():
        ax.barh(rows, total - share, left=share, color=WORDS[4], alpha=0.6, height=0.7, label="with others")
        ax.legend(frameon=False, loc="lower right", fontsize=9)
    for row, value, end in zip(rows, share, total, strict=True):
        ax.annotate(f"{value:.1%}", (end, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=9)
    ax.set_yticks(rows, table["axis"])
    ax.set_xlim(0, min(1.12, 1.15 * total.max() + 0.02))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    ax.set_xlabel(f"share of the variance of {found.metric}")
    ax.grid(axis="x", alpha=0.25)
    ax.set_axisbelow(True)
    return ax
