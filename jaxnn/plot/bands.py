"""Learning curves by the values of an axis: the mean of each, and a band over seeds, folds and all else."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.plot.axes import axes, hold_last, scaled, short
from jaxnn.plot.colours import LEGEND, WORDS, bar, of_values, scale

BANDS = 8
"""Bands are drawn for so many curves at most."""
ERRORS = {"interval": "95 % interval", "std": "standard deviation", "sem": "standard error"}


def bands(runs: Any, name: str | None, by: str | Sequence[str], error: str = "interval", ax: Any = None) -> Any:
    """See `jaxnn.plot.curves` with ``by=``."""
    by = [by] if isinstance(by, str) else list(by)
    name = name or str(runs.default_metric)
    if name not in runs.history:
        raise ValueError(f"the history has no {name!r}; choose one of {', '.join(runs.history)}")
    if error not in ERRORS:
        raise ValueError(f'error is "interval", "std" or "sem", got {error!r}')
    levels = [runs.levels(axis) for axis in by]
    found, place = np.unique(np.stack([own.codes for own in levels], 1), axis=0, return_inverse=True)
    numeric, log = len(by) == 1 and levels[0].numeric, len(by) == 1 and levels[0].log
    values = [tuple(own.values[k] for own, k in zip(levels, cell, strict=True)) for cell in found]
    ax = axes(ax, (6.4, 4.0))
    colours = of_values(ax, [v[0] for v in values], numeric, log) if len(by) == 1 else [*WORDS] * len(values)
    sound = np.isin(np.arange(len(runs)), runs.begun) & ~np.isin(np.arange(len(runs)), runs.diverged)
    shown = []
    for k, value in enumerate(values):
        curves = hold_last(np.asarray(runs.history[name], float)[sound & (place.reshape(-1) == k)])
        curves = curves[np.isfinite(curves).all(axis=1)]
        if len(curves):
            label = ", ".join(map(short, value)) + f" ({len(curves)} run{'s' * (len(curves) > 1)})"
            shown += _draw(ax, curves, colours[k], label, error if len(values) <= BANDS else None)
    if not shown:
        raise ValueError(f"no run has a finite {name!r} and did not diverge; look at runs.diverged")
    _label(ax, runs, by, name, f" and {ERRORS[error]}" * (len(values) <= BANDS))
    scaled(ax, name, np.concatenate(shown))
    if numeric and len(values) > LEGEND:
        bar(ax, scale([v[0] for v in values], log), by[0])
    else:
        ax.legend(title=", ".join(by), frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=9)
    return ax


def _draw(ax: Any, curves: np.ndarray, colour: Any, label: str, error: str | None) -> list[np.ndarray]:
    """The mean of curves ``(runs, epochs)`` and its band; returns what was drawn, for the scale."""
    from scipy.special import stdtrit

    epochs, mean, n = np.arange(1, curves.shape[1] + 1), curves.mean(0), len(curves)
    ax.plot(epochs, mean, color=colour, linewidth=1.8, label=label, marker="o" if len(epochs) == 1 else None)
    if error is None or n < 2:
        return [mean]
    std = curves.std(0, ddof=1)
    half = {"std": std, "sem": std / np.sqrt(n), "interval": std / np.sqrt(n) * stdtrit(n - 1, 0.975)}[error]
    ax.fill_between(epochs, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
    return [mean]


def _label(ax: Any, runs: Any, by: list[str], name: str, band: str) -> None:
    over = [axis for axis in runs.space.axes if axis not in by and len(runs.levels(axis).values) > 1]
    if over:
        ax.set_title(f"mean{band} over {', '.join(over)}", fontsize=10)
    ax.set_xlabel("epoch")
    ax.set_ylabel(name)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.25)
