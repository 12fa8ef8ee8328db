"""The family tree of a population: who went on from whom, and with which hyperparameters."""

from typing import Any

import numpy as np

from jaxnn.plot.axes import axes
from jaxnn.plot.colours import bar, ground, of_values, palette, scale

NAMED = 30
"""Members up to so many are numbered each."""


def lineage(runs: Any, colour: str | None = None, winner: int | None = None, ax: Any = None) -> Any:
    """Draw a line for each member over the epochs, and one from parent to child where a member was replaced.

    Args:
        runs: of a population-based training: ``runs.lineage`` are records of ``epoch``, ``child``, ``parent`` and
            ``hparams``.
        colour: the hyperparameter that colours the lines; None for the first that was changed.
        winner: the member whose ancestors are drawn thick; None for ``runs.best()``.
        ax: matplotlib axes to draw on; None makes a figure.

    Returns:
        The matplotlib axes.

    Raises:
        ValueError: for runs without a lineage, or an unknown hyperparameter.
        ImportError: without matplotlib.

    Example:
        >>> from types import SimpleNamespace
        >>> from jaxnn.grid.space import product
        >>> born = SimpleNamespace(epoch=2, child=0, parent=1, hparams={"lr": 0.25})
        >>> runs = SimpleNamespace(lineage=[born], space=product(lr=[0.1, 0.2]), history={"loss": np.ones((2, 4))})
        >>> ax = lineage(runs, winner=0)
        >>> ax.get_xlabel(), ax.get_ylabel(), len(ax.collections[0].get_segments())
        ('epoch', 'member', 3)
    """
    events: list[Any] = sorted(getattr(runs, "lineage", None) or [], key=lambda e: e.epoch)
    if not events:
        raise ValueError("these runs have no lineage; write nn.grid(..., search=nn.PopulationBased(every=5))")
    points = runs.space.points
    changed = list(dict.fromkeys(name for event in events for name in event.hparams))
    colour = colour or (changed[0] if changed else None)
    if colour is not None and colour not in {*changed, *points[0]}:
        raise ValueError(f"no hyperparameter is called {colour!r}; choose one of {', '.join({**points[0]})}")
    end = max(v.shape[1] for v in runs.history.values())
    lives = _lives(events, [point.get(colour) for point in points], colour, end)
    if winner is None:
        winner = int(runs.order(runs.default_metric)[0])
    ax = axes(ax, (6.8, min(9.0, 1.6 + 0.16 * max(14, len(points)))))
    shades, finish = _shades(ax, [life[3] for life in lives], colour)
    blood = _ancestry(events, winner, end)
    _draw(ax, lives, events, shades, blood)
    ax.set_xlabel("epoch")
    ax.set_ylabel("member")
    ax.set_xlim(0, end)
    ax.set_ylim(-0.7, len(points) - 0.3)
    if len(points) <= NAMED:
        ax.set_yticks(range(len(points)))
        ax.tick_params(axis="y", labelsize=8)
    ax.set_title(f"thick: the ancestors of member {winner}", fontsize=10)
    finish()
    return ax


def _lives(events: list[Any], first: list[Any], colour: str | None, end: int) -> list[tuple[int, int, int, Any]]:
    """What stays the same: member, from, to, and the value that colours it."""
    open_ = {i: (0, value) for i, value in enumerate(first)}
    lives = []
    for event in events:
        begun, value = open_[event.child]
        lives.append((event.child, begun, event.epoch, value))
        open_[event.child] = (event.epoch, event.hparams.get(colour, open_[event.parent][1]))
    return [*lives, *((i, begun, end, value) for i, (begun, value) in open_.items())]


def _ancestry(events: list[Any], member: int, end: int) -> list[tuple[int, int, int]]:
    """Where the weights of a member were: (member, from, to), the last first."""
    found, until = [], end
    for event in reversed(events):
        if event.child == member and event.epoch <= until:
            found.append((member, event.epoch, until))
            member, until = event.parent, event.epoch
    return [*found, (member, 0, until)]


def _shades(ax: Any, values: list[Any], colour: str | None) -> tuple[Any, Any]:
    """The colour of a value, and what draws the bar or the legend when all else is there."""
    numeric = all(isinstance(v, (int, float, np.number)) and not isinstance(v, bool) for v in values)
    if not numeric or colour is None or len(set(values)) < 2:
        known = list(dict.fromkeys(map(repr, values)))
        own = dict(zip(known, of_values(ax, known, False, False), strict=True))
        return (lambda value: own[repr(value)]), (lambda: None)
    low, high = float(min(values)), float(max(values))
    norm, colours = scale([low, high], low > 0 and high > 5 * low), palette(ax)
    return (lambda value: colours(float(norm(value)))), (lambda: bar(ax, norm, colour))


def _value(lives: list[Any], member: int, epoch: int) -> Any:
    """What coloured a member from an epoch on."""
    return next(value for i, begun, end, value in lives if i == member and begun <= epoch < end)


def _draw(ax: Any, lives: list[Any], events: list[Any], shades: Any, blood: list[tuple[int, int, int]]) -> None:
    from matplotlib.collections import LineCollection

    inside = {(member, epoch) for member, begun, to in blood for epoch in (begun, to)}
    bold_lives = [(i, begun, to, _value(lives, i, begun)) for i, begun, to in blood if to > begun]
    for own, width in ((lives, 1.4), (bold_lives, 4.0)):
        parts = [[(begun, i), (end, i)] for i, begun, end, _ in own]
        ax.add_collection(LineCollection(parts, colors=[shades(life[3]) for life in own], linewidths=width, zorder=2))
    for event in events:
        bold = (event.child, event.epoch) in inside and (event.parent, event.epoch) in inside
        style = dict(color=ground(ax), linewidth=1.6) if bold else dict(color=ground(ax, 0.5), linewidth=0.7, alpha=0.8)
        ax.annotate("", (event.epoch, event.child), (event.epoch, event.parent),
                    arrowprops=dict(arrowstyle="-|>", shrinkA=0, shrinkB=0, mutation_scale=8, **style),
                    zorder=3 if bold else 1)  # fmt: skip
