"""A heat map of two axes of a grid."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxnn.core.registry import is_better_larger
from jaxnn.plot.axes import axes, short
from jaxnn.plot.colours import limited


def heatmap(
    table: Mapping[str, Any],
    x: str,
    y: str,
    value: str = "val_accuracy",
    *,
    how: str = "best",
    mode: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw one metric over two axes of a grid, all other axes gathered into each cell.

    Args:
        table: a ``pandas.DataFrame`` or a dict of columns, one row for each run.
        x, y: the columns of the two axes; their values become equally wide cells in sorted order.
        value: the column of the metric; runs without a finite one are left out.
        how: "best" or "mean" of the runs in a cell.
        mode: ``"min"`` or ``"max"``, which is better; None for what the metric says of itself.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes; the best cells have a frame, a cell without a finite run is hatched. Bright is good, and
        the colours end where cells are three times as far from the best as the middle one.

    Raises:
        ValueError: for a column that is not there, an unknown ``how`` or ``mode``, no finite value, or a metric
            of which nobody said which way is better.
        ImportError: without matplotlib.

    Example:
        >>> table = {"lr": [0.1, 0.1, 0.01, 0.01], "l2": [0, 0, 0, 1], "val_accuracy": [0.5, 0.7, 0.9, 0.8]}
        >>> ax = heatmap(table, "lr", "l2")
        >>> [text.get_text() for text in ax.texts], [tick.get_text() for tick in ax.get_xticklabels()]
        (['0.900', '0.700', '0.800'], ['0.01', '0.1'])
    """
    lower = not is_better_larger(value, mode, f'nn.plot.heatmap(table, "{x}", "{y}", "{value}"')
    columns, rows, cells, runs = _cells(table, x, y, value, how, lower)
    ax = axes(ax, (min(14.0, 2.8 + 0.62 * len(columns)), min(10.0, 1.6 + 0.48 * len(rows))))
    norm, beyond = limited(cells, lower)
    palette = "viridis_r" if lower else "viridis"
    drawn = ax.imshow(np.ma.masked_invalid(cells), origin="lower", aspect="auto", cmap=palette, norm=norm)
    for row, column in np.argwhere(np.isnan(cells)):
        ax.add_patch(_frame(row, column, facecolor="0.93", edgecolor="0.6", hatch="///", linewidth=0))
    if cells.shape[1] <= 16 and cells.shape[0] <= 24:
        _write(ax, cells, drawn)
    for row, column in np.argwhere(cells == (np.nanmin if lower else np.nanmax)(cells)):
        ax.add_patch(_frame(row, column, fill=False, edgecolor="black", linewidth=2.0))
    _ticks(ax.xaxis, columns, 16, rotated=True)
    _ticks(ax.yaxis, rows, 24, rotated=False)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    gathered = f"{value}, {how} of {runs} runs" if runs > 1 else value
    ax.figure.colorbar(drawn, ax=ax, label=gathered, pad=0.02, extend=beyond)
    return ax


def _cells(
    table: Mapping[str, Any], x: str, y: str, value: str, how: str, lower: bool
) -> tuple[list, list, np.ndarray, int]:
    """The sorted values of both axes, the metric of each cell ``(rows, columns)``, and the most runs in a cell."""
    for name in (x, y, value):
        if name not in table:
            raise ValueError(f"the table has no column {name!r}; its columns are {', '.join(map(str, table))}")
    if how not in ("best", "mean"):
        raise ValueError(f'how must be "best" or "mean", got {how!r}')
    metric = np.asarray(table[value], dtype=np.float64)
    at_x, at_y = list(table[x]), list(table[y])
    columns, rows = _sorted(at_x), _sorted(at_y)
    found: dict[tuple[int, int], list[float]] = {}
    for i in np.flatnonzero(np.isfinite(metric)):
        found.setdefault((rows.index(at_y[i]), columns.index(at_x[i])), []).append(metric[i])
    if not found:
        raise ValueError(f"no run has a finite {value!r}; look at the other columns")
    gather = np.mean if how == "mean" else np.min if lower else np.max
    cells = np.full((len(rows), len(columns)), np.nan)
    for cell, values in found.items():
        cells[cell] = gather(values)
    return columns, rows, cells, max(map(len, found.values()))


def _sorted(values: list) -> list:
    unique = list(dict.fromkeys(values))
    try:
        return sorted(unique)
    except TypeError:
        return unique


def _frame(row: Any, column: Any, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.5, row - 0.5), 1, 1, **style)


def _write(ax: Any, cells: np.ndarray, drawn: Any) -> None:
    """Each cell's number, white on dark and black on bright."""
    finite = cells[np.isfinite(cells)]
    small = np.abs(finite).max() < 10
    for (row, column), cell in np.ndenumerate(cells):
        if np.isfinite(cell):
            red, green, blue, _ = drawn.cmap(drawn.norm(cell))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.55
            text = f"{cell:.3f}" if small else f"{cell:.3g}"
            ax.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if dark else "black")


def _ticks(axis: Any, values: list, most: int, rotated: bool) -> None:
    """A label for every value, or for every second, third, ... where there are too many."""
    step = -(-len(values) // most)
    labels = [short(value) for value in values[::step]]
    axis.set_ticks(range(0, len(values), step), labels)
    if rotated and max(map(len, labels)) > 6:
        axis.set_tick_params(rotation=45)
