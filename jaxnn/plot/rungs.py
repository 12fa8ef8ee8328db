"""The rungs of a halving: who went on from each, and with which score."""

from typing import Any

import numpy as np

from jaxnn.plot.axes import axes, scaled, short
from jaxnn.plot.colours import WORDS, ground


def rungs(runs: Any, metric: str | None = None, unit: str = "budget", ax: Any = None) -> Any:
    """Draw the score of each member at each rung, those that went furthest in colour, and how many there were.

    Args:
        runs: of a halving: ``runs.rungs`` are records of ``budget``, ``members`` and ``scores``.
        metric: what the scores are; None for that which `Runs.best` goes by.
        unit: of the budgets, such as ``"epochs"``.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes, one line for each member.

    Raises:
        ValueError: for runs without rungs.
        ImportError: without matplotlib.

    Example:
        >>> from types import SimpleNamespace
        >>> one = SimpleNamespace(budget=1, members=[0, 1, 2], scores=[3.0, 2.0, 1.0])
        >>> two = SimpleNamespace(budget=3, members=[1, 2], scores=[1.0, 0.5])
        >>> ax = rungs(SimpleNamespace(rungs=[one, two]), "val_loss")
        >>> [line.get_xdata().tolist() for line in ax.lines], [text.get_text() for text in ax.texts]
        ([[1.0], [1.0, 3.0], [1.0, 3.0]], ['3', '2'])
    """
    records = list(getattr(runs, "rungs", None) or ())
    if not records:
        raise ValueError("these runs have no rungs; write nn.grid(..., search=nn.Halving(factor=3))")
    metric = metric or str(runs.default_metric)
    tracks: dict[int, list[tuple[float, float]]] = {}
    counts: dict[float, int] = {}
    for record in records:
        counts[record.budget] = counts.get(record.budget, 0) + len(record.members)
        for member, score in zip(record.members, record.scores, strict=True):
            tracks.setdefault(int(member), []).append((float(record.budget), float(score)))
    ax = axes(ax, (6.4, 4.0))
    top = max(counts)
    for member in sorted(tracks, key=lambda m: max(tracks[m])[0]):
        x, y = np.array(sorted(tracks[member])).T
        style = dict(color=WORDS[0], linewidth=1.8, zorder=3) if x[-1] == top else dict(
            color=ground(ax, 0.4), linewidth=0.8, alpha=0.6
        )  # fmt: skip
        ax.plot(x, y, marker="o", markersize=3.5, **style)
    budgets = sorted(counts)
    if len(budgets) > 1 and budgets[0] > 0:
        ax.set_xscale("log")
    ax.set_xticks(budgets, [short(b) for b in budgets])
    ax.set_xticks([], minor=True)
    for budget in budgets:
        ax.annotate(str(counts[budget]), (budget, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 4), ha="center",
                    textcoords="offset points", fontsize=9, annotation_clip=False)  # fmt: skip
    ax.set_title("members that trained so far", fontsize=10, pad=18)
    scaled(ax, metric, np.array([score for track in tracks.values() for _, score in track]))
    ax.set_xlabel(unit)
    ax.set_ylabel(metric)
    ax.grid(alpha=0.25)
    return ax
