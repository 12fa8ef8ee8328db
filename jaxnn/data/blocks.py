"""Blocks of steps out of a stream: batches of any size are cut and joined to steps of one shape.

A block is what a call of the program eats: so many steps, all of one size. The last step of an epoch is filled up with
rows of weight 0, and the last block with steps that nobody takes. A `Mark` says where in the stream a block ended.
"""

import warnings
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.origins import Opened, Origin


class StreamWarning(UserWarning):
    """A stream cannot be found again, or is another one, where a training goes on in the middle of it.

    Example:
        >>> issubclass(StreamWarning, UserWarning)
        True
    """


class Mark(NamedTuple):
    """A place in a stream, as a file holds it.

    Args:
        turn: how often the source was read from its beginning before.
        batch: the number in this turn of the source's own batch that comes next.
        row: how many of its rows are used.
        state: what the source itself tells of its place before that batch, or None.
        check: the number of a batch that was read before, and a checksum of it; or None.
    """

    turn: int = 0
    batch: int = 0
    row: int = 0
    state: Any = None
    check: list | None = None


class Chunk(NamedTuple):
    """A block of steps.

    Args:
        batches: leaves ``(steps, size, ...)``.
        count: how many of the steps there are, the first ones.
        epoch, step: where its first step stands.
        ends: whether the epoch ends with it.
        mark: the place behind it.
    """

    batches: Batch
    count: int
    epoch: int
    step: int
    ends: bool
    mark: Mark


