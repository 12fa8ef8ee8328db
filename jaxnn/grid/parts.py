"""Parts: the members of a grid divided among workers, which are processes, devices far away or a pool."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

GOLDEN = (5**0.5 - 1) / 2


class Part(NamedTuple):
    """Members of one structure that train together, by one worker.

    Args:
        structure: its number in the grid.
        points: their points in the space, in order.
        name: of its folder within that of the grid.

    Example:
        >>> Part(0, [2, 3], "structure_000")
        Part(structure=0, points=[2, 3], name='structure_000')
    """

    structure: int
    points: list[int]
    name: str


def divided(
    structures: Sequence[Sequence[int]], costs: Sequence[float], workers: int = 1, most: int | None = None
) -> list[Part]:
    """The members laid on a line, structure after structure, and cut into pieces of equal cost, one for each worker.

    So a structure is cut only where a worker ends, and few programs are compiled twice. The members of a structure that
    is cut are spread over its pieces, because neighbours in a space stop early, or fall sick, together.

    Args:
        structures: the points of each.
        costs: of each point.
        workers: how many.
        most: members of a part, or None for any number.

    Returns:
        Parts in the order of the structures; with one worker one for each.

    Example:
        >>> [(part.points, part.name) for part in divided([[0, 1, 2, 3], [4, 5]], [1.0] * 6, 2)]
        [([0, 1, 2], 'structure_000'), ([3], 'structure_000_001'), ([4, 5], 'structure_001')]
    """
    total, before, parts = float(sum(costs)) or 1.0, 0.0, []
    for number, points in enumerate(structures):
        points = np.asarray(points)[np.argsort(np.arange(len(points)) * GOLDEN % 1.0)]
        own = np.asarray(costs, float)[points]
        middles = before + np.cumsum(own) - own / 2  # of each member on the line
        before += own.sum()
        turns = np.minimum(middles * workers // total, workers - 1)
        pieces = np.split(points, np.flatnonzero(np.diff(turns)) + 1)
        if most is not None:
            pieces = [piece[i : i + most] for piece in pieces for i in range(0, len(piece), most)]
        for k, piece in enumerate(pieces):
            parts.append(Part(number, sorted(piece.tolist()), f"structure_{number:03d}{f'_{k:03d}' if k else ''}"))
    return parts


def dealt(parts: Sequence[Part], costs: Sequence[float], workers: int) -> list[list[Part]]:
    """The parts of each worker: the dearest first, to whoever has least; the same in every process.

    Example:
        >>> parts = divided([[0, 1, 2, 3], [4, 5]], [1.0] * 6, 2)
        >>> [[part.name for part in own] for own in dealt(parts, [1.0] * 6, 2)]
        [['structure_000'], ['structure_000_001', 'structure_001']]
    """
    load, hands = [0.0] * workers, [[] for _ in range(workers)]
    price = [sum(costs[i] for i in part.points) for part in parts]
    for k in sorted(range(len(parts)), key=lambda k: (-price[k], k)):
        worker = load.index(min(load))
        load[worker] += price[k]
        hands[worker].append(k)
    return [[parts[k] for k in sorted(hand)] for hand in hands]
