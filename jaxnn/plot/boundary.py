"""Decision boundaries of two-dimensional data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxnn.plot.axes import axes

TWO = ("#f59322", "#0877bd")
"""Orange and blue, the classes 0 and 1 of the playground."""


def boundary(
    predict: Callable[[np.ndarray], Any],
    x: Any,
    y: Any,
    *,
    classes: Sequence[str] | None = None,
    names: Sequence[str] = ("x1", "x2"),
    steps: int = 200,
    ax: Any = None,
) -> Any:
    """Draw the regions that a classifier gives to each class, and the rows of a data set on them.

    Args:
        predict: from ``(points, 2)`` float32 to probabilities or logits ``(points, classes)``, to the probability of
            class 1 ``(points,)`` or ``(points, 1)``, or to class codes ``(points,)``. The deeper a colour, the surer.
        x: ``(rows, 2)``.
        y: ``(rows,)`` class codes.
        classes: their names; None writes the codes.
        names: of the two features.
        steps: points along each side of the picture.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: if ``x`` is not two-dimensional data.
        ImportError: without matplotlib.

    Example:
        >>> x = np.array([[-1.0, 0.0], [1.0, 0.5]])
        >>> ax = boundary(lambda points: points[:, 0] > 0, x, [0, 1], classes=("left", "right"), steps=20)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['left', 'right']
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or x.shape[1] != 2:
        raise ValueError(f"a boundary needs rows of two features, got {x.shape}; choose two, as in x[:, :2]")
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * np.where(high > low, high - low, 1.0)
    (left, bottom), (right, top) = low - margin, high + margin
    across, up = np.linspace(left, right, steps), np.linspace(bottom, top, steps)
    points = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2).astype(np.float32)  # (steps * steps, 2)
    votes = _votes(np.asarray(predict(points)))  # (steps * steps, classes)
    code = votes.argmax(axis=1)
    share = 1.0 / votes.shape[1]
    sure = (votes.max(axis=1) - share) / (1.0 - share)
    count = max(votes.shape[1], int(y.max()) + 1, len(classes or ()))
    colours = _colours(max(count, 2))
    ax = axes(ax, (5.0, 4.6))
    shade = 1.0 - (1.0 - colours[code]) * (0.15 + 0.55 * sure)[:, None]  # towards white where it is unsure
    ax.imshow(
        shade.reshape(steps, steps, 3), origin="lower", extent=(left, right, bottom, top), aspect="auto", zorder=0
    )
    for k in range(votes.shape[1]):
        lead = votes[:, k] - np.delete(votes, k, axis=1).max(axis=1)
        if lead.min() < 0 < lead.max():
            ax.contour(across, up, lead.reshape(steps, steps), levels=[0.0], colors="0.3", linewidths=0.8, zorder=1)
    for k in range(count):
        rows = x[y == k]
        label = str(classes[k]) if classes else str(k)
        ax.scatter(*rows.T, s=16, color=[colours[k]], edgecolors="white", linewidths=0.5, label=label, zorder=2)
    ax.set_xlim(left, right)
    ax.set_ylim(bottom, top)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    ax.legend(loc="upper right", framealpha=0.85, fontsize=8)
    return ax


def _votes(outputs: np.ndarray) -> np.ndarray:
    """The probability ``(points, classes)`` of each class at each point, out of what `boundary` accepts."""
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    if outputs.ndim == 1 and not np.issubdtype(outputs.dtype, np.floating):
        return np.eye(max(int(outputs.max()) + 1, 2))[outputs.astype(int)]
    if outputs.ndim == 1:
        outputs = np.stack([1.0 - outputs, outputs], axis=1)
    outputs = outputs.astype(np.float64)
    if outputs.min() < 0 or not np.allclose(outputs.sum(axis=1), 1.0, atol=1e-3):
        outputs = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        outputs = outputs / outputs.sum(axis=1, keepdims=True)
    return outputs


def _colours(count: int) -> np.ndarray:
    """``(count, 3)`` colours."""
    from matplotlib import colormaps, colors

    if count == 2:
        return np.array([colors.to_rgb(colour) for colour in TWO])
    return np.array([colormaps["tab10" if count <= 10 else "tab20"](i % 20)[:3] for i in range(count)])
