"""What the pictures share: where to draw, colours, and numbers as short text."""

import numbers
from typing import Any

TRAIN, VALIDATION = "#d95f02", "#1f5fa8"
"""Orange and blue that stay apart for colour-blind readers and in grey."""


def axes(ax: Any = None, size: tuple[float, float] = (6.0, 4.0)) -> Any:
    """``ax`` itself, or the only axes of a new figure of ``size`` inches.

    Raises:
        ImportError: without matplotlib.
    """
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError("pictures need matplotlib; write pip install 'jaxnn-grid[plot]'") from None
    return pyplot.subplots(figsize=size, layout="constrained")[1]


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