class Blocks:
    """The blocks of a stream from a place on, up to an epoch.

    Args:
        source: a `jaxnn.data.streamed.Streamed`.
        origin: where its batches come from.
        size: rows of a step.
        steps: of a block.
        own: whether each batch of the source is a step, and none is cut or joined.
        epoch, step, mark: where to begin; a mark of None is the beginning of the epoch.
        place: what is done to the rows of a block, as to put them on a device.
    """

    def __init__(
        self, source: Any, origin: Origin, size: int, steps: int, own: bool = False, epoch: int = 0, step: int = 0,
        mark: Mark | None = None, place: Callable[[Batch], Any] = lambda batch: batch,
    ):  # fmt: skip
        self.source, self.origin, self.size, self.steps, self.own = source, origin, size, steps, own
        self.epoch, self.step, self.until, self.place = epoch, step, epoch, place
        self.length = source.steps_per_epoch
        self.opened: Opened | None = None
        self.piece: tuple[int, Any, Batch] | None = None
        self.used, self.check = 0, None
        flowing = self.length is not None
        self.mark = Mark(0 if flowing else epoch) if mark is None else Mark(*mark)
        self.skips = epoch * (self.length or 0) if mark is None else 0

    def __call__(self) -> Chunk | None:
        """The next block; None where the last epoch is over.

        Raises:
            ValueError: for batches that do not fit, or an epoch without rows.
        """
        if self.epoch >= self.until:
            return None
        self._seek()
        wanted = self.steps if self.length is None else min(self.steps, self.length - self.step)
        flat, sizes = self._filled(wanted)
        count = len(sizes)
        if not count:
            raise ValueError(
                f"the stream gives no rows in epoch {self.epoch}, counted from 0; write a source that can be read "
                "again, "
                "such as a function that makes its batches, or nn.stream(batches, steps_per_epoch=...)"
            )
        padded(flat, sizes, self.size)
        batches = jax.tree.map(lambda a: a.reshape(self.steps, self.size, *a.shape[1:]), flat)
        ends = self._next() is None if self.length is None else self.step + count == self.length
        found = Chunk(self.place(batches), count, self.epoch, self.step, ends, self._here(ends))
        self.epoch, self.step = (self.epoch + 1, 0) if ends else (self.epoch, self.step + count)
        if ends and self.length is None:
            self.mark, self.opened, self.piece = found.mark, None, None
        return found

    def _filled(self, wanted: int) -> tuple[Batch, list[int]]:
        """So many steps of rows, one behind the other, and how many rows each of them has."""
        blank = self.source.blank(self.size, self.steps)
        flat = jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), blank)
        sizes: list[int] = []
        have, room = 0, wanted * self.size
        while len(sizes) < wanted if self.own else have < room:
            found = self._next()
            if found is None:
                break
            first = len(sizes) * self.size if self.own else have
            taken = min(row_count(found.y) - self.used, self.size if self.own else room - have)
            self._copy(flat, found, first, taken)
            self.used += taken
            have += taken
            sizes += [taken] * self.own
        if not self.own:
            sizes = [self.size] * (have // self.size) + [have % self.size] * (have % self.size > 0)
        return flat, sizes

    def _copy(self, flat: Batch, found: Batch, first: int, taken: int) -> None:
        for there, own in zip(jax.tree.leaves(flat[:3]), jax.tree.leaves(found[:3]), strict=True):
            there[first : first + taken] = own[self.used : self.used + taken]
        flat.rows[first : first + taken] = True

    def _next(self) -> Batch | None:
        """The batch of which rows are left, or the next one; None where the turn, and so the epoch, is over."""
        empty = 0
        while self.piece is None or self.used == row_count(self.piece[2].y):
            assert self.opened is not None
            found = self.opened.take()
            if found is None:
                if self.length is None:
                    return None
                empty += 1
                if empty > 1 or self.origin.once:
                    raise ValueError(
                        f"the stream ends in epoch {self.epoch} after {self.step} steps or little more, and cannot be "
                        f"read again for the {self.length} of steps_per_epoch; write fewer, or a function that makes "
                        "the batches"
                    )
                self.mark = Mark(self.mark.turn + 1)
                self.opened = self.origin.open(self.mark.turn)
                continue
            batch = self.source.reads(found[2], f"batch {found[0]} of the stream")
            if batch is not None:
                self.piece, self.used = (*found[:2], batch), 0
                self._one_step(found[0], batch)
        return self.piece[2]

    def _one_step(self, number: int, batch: Batch) -> None:
        rows = row_count(batch.y)
        if self.own and rows > self.size:
            raise ValueError(
                f"batch {number} of the stream has {rows} rows and the first one had {self.size}; write "
                f"batch_size={rows}, which cuts and joins batches to steps of one size"
            )

    def _here(self, ends: bool) -> Mark:
        """The place behind what was given."""
        assert self.piece is not None and self.opened is not None
        number, before, batch = self.piece
        if ends and self.length is None:
            return Mark(self.mark.turn + 1)
        check = [number, checksum(batch)]
        if self.used < row_count(batch.y):
            return Mark(self.mark.turn, number, self.used, before, check)
        return Mark(self.mark.turn, *_placed(self.opened), check)

    def _seek(self) -> None:
        """Open the stream where the mark says, if it is not open yet."""
        if self.opened is not None:
            return
        mark = self.mark
        self.opened, self.piece, self.used = self.origin.open(mark.turn, mark.batch, mark.state), None, 0
        number = self.opened.here()[0]
        while number < mark.batch + (mark.row > 0):
            found = self.opened.take()
            if found is None:
                raise ValueError(
                    f"the stream has {number} batches, and its training had come to batch {mark.batch}; write the "
                    "source as it was, or another folder"
                )
            number, due = found[0] + 1, mark.check is not None and mark.check[0] == found[0]
            last = found[0] == mark.batch
            batch = self.source.reads(found[2], f"batch {found[0]} of the stream") if due or last else None
            if due and (batch is None or checksum(batch) != mark.check[1]):  # type: ignore[index]
                self._warn(found[0])
            if last and batch is not None:
                self.piece, self.used = (*found[:2], batch), min(mark.row, row_count(batch.y))
        self._skip()

    def _skip(self) -> None:
        """Leave out the steps of the epochs before, where these are no turns of the source."""
        rows = self.skips if self.own else self.skips * self.size
        while rows:
            found = self._next()
            assert found is not None
            taken = row_count(found.y) - self.used if self.own else min(rows, row_count(found.y) - self.used)
            self.used += taken
            rows -= 1 if self.own else taken
        self.skips = 0

    def _warn(self, number: int) -> None:
        warnings.warn(
            f"batch {number} of the stream is another one than before the training was stopped, so it goes on with "
            "other "
            "batches than it would have seen; write a source that gives the same ones again, such as a function "
            "batches(epoch) with a seed of its own, memory-mapped arrays, Parquet files, or a loader that tells its "
            "place (grain, or StatefulDataLoader of torchdata)",
            StreamWarning,
            stacklevel=2,
        )


def _placed(opened: Opened) -> tuple[int, int, Any]:
    number, state = opened.here()
    return number, 0, state


def padded(flat: Batch, sizes: list[int], size: int) -> None:
    """Fill up steps with their first row, of weight 0, in place."""
    for i, real in enumerate(sizes):
        if real < size:
            for leaf in jax.tree.leaves((flat.x, flat.y)):
                leaf[i * size + real : (i + 1) * size] = leaf[i * size]


def checksum(batch: Batch) -> int:
    """A number by which a batch is known again.

    Example:
        >>> import jaxnn as nn
        >>> a, b = (nn.Batch(np.arange(3.0), np.ones(3) * n, np.ones(3)) for n in (1, 2))
        >>> checksum(a) == checksum(a), checksum(a) == checksum(b)
        (True, False)
    """
    found = 0
    for leaf in jax.tree.leaves(batch):
        found = zlib.crc32(np.ascontiguousarray(leaf).reshape(-1).view(np.uint8).data, found)
    return found
