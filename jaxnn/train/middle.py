"""Where members stand in the middle of an epoch."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.data.blocks import Mark


class Piece(NamedTuple):
    """What a block left behind: the leaves of all heads' sums, of which the first ``count`` steps count."""

    leaves: list[Any]
    count: int

    def fetched(self) -> "Piece":
        """On the host; waits until the block is done."""
        return Piece([np.asarray(a)[:, : self.count] for a in self.leaves], self.count)


class Middle(NamedTuple):
    """Where members stand in an epoch, beside their state.

    Args:
        before: the state at its beginning, or () where nobody goes back to it.
        pieces: what its blocks left behind, leaves ``(members, steps, ...)``.
        step: the steps that were taken.
        mark: the place in the stream, or None for the beginning of the epoch.
        ended: whether there are no more steps in the epoch.
    """

    before: Any = ()
    pieces: tuple[Piece, ...] = ()
    step: int = 0
    mark: Mark | None = None
    ended: bool = False

    def at(self, order: np.ndarray) -> "Middle":
        """Of these members, on the host."""
        before = jax.tree.map(lambda a: np.asarray(a)[order], self.before)
        pieces = (piece.fetched() for piece in self.pieces)
        return self._replace(
            before=before, pieces=tuple(p._replace(leaves=[a[order] for a in p.leaves]) for p in pieces)
        )


def nothing(tree: Any) -> bool:
    """Whether this stands for no state at all.

    Example:
        >>> nothing(()), nothing((1,))
        (True, False)
    """
    return isinstance(tree, tuple) and not tree
