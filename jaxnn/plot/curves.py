"""Learning curves: of one run, or of many as a fan of quantiles."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.plot.axes import TRAIN, VALIDATION, axes, hold_last, scaled
from jaxnn.plot.bands import bands
from jaxnn.plot.colours import ground


def curves(
    history: Any,
    name: str | None = None,
    *,
    by: str | Sequence[str] | None = None,
    error: str = "interval",
    highlight: Sequence[int] = (),
    best_epoch: int | None = None,
    ax: Any = None,
) -> Any:
    """Draw one metric over the epochs, on the training and the validation part.

    One run is a line for each part. Many runs are the median line of each part, and for the validation part the bands
    that hold the middle 50 and 90 percent of the runs; a run that has stopped counts with its last value.

    With ``by``, the runs of a grid are a line for each value of an axis, the mean of its runs over seeds, folds and all
    other axes, in a band that says how sure it is (for at most 8 lines). Runs that diverged are left out. Numbers are
    coloured along a scale, with a bar where they are many.

    Args:
        history: the `Runs` of a grid, or arrays ``(epochs,)`` of one run or ``(runs, epochs)`` of many under ``name``
            and ``"val_" + name``, NaN after the run has stopped.
        name: of the metric; None for the loss, and with ``by`` for that which `Runs.best` goes by.
        by: an axis of the runs, or several.
        error: what the bands are: the ``"interval"`` of the mean (95 %, Student's t), ``"sem"``, its standard error, or
            ``"std"``, the standard deviation of the runs.
        highlight: indices of runs whose validation curve (without one: training curve) is drawn as a line of its own.
        best_epoch: the epoch that is marked, counted from 0 as in ``run.best_epoch``; the picture counts from 1.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: if the history has no such metric, or no finite value of it.
        ImportError: without matplotlib.

    Example:
        >>> ax = curves({"loss": [1.0, 0.5, 0.3], "val_loss": [1.0, 0.7, 0.8]}, best_epoch=1)
        >>> ax.get_xlabel(), ax.get_ylabel(), [text.get_text() for text in ax.get_legend().get_texts()]
        ('epoch', 'loss', ['training', 'validation', 'best epoch (2)'])
    """
    if by is not None:
        if not hasattr(history, "levels"):
            raise ValueError("by= takes the runs of a grid; write nn.plot.curves(runs, by='lr')")
        return bands(history, name, by, error, ax)
    history = getattr(history, "history", history)
    name = (name or "loss").removeprefix("val_")
    parts = {
        label: np.asarray(history[key], dtype=np.float64)
        for label, key in (("training", name), ("validation", f"val_{name}"))
        if key in history
    }
    if not any(np.isfinite(values).any() for values in parts.values()):
        raise ValueError(f"the history has no finite {name!r}; it has {', '.join(history)}")
    ax = axes(ax)
    shown: list[np.ndarray] = []
    for label, values in parts.items():
        colour = TRAIN if label == "training" else VALIDATION
        epochs = np.arange(1, values.shape[-1] + 1)
        if values.ndim == 1:
            ax.plot(epochs, values, color=colour, label=label, linewidth=1.8, marker="o" if len(epochs) == 1 else None)
            shown.append(values)
        else:
            shown += _fan(ax, epochs, values, label, colour, banded=label == [*parts][-1])
    last = next(reversed(parts.values()))
    for rank, i in enumerate(highlight if last.ndim == 2 else ()):
        label = f"the best {len(highlight)}" if rank == 0 else None
        ax.plot(np.arange(1, last.shape[-1] + 1), last[i], color=ground(ax), linewidth=0.9, alpha=0.8, label=label)
        shown.append(last[i])
    if best_epoch is not None:
        ax.axvline(best_epoch + 1, color="grey", linewidth=1.0, linestyle=":", label=f"best epoch ({best_epoch + 1})")
    scaled(ax, name, np.concatenate([values.ravel() for values in shown]))
    ax.set_xlabel("epoch")
    ax.set_ylabel(name)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(alpha=0.25)
    if last.ndim == 1:
        ax.legend(framealpha=0.85, edgecolor="none")
    else:
        ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, fontsize=9)
    return ax


def _fan(ax: Any, epochs: np.ndarray, values: np.ndarray, label: str, colour: str, banded: bool) -> list[np.ndarray]:
    """The median and, if ``banded``, two bands of ``(runs, epochs)``; returns what was drawn, for the scale."""
    held = hold_last(np.where(np.isfinite(values), values, np.nan))
    held = held[np.isfinite(held).all(axis=1)]
    if len(held) == 0:
        return []
    low, lower, middle, upper, high = np.quantile(held, [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)
    ax.plot(epochs, middle, color=colour, linewidth=1.8, label=f"{label}, median of {len(held)} runs")
    if not banded:
        return [middle]
    ax.fill_between(epochs, lower, upper, color=colour, alpha=0.28, linewidth=0, label="the middle 50 %")
    ax.fill_between(epochs, low, high, color=colour, alpha=0.13, linewidth=0, label="the middle 90 %")
    return [low, high]
