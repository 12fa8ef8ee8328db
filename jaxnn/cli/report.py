"""What a fit and a grid leave behind: a leaderboard, tables and pictures."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.core.registry import rises
from jaxnn.grid.printing import printed
from jaxnn.plot.axes import short

LABELS = {
    "accuracy": ("loss: cross-entropy (nats)", "accuracy (share of the rows)"),
    "r2": ("loss: squared error (variances of the target)", "r2 (share of the variance explained)"),
}
"""What stands beside the curves of the loss and of the score."""


def write_csv(path: Path, table: Mapping[str, Iterable[Any]]) -> None:
    """Write columns as a CSV file; tuples as ``100-100``, nothing where there is no value."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        writer.writerows([_cell(value) for value in row] for row in zip(*table.values(), strict=True))


def _cell(value: Any) -> Any:
    if isinstance(value, tuple):
        return short(value)
    return "" if value is None or (isinstance(value, float) and np.isnan(value)) else value


def ranking(table: Mapping[str, list], metric: str) -> np.ndarray:
    """Member numbers from best to worst: by the validation metric, then by the validation loss; NaN last.

    Of a search, whoever came further stands before the others.

    Args:
        table: columns by name.
        metric: its name says whether more of it is better.

    Example:
        >>> ranking({"val_r2": [0.5, 0.5, np.nan], "val_loss": [2.0, 1.0, 0.1]}, "r2").tolist()
        [1, 0, 2]
    """
    score = np.asarray(table[f"val_{metric}"], np.float64)
    loss = np.asarray(table["val_loss"], np.float64)
    cost = -score if rises(metric) else score
    rung = np.asarray(table.get("rung", np.zeros(len(cost))))
    return np.lexsort((np.nan_to_num(loss, nan=np.inf), np.nan_to_num(cost, nan=np.inf), -rung))


def leaderboard(table: Mapping[str, list], order: np.ndarray, metric: str, axes: Iterable[str], k: int = 10) -> str:
    """The best members as text: rank, number, the axes that vary, the validation metric and loss, and their epoch.

    Axes of one value stand in a line below.

    Example:
        >>> table = {"lr": [0.1, 0.01], "l2": [0.0, 0.0]}
        >>> table |= {"val_r2": [0.5, 0.9], "val_loss": [2.0, 1.0], "best_epoch": [3, 4]}
        >>> print(leaderboard(table, np.array([1, 0]), "r2", ["lr", "l2"]))
        rank  network    lr  val_r2  val_loss  epoch
           1        1  0.01  0.9000         1      5
           2        0   0.1  0.5000         2      4
        all of them: l2 0
    """
    axes = list(axes)
    varying = [name for name in axes if len(set(table[name])) > 1]
    scores = list(dict.fromkeys([f"val_{metric}", "val_loss"]))
    best = [int(i) for i in order[:k]]
    columns = {"rank": [str(rank) for rank in range(1, len(best) + 1)], "network": [str(i) for i in best]}
    columns |= {name: [short(table[name][i]) for i in best] for name in varying}
    columns |= {name: [f"{table[name][i]:{'.4g' if name == 'val_loss' else '.4f'}}" for i in best] for name in scores}
    columns["epoch"] = [str(table["best_epoch"][i] + 1) for i in best]
    same = ", ".join(f"{name} {short(table[name][0])}" for name in axes if name not in varying)
    return printed(columns) + f"\nall of them: {same}" * bool(same)


def two_axes(table: Mapping[str, list], axes: Iterable[str]) -> tuple[str, str] | None:
    """The two axes of numbers with the most values, the longer one first, or None where there are no two."""
    sizes = {
        name: len(set(table[name]))
        for name in axes
        if name != "seed" and all(isinstance(value, float) for value in table[name])
    }
    long = [name for name in sorted(sizes, key=lambda name: -sizes[name]) if sizes[name] > 1]
    return (long[0], long[1]) if len(long) > 1 else None


def draw_curves(path: Path, history: Mapping[str, Any], metric: str, title: str, **options: Any) -> None:
    """Loss and metric over the epochs, side by side in one picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from jaxnn.plot.curves import curves

    figure = Figure(figsize=(11.0, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    shown = next(name for name in (metric, *LABELS) if name != "loss" and name in history)
    about = next(labels for name, labels in LABELS.items() if name in history)
    labels = (about[0], about[1] if shown in LABELS else shown.replace("_", " "))
    for ax, name, label in zip(figure.subplots(1, 2), ("loss", shown), labels, strict=True):
        curves(history, name, ax=ax, **options).set_ylabel(label)
    figure.suptitle(title)
    figure.savefig(path, dpi=130)


def draw_heatmap(path: Path, table: Mapping[str, list], x: str, y: str, metric: str, title: str) -> None:
    """The best validation metric over two axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from jaxnn.plot.grid import heatmap

    columns, rows = (len(set(table[name])) for name in (x, y))
    size = (min(14.0, 2.8 + 0.75 * columns), min(10.0, 1.8 + 0.55 * rows))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    heatmap(table, x, y, f"val_{metric}", ax=figure.subplots())
    figure.suptitle(title)
    figure.savefig(path, dpi=130)
