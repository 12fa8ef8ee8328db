"""Streams behind the door: batches of any source in the place of rows in memory."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data import frames, labels
from jaxnn.data.arrays import digest, parts
from jaxnn.data.batch_reading import FIRST, Reads, begun
from jaxnn.data.blocks import Blocks, StreamWarning
from jaxnn.data.given import Given, count
from jaxnn.data.lazy import Rows, is_lazy
from jaxnn.data.moments import Moments
from jaxnn.data.origins import Made, origin_of
from jaxnn.data.parquet import Parquet, is_parquet
from jaxnn.data.preparation import Preparation
from jaxnn.data.source import Source, ready
from jaxnn.data.source import read as read_in_memory
from jaxnn.data.split import Standardiser
from jaxnn.data.stream import Stream, is_stream
from jaxnn.data.validation import held_pair, is_pair, read_pair, split
from jaxnn.data.weights import of_rows


@dataclass(frozen=True, eq=False)
class Streamed(Source):
    """A stream in the place of rows in memory; ``data`` are those of its first batch.

    Args:
        origin: where batches come from.
        reads: how a batch becomes rows.
        steps_per_epoch: as in `jaxnn.stream`.
        prefetch: as in `jaxnn.stream`.
        judged: the validation part, where it is a stream too.
    """

    origin: Any = None
    reads: Any = None
    steps_per_epoch: int | None = None
    prefetch: int = 1
    judged: "Streamed | None" = None
    shuffled: bool = True

    whole = False

    @property
    def template(self) -> Batch:
        """Rows of the first batch."""
        return self.reads.template

    @property
    def holds_out(self) -> bool:
        """Whether rows are held out."""
        return self.held is not None or self.judged is not None

    def stepped(self, batch_size: int | None, shuffle: bool) -> tuple[int, bool, list[int]]:
        """Rows of a step, whether batches are cut and joined to it, and the steps of an epoch, 0 where nobody knows.

        Arrays have no batches of their own: all rows are one, in their own order.
        """
        origin: Any = self.origin
        if isinstance(origin, Rows):
            rows = len(origin.index)
            size, cut = (rows, False) if batch_size is None else (min(batch_size, rows), shuffle)
            return size, cut, [self.steps_per_epoch or -(-rows // size)]
        if batch_size is None:
            return row_count(self.data.y), False, [self.steps_per_epoch or origin.batches or 0]
        size = batch_size if origin.rows is None else min(batch_size, origin.rows)
        return size, True, [self.steps_per_epoch or -(-(origin.rows or 0) // size)]

    def asked(self, size: int, shuffle: bool) -> tuple[int | None, bool]:
        """``batch_size`` and ``shuffle`` as the user gave them."""
        if isinstance(self.origin, Rows):
            return size, shuffle
        return (size if shuffle else None), self.shuffled

    def blocks(self, size: int, steps: int, shuffle: bool, **where: Any) -> Blocks:
        """Blocks of so many steps; see `jaxnn.data.blocks.Blocks` for where."""
        origin = self.origin
        if isinstance(origin, Rows) and not shuffle:
            origin = Rows(origin.data, origin.index, None)
        return Blocks(self, origin, size, steps, own=not shuffle and not isinstance(origin, Rows), **where)

    def scaled(self, standardiser: Standardiser | None) -> "Streamed":
        """The same stream with its rows scaled, its validation part too."""
        if standardiser is None:
            return self
        reads = replace(self.reads, standardiser=standardiser, template=None)
        first = reads(self.origin.first(), FIRST)
        return replace(self, data=first, standardiser=standardiser, reads=replace(reads, template=first))

    def blank(self, size: int, steps: int) -> Batch:
        """A block of so many steps without rows, on the host."""
        zeros = lambda a: np.zeros((steps, size, *a.shape[1:]), a.dtype)  # noqa: E731
        return jax.tree.map(zeros, self.template)._replace(rows=np.zeros((steps, size), bool))

    def passed(self) -> Iterator[Batch]:
        """The rows of a whole turn, batch by batch, for what is learned of them before the training.

        Raises:
            ValueError: where there is one turn only, or it does not end.
        """
        if self.origin.once or self.steps_per_epoch is not None:
            raise ValueError(
                "something is to be learned of all rows before the training (standardise=True, or "
                'class_weight="balanced"), and this stream can be read once or does not end; write a function that '
                "makes "
                "the batches, without steps_per_epoch, or give what was learned: prepare= a fitted scaler of "
                "scikit-learn, class_weight={0: 1.0, 1: 9.0}"
            )
        opened, number = self.origin.open(0), 0
        while (found := opened.take()) is not None:
            batch = self.reads(found[2], f"batch {found[0]} of the stream")
            number += 1
            if batch is not None:
                yield batch

    def admits(self, epochs: int, readers: int = 1, folder: Any = None) -> None:
        """Raise where the stream can be read once and would be read more often.

        Args:
            epochs: of each reader.
            readers: how many populations, or chunks of them, read it.
            folder: where the training is kept, or None; a stream that cannot be found again gives a warning then.
        """
        if self.judged is not None:
            self.judged.admits(epochs, readers)
        turns = 1 if self.steps_per_epoch is not None else epochs
        if self.origin.once and turns * readers > 1:
            why = f"epochs={epochs} reads" if readers == 1 else f"{readers} populations or chunks of members read"
            again = (
                ", or nn.stream(batches, steps_per_epoch=...) where an epoch is a part of it" if readers == 1 else ""
            )
            raise ValueError(
                f"a {self.origin.name} can be read once, and {why} it more often; write a function that makes it, "
                f"as in nn.fit(trial, lambda: batches(), ...){again}"
            )
        if folder is not None and not self.origin.repeats and (self.origin.once or self.origin.repeats is False):
            warnings.warn(
                "this stream cannot be found again where it was (an iterator, or a DataLoader that shuffles): after a "
                "kill "
                "it is read forward from its beginning, and the training equals one that nobody killed only if it "
                "gives "
                "the same batches again; write a function batches(epoch) with a seed of its own, or a loader that "
                "tells "
                "its place, such as StatefulDataLoader of torchdata",
                StreamWarning,
                stacklevel=3,
            )

    def fingerprint(self) -> dict[str, str]:
        """A digest of what can be known of a stream: its form, and its first batch where that is always the same."""
        same = self.origin.repeats is True or isinstance(self.origin, Made)
        form = jax.tree.map(lambda a: np.zeros((0, *a.shape[1:]), a.dtype), self.template)
        shown = replace(self, data=self.data if same else form, parts=(np.arange(0),))
        told = np.frombuffer(repr([self.origin.told(), self.steps_per_epoch]).encode(), np.uint8)
        found = Source.fingerprint(shown) | {"the stream": digest(told)}
        return found | ({} if self.judged is None else {"the validation data": str(self.judged.fingerprint())})


def read(
    data: Any, validation: Any = None, *, shuffle_seed: int = 0, scale: bool = False, shuffle: bool = True,
    task: Any = None, prepare: Any = None, groups: Any = None,
) -> Source:  # fmt: skip
    """The rows of a training, in memory or as a stream; arguments as of `jaxnn.data.source.read`.

    Raises:
        ValueError: as there, and for what a stream cannot do.
    """
    options: dict[str, Any] = dict(shuffle_seed=shuffle_seed, shuffle=shuffle, task=task, prepare=prepare)
    if isinstance(data, Source) or not is_stream(data):
        if is_stream(validation) and not isinstance(validation, tuple):
            raise ValueError("validation= is a stream and the data lie in memory; write nn.stream((x, y)) for these")
        return read_in_memory(data, validation, scale=scale, groups=groups, **options)
    if groups is not None:
        raise ValueError("groups= says which rows a split keeps together, and a stream is not split; leave it out")
    wish = _wish(data)
    seed = shuffle_seed if shuffle else None
    held, kind, classes = validation, None if validation is None else "pair", None
    if isinstance(wish.batches, tuple) or hasattr(wish.batches, "x"):
        arrays, classes = _arrays(wish.batches, task, wish.classes)
        rows = np.arange(len(jax.tree.leaves(arrays[0])[0]))
        if validation is not None and not is_pair(validation):
            rows, theirs, kind = split(validation, _targets(arrays[1]), seed=shuffle_seed, shuffle=shuffle, task=task)
            held = Rows(arrays, theirs, None)
        origin: Any = Rows(arrays, rows, seed)
    else:
        origin = Parquet(wish.batches, seed) if is_parquet(wish.batches) else origin_of(wish.batches)
        if validation is not None and not is_pair(validation):
            raise ValueError(
                f"a stream cannot be split, and validation={validation!r} would hold out some of its rows; write "
                "validation=(x, y), or another stream"
            )
    source = _streamed(wish, origin, classes, task, prepare, scale)
    source = replace(source, shuffle_seed=shuffle_seed, validation=kind, shuffled=shuffle)
    if scale and not (isinstance(source.prepare, Preparation) and source.prepare.scale):
        moments = Moments()
        for batch in source.passed():
            moments.see(batch.x, of_rows(batch.weight))
        source = source.scaled(moments.standardiser)
    return _judged(source, held, options)


def _wish(data: Any) -> Stream:
    if isinstance(data, Stream):
        return data
    if isinstance(data, tuple) and isinstance(data[1], str):
        return Stream(data[0], data[1])
    return Stream(data)


def _streamed(wish: Stream, origin: Any, classes: Any, task: Any, prepare: Any, scale: bool) -> Streamed:
    """The stream, its rows not scaled yet."""
    names = classes if wish.classes is None else wish.classes
    reads = Reads(wish, task, classes=names, named=classes is None and wish.classes is not None, prepare=prepare)
    reads, own, first = begun(reads, origin, scale)
    if isinstance(wish.batches, list):
        origin.rows = sum(count(reads.parts(batch)[0]) for batch in wish.batches)
    named = own.named or classes is not None
    return Streamed(
        first, (np.arange(row_count(first.y)),), None, classes=own.classes, features=own.features, named=named,
        prepare=reads.prepare, origin=origin, reads=reads, steps_per_epoch=wish.steps_per_epoch, prefetch=wish.prefetch,
    )  # fmt: skip


def _judged(source: Streamed, held: Any, options: dict[str, Any]) -> Streamed:
    """The stream with its validation part."""
    if held is None:
        return source
    reads = source.reads
    if isinstance(held, Rows):
        return replace(source, judged=replace(source, origin=held, steps_per_epoch=None))
    if is_stream(held):
        wish = replace(_wish(held), classes=reads.classes if reads.named else None)
        theirs = read(wish, None, **{**options, "prepare": source.prepare, "shuffle": False})
        assert isinstance(theirs, Streamed)
        theirs = replace(theirs, reads=replace(theirs.reads, wide=reads.wide)).scaled(source.standardiser)
        ours, other = (jax.tree.map(lambda a: a.shape[1:], (s.data.x, s.data.y)) for s in (source, theirs))
        if ours != other:
            raise ValueError(
                f"rows of the stream have shapes {ours} and rows of the validation data {other}; write equal ones"
            )
        return replace(source, judged=theirs)
    own = Given(None, None, None, reads.features, reads.classes, reads.named, None)
    batch = held_pair(source.data, read_pair(held, own, source.prepare, options["task"]), reads.wide)
    if not any((np.asarray(weight) > 0).any() for weight in jax.tree.leaves(batch.weight)):
        raise ValueError("the weights of the validation part are all 0; write other weights")
    return replace(source, held=(ready(batch, source.standardiser, reads.wide),))


def _arrays(data: Any, task: Any, classes: Any) -> tuple[tuple, Any]:
    """``(x, y)`` or ``(x, y, weight)`` of arrays that lie in memory or elsewhere, and the class names if there are."""
    x, y, weight = parts(data)
    if frames.is_frame(x):
        raise ValueError("a table in memory is no stream; write nn.fit(trial, (table, 'column'), ...)")
    names = None
    if not any(map(is_lazy, jax.tree.leaves(y))):
        found = labels.read(y, task=task, known=classes, named=classes is not None)
        y, names = found.y, found.classes
    held = lambda a: a if is_lazy(a) else np.asarray(a)  # noqa: E731
    arrays = jax.tree.map(held, (x, y) if weight is None else (x, y, weight), is_leaf=lambda a: isinstance(a, list))
    lengths = sorted({a.shape[0] if a.shape else -1 for a in jax.tree.leaves(arrays)})
    if len(lengths) != 1 or lengths[0] < 1:
        shapes = [tuple(a.shape) for a in jax.tree.leaves(arrays)]
        raise ValueError(f"the arrays of the stream have the shapes {shapes}; write one row of x for one row of y")
    return arrays, names


def _targets(y: Any) -> Any:
    """Targets by which rows are held out; those that would be many to read say nothing of classes."""
    return jax.tree.map(lambda a: np.asarray(a[:]) if len(a.shape) == 1 else np.zeros((a.shape[0], 2)), y)
