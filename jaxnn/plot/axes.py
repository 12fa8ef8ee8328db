"""What the pictures share: where to draw, colours, and numbers as short text."""

import numbers
from typing import Any

import numpy as np

TRAIN, VALIDATION = "#d95f02", "#1f5fa8"
"""Orange and blue that stay apart for colour-blind readers and in grey."""
REPEATS = ("seed", "fold")
"""Axes of a grid that repeat a setting, and are averaged within it."""


def axes(ax: Any = None, size: tuple[float, float] = (6.0, 4.0)) -> Any:
    """``ax`` itself, or the only axes of a new figure of ``size`` inches.

    Raises:
        ImportError: without matplotlib.
    """
    return figure(1, 1, size)[0] if ax is None else ax


def figure(rows: int, columns: int, size: tuple[float, float], **options: Any) -> Any:
    """The axes of a new figure, as a flat array.

    Raises:
        ImportError: without matplotlib.
    """
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("pictures need matplotlib; write pip install 'jaxnn-grid[plot]'") from None
    return pyplot.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, **options)[1].ravel()


def short(value: Any) -> str:
    """A value of an axis as text of few letters.

    Example:
        >>> [short(value) for value in (0.0001, 0.00027, 0.3, 0, 100.0, (64, 64), "relu", True)]
        ['1e-4', '2.7e-4', '0.3', '0', '100', '64-64', 'relu', 'True']
    """
    if isinstance(value, (tuple, list)):
        return "-".join(map(short, value)) or "none"
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return str(value)
    number = float(value)
    if number and not 0.01 <= abs(number) < 10_000:
        digits, exponent = f"{number:.1e}".split("e")
        return f"{digits.removesuffix('.0')}e{int(exponent)}"
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"


def hold_last(values: np.ndarray) -> np.ndarray:
    """Each row with its NaNs replaced by the last number before them."""
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(values.shape[1])), axis=1)
    return np.take_along_axis(values, last, axis=1)


def scaled(ax: Any, name: str, values: np.ndarray) -> None:
    """A logarithmic axis where positive values span more than a factor of 30."""
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return
    if values.min() > 0 and values.max() > 30 * values.min():
        ax.set_yscale("log")
    elif "accuracy" in name:
        ax.set_ylim(top=min(1.005, ax.get_ylim()[1]))
