"""Colours that stay apart for colour-blind readers, on white and on black."""

from collections.abc import Sequence
from typing import Any

import numpy as np

WORDS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
"""Those of Okabe and Ito, "Color universal design", 2008, without black and yellow."""
LEGEND = 6
"""Numbers up to so many are named in a legend, more in a colour bar."""


def is_dark(ax: Any) -> bool:
    """Whether axes lie on a dark ground."""
    from matplotlib import colors

    red, green, blue = colors.to_rgb(ax.get_facecolor()[:3])
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def ground(ax: Any, strong: float = 1.0) -> Any:
    """The colour of text on these axes, or what is between it and their ground."""
    ink, paper = (1.0, 0.0) if is_dark(ax) else (0.0, 1.0)
    return (strong * ink + (1 - strong) * paper,) * 3


def palette(ax: Any, flipped: bool = False) -> Any:
    """A scale of colours that are all seen on these axes, its end the one farthest from the ground."""
    from matplotlib import colormaps, colors

    ends = (0.2, 1.0) if is_dark(ax) else (0.8, 0.0)
    shades = colormaps["viridis"](np.linspace(*ends, 256))
    return colors.ListedColormap(shades[::-1] if flipped else shades)


def scale(values: Sequence[float], log: bool) -> Any:
    """Numbers as places on a scale of colours."""
    from matplotlib.colors import LogNorm, Normalize

    return (LogNorm if log else Normalize)(min(values), max(values))


def of_values(ax: Any, values: Sequence[Any], numeric: bool, log: bool) -> list[Any]:
    """A colour for each value of an axis: numbers along a scale, words each their own."""
    if not numeric:
        return [WORDS[k % len(WORDS)] for k in range(len(values))]
    if len(values) == 1:
        return [WORDS[0]]
    norm, colours = scale(values, log), palette(ax)
    return [colours(float(norm(value))) for value in values]


def bar(ax: Any, norm: Any, label: str, flipped: bool = False, beyond: str = "neither") -> Any:
    """A colour bar beside the axes; its axes."""
    from matplotlib.cm import ScalarMappable

    drawn = ScalarMappable(norm, palette(ax, flipped))
    return ax.figure.colorbar(drawn, ax=ax, label=label, pad=0.02, extend=beyond)


def limited(cells: np.ndarray, lower: bool) -> tuple[Any, str]:
    """The scale of the colours, and on which side cells lie beyond it: a few bad cells leave the others distinct.

    It is logarithmic where positive errors span more than a factor of 30.
    """
    from matplotlib.colors import LogNorm, Normalize

    finite = cells[np.isfinite(cells)]
    log = lower and finite.min() > 0 and finite.max() > 30 * finite.min()
    values = np.log(finite) if log else finite
    best, worst = (values.min(), values.max()) if lower else (values.max(), values.min())
    end = best + 3.0 * (np.median(values) - best)
    cut = end != best and abs(end - best) < abs(worst - best)
    limits = sorted((best, end if cut else worst))
    beyond = "neither" if not cut else "max" if lower else "min"
    return (LogNorm(*np.exp(limits)) if log else Normalize(*limits)), beyond
