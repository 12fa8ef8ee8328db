"""A path: coefficients over the strengths of a penalty, and the scores under them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.plot.axes import VALIDATION, axes, short

LABELS = 16
"""Up to so many coefficients are named at their ends."""


def path(
    strengths: Any,
    coefficients: Any,
    *,
    scores: Any = None,
    metric: str = "score",
    best: int | None = None,
    name: str = "strength",
    names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw every coefficient over the strengths of a penalty, strong on the left, and the scores in a panel below.

    Args:
        strengths: ``(members,)``; the axis is logarithmic if all are above 0.
        coefficients: ``(members, ...)``, one line for each.
        scores: ``(members,)``, drawn below; None, or with ``ax`` given, leaves that panel out.
        metric: what the scores are.
        best: index of the strength that is marked.
        name: of the strength.
        names: of the coefficients, written at their ends where they are at most 16; None writes their numbers.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes of the coefficients; above them stands how many are not zero.

    Raises:
        ValueError: if lengths differ.
        ImportError: without matplotlib.

    Example:
        >>> ax = path([1.0, 0.1], [[0.0, 0.5], [0.3, 0.9]], scores=[0.4, 0.2], best=1, names=("age", "bmi"))
        >>> [text.get_text() for text in ax.texts], len(ax.figure.axes)
        (['age', 'bmi', '1', '2'], 2)
    """
    order = np.argsort(-np.asarray(strengths, float), kind="stable")
    x = np.asarray(strengths, float)[order]
    lines = np.asarray(coefficients, float).reshape(len(coefficients), -1)
    if len(lines) != len(x) or (scores is not None and len(scores) != len(x)):
        raise ValueError(f"there are {len(x)} strengths and coefficients for {len(lines)}; write one row for each")
    if names is not None and len(names) != lines.shape[1]:
        raise ValueError(f"there are {lines.shape[1]} coefficients and {len(names)} names; write one for each")
    lines = lines[order]
    below = None
    if ax is None:
        ax = axes(None, (7.0, 5.4 if scores is not None else 4.2))
        if scores is not None:
            below = _panel_below(ax)
    _lines(ax, x, lines, [str(i) for i in range(lines.shape[1])] if names is None else names)
    for panel in (ax, *([] if below is None else [below])):
        if x[-1] > 0:
            panel.set_xscale("log")
        panel.set_xlim(x[0], x[-1]) if len(x) > 1 and x[0] != x[-1] else None
        panel.grid(alpha=0.25)
        if best is not None:
            label = f"best, {name} = {short(float(f'{float(strengths[best]):.2g}'))}" if panel is ax else None
            panel.axvline(float(strengths[best]), color="0.35", linewidth=1.0, linestyle=":", label=label)
    _counts(ax, x, (lines != 0).sum(1))
    ax.set_ylabel("coefficient")
    if best is not None:
        ax.legend(frameon=False, loc="upper left", fontsize=9)
    if below is not None:
        below.plot(x, np.asarray(scores, float)[order], color=VALIDATION, linewidth=1.6)
        below.set_ylabel(metric)
        ax.tick_params(labelbottom=False)
    (ax if below is None else below).set_xlabel(name)
    return ax


def _panel_below(ax: Any) -> Any:
    """A second panel of a third of the height, its horizontal axis shared."""
    figure = ax.figure
    grid = figure.add_gridspec(2, 1, height_ratios=(3, 1))
    ax.set_subplotspec(grid[0])
    return figure.add_subplot(grid[1], sharex=ax)


def _lines(ax: Any, x: np.ndarray, lines: np.ndarray, names: Sequence[str]) -> None:
    """The lines in colours that stay apart, each with its name at its right end, names moved apart where they meet."""
    from matplotlib import colormaps

    many = lines.shape[1]
    colours = colormaps["tab10"].colors if many <= 10 else colormaps["viridis"](np.linspace(0, 0.92, many))  # pyright: ignore[reportAttributeAccessIssue]
    ax.axhline(0.0, color="0.6", linewidth=0.8)
    for i in range(many):
        ax.plot(x, lines[:, i], color=colours[i], linewidth=1.4 if many <= LABELS else 0.7)
    if many > LABELS:
        return
    low, high = ax.get_ylim()
    for i, y in zip(*_apart(lines[-1], 0.045 * (high - low)), strict=True):
        ax.annotate(names[i], (1.0, y), xycoords=("axes fraction", "data"), xytext=(5, 0), textcoords="offset points",
                    va="center", fontsize=9, color=colours[i], annotation_clip=False)  # fmt: skip


def _apart(ends: np.ndarray, gap: float) -> tuple[list[int], np.ndarray]:
    """Which end comes when from below, and heights at least ``gap`` apart, as near to the ends as that allows."""
    order = np.argsort(ends, kind="stable")
    heights = ends[order].astype(float)
    for _ in range(200):
        push = np.maximum(0.0, gap - np.diff(heights)) / 2
        if push.max(initial=0.0) < 1e-3 * gap:
            break
        heights[:-1] -= push
        heights[1:] += push
    return order.tolist(), heights


def _counts(ax: Any, x: np.ndarray, counts: np.ndarray) -> None:
    """How many coefficients are not zero, written above the axes at some of the strengths."""
    scaled = np.log(x) if x[-1] > 0 else x
    last = None
    for i in range(len(x)):
        place = (scaled[i] - scaled[0]) / ((scaled[-1] - scaled[0]) or 1.0)
        if last is None or place - last > 0.055:
            ax.annotate(
                str(counts[i]), (x[i], 1.0), xycoords=("data", "axes fraction"), xytext=(0, 4), ha="center",
                textcoords="offset points", fontsize=8, color="0.35", annotation_clip=False,
            )  # fmt: skip
            last = place
    ax.set_title("coefficients that are not zero", fontsize=9, color="0.35", pad=17)
