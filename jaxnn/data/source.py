"""The rows of a training: whole, their parts by index, scaled, named, and as blocks that a program eats."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.arrays import as_batch, digest, narrow
from jaxnn.data.batches import epoch_orders, in_order, rows_of_a_step
from jaxnn.data.given import Given, count, fitted, given, inputs, needed
from jaxnn.data.parts import Parts, relative
from jaxnn.data.preparation import Preparation
from jaxnn.data.split import Standardiser, standardise
from jaxnn.data.validation import held_pair, is_pair, read_pair, split
from jaxnn.data.weights import of_rows

CAPACITY = 64
"""Epochs that one block holds at most."""
ORDER_ENTRIES = 1 << 22
"""And row numbers, where epochs are long."""
EVALUATION_ROWS = 4096
"""Rows that are evaluated at once."""


class Block(NamedTuple):
    """What one call of a program eats.

    Args:
        data: all rows, leaves ``(rows, ...)``, with weights.
        held: validation rows as stacked batches, leaves ``(parts, steps, batch, ...)``, or None.
        counts: what the rows of each class weigh together, a tree of ``(parts, classes)``, or None where nobody asks.
        parts: row numbers of folds, whose rows are held out by index and not by ``held``; or None.
        orders: ``(epochs, parts, entries)`` int32, which rows an epoch of a part takes, in order. Of folds: which of a
            fold's training rows, by the number of these.
        sizes: ``(parts,)`` int32, how many of these entries are real.
        count: how many of the epochs to do, int32.
    """

    data: Batch
    held: Batch | None
    counts: Any
    parts: Parts | None
    orders: Any
    sizes: Any
    count: Any


@dataclass(frozen=True, eq=False)
class Source:
    """Data behind the door: checked, split by index, scaled by the training part.

    Args:
        data: all rows, in the dtypes of the program; without weights where all are 1.
        parts: for each part the numbers of its training rows.
        held: for each part its validation rows, or None.
        shuffle_seed: drives the order of the rows, with the epoch.
        validation: the fraction that was held out, ``["last", fraction]``, "pair", or None.
        standardiser: what scaled the features, or None.
        classes, features: names, or None; for several outputs classes are a tree of names.
        named: whether the targets were class names.
        prepare: what made numbers of a table, fitted on the training rows, or None.
        tests: for each fold the numbers of the rows that it holds out, in the place of ``held``; or None.
        scalers, prepares: for each fold what was fitted on its training rows, or None where all have the same. With
            ``scalers``, ``standardiser`` is what brings all rows near to 0, and each fold's own follows in the program.
        device: where the data lay, if they were put on a device on purpose.

    Example:
        >>> source = read((np.arange(10.0)[:, None], np.arange(10.0)), 0.2)
        >>> source.rows, len(source.held[0].y), source.block(0, 3).orders.shape
        (8, 2, (64, 1, 8))
    """

    data: Batch
    parts: tuple[np.ndarray, ...]
    held: tuple[Batch, ...] | None
    shuffle_seed: int = 0
    validation: Any = None
    standardiser: Standardiser | None = None
    classes: Any = None
    features: tuple[str, ...] | None = None
    named: bool = False
    prepare: Any = None
    tests: tuple[np.ndarray, ...] | None = None
    scalers: tuple[Standardiser, ...] | None = None
    prepares: tuple[Any, ...] | None = None
    device: Any = None

    whole = True  # and not the first batch of a stream

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: all but the device, which is this process's own."""
        return {**vars(self), "device": None}

    @property
    def rows(self) -> int:
        """Training rows of the largest part."""
        return max(map(len, self.parts))

    @property
    def holds_out(self) -> bool:
        """Whether rows are held out."""
        return self.held is not None or self.tests is not None

    @property
    def lengths(self) -> list[int]:
        """The sizes of training parts that there are, each once."""
        return sorted({len(rows) for rows in self.parts})

    def stepped(self, batch_size: int | None, shuffle: bool) -> tuple[int, bool, list[int]]:
        """Rows of a step, whether rows are shuffled, and the steps of an epoch of each part."""
        size, shuffle = rows_of_a_step(batch_size, self.rows, shuffle)
        return size, shuffle, self.steps(size)

    def asked(self, size: int, shuffle: bool) -> tuple[int | None, bool]:
        """``batch_size`` and ``shuffle`` by which `stepped` gives these."""
        return size, shuffle

    def admits(self, epochs: int, readers: int = 1, folder: Any = None) -> None:
        """Raise where so many epochs cannot be read so often; in memory they can."""

    def steps(self, batch_size: int) -> list[int]:
        """The steps of an epoch of each part."""
        return [-(-len(rows) // batch_size) for rows in self.parts]

    def scaler(self, part: int = 0) -> Standardiser | None:
        """What scales new rows as those of a part."""
        return self.standardiser if self.scalers is None else self.scalers[part]

    def preparation(self, part: int = 0) -> Any:
        """What makes numbers of new rows as of those of a part."""
        return self.prepare if self.prepares is None else self.prepares[part]

    def only(self, part: int) -> "Source":
        """The same rows with one of the parts."""
        kept = {n: v[part : part + 1] for n in ("parts", "tests", "scalers", "prepares") if (v := getattr(self, n))}
        return replace(self, **kept)

    @property
    def first_row(self) -> Any:
        """One row of inputs, whose shape is all that an initialiser reads."""
        return jax.tree.map(lambda a: a[:1], self.data.x)

    @property
    def capacity(self) -> int:
        """Epochs that a block holds."""
        return max(1, min(CAPACITY, ORDER_ENTRIES // (self.rows * len(self._ordered))))

    @property
    def _ordered(self) -> tuple[np.ndarray, ...]:
        """What is put in order for each epoch: the rows of parts, or for folds numbers up to each length there is.

        Folds of one length so share an order, which is that of a training on a copy of their rows.
        """
        return self.parts if self.tests is None else tuple(np.arange(length) for length in self.lengths)

    def orders(self, first: int, count: int, shuffle: bool = True) -> np.ndarray:
        """The row numbers of ``count`` epochs from epoch ``first`` on, ``(count, parts, entries)``.

        An epoch's order is a function of the shuffle seed and the epoch alone. A short part is filled up with its
        first row.
        """
        orders = np.empty((count, len(self._ordered), self.rows), np.int32)
        for i, rows in enumerate(self._ordered):
            order = rows[epoch_orders(self.shuffle_seed, first, count, len(rows), shuffle)]
            orders[:, i, : len(rows)] = order
            orders[:, i, len(rows) :] = order[:, :1]
        return orders

    def work(self, first: int, count: int, shuffle: bool = True, capacity: int | None = None) -> tuple:
        """``orders``, ``sizes`` and ``count`` of a block; their shapes are the same for every count."""
        capacity = self.capacity if capacity is None else capacity
        count = min(count, capacity)
        orders = np.zeros((capacity, len(self._ordered), self.rows), np.int32)
        orders[:count] = self.orders(first, count, shuffle)
        return orders, np.array([len(rows) for rows in self._ordered], np.int32), np.int32(count)

    def block(
        self, first: int, count: int, shuffle: bool = True, capacity: int | None = None, counts: Any = None
    ) -> Block:
        """The work of ``count`` epochs from epoch ``first`` on."""
        return Block(self.data, self.held_batches, counts, self.by_index, *self.work(first, count, shuffle, capacity))

    @property
    def by_index(self) -> Parts | None:
        """The row numbers of folds, as the program takes them."""
        if self.tests is None:
            return None
        base = self.standardiser
        scale = None if self.scalers is None or base is None else [relative(own, base) for own in self.scalers]
        return Parts.of(self.parts, self.tests, self.lengths, scale)

    @property
    def held_batches(self) -> Batch | None:
        """The validation rows of all parts as stacked batches."""
        if self.held is None:
            return None
        most = max(row_count(part.y) for part in self.held)
        parts = [in_order(part, min(EVALUATION_ROWS, most), most) for part in self.held]
        if len(parts) == 1:
            return jax.tree.map(lambda a: a[None], parts[0])
        return jax.tree.map(lambda *a: np.stack(a), *parts)

    def fingerprint(self) -> dict[str, str]:
        """A digest of everything that is read of the data, part by part, the same in every process."""
        trees = {"x": self.data.x, "y": self.data.y, "weight": self.data.weight, "the parts": self.parts}
        trees |= {} if self.tests is None else {"the folds": self.tests}
        return {name: digest(tree) for name, tree in {**trees, "the validation data": self.held}.items()}


def read(
    data: Any, validation: Any = None, *, shuffle_seed: int = 0, scale: bool = False, shuffle: bool = True,
    task: Any = None, prepare: Any = None, groups: Any = None,
) -> Source:  # fmt: skip
    """Check the data, set the validation part apart, prepare and scale both by the training part.

    Args:
        data: ``(x, y)``, ``(x, y, weight)``, a data set, with attributes ``x`` and ``y``, or ``(table, "column")``.
        validation: a fraction of the rows in (0, 1), held out at random; ``"last"`` or ``("last", fraction)``; a pair
            ``(x, y)``; or None. See `jaxnn.data.validation.split`.
        shuffle_seed: drives the order of the rows and the held part.
        scale: standardise every feature by the training part.
        shuffle: False says that the order of the rows means something.
        task: of the loss: classes are held out in proportion.
        prepare: makes numbers of a table; None for a `Preparation` where the table holds more than numbers.
        groups: ``(rows,)``, or a column of the table: a group stands on one side of the split.

    Raises:
        ValueError: for data that do not fit, a fraction outside (0, 1), or a validation part without weight.
    """
    if isinstance(data, Source):
        return data
    own = given(data, task=task, groups=groups)
    prepare = needed(own.x, prepare)
    wide = scale or prepare is not None
    x = inputs(own.x, None, None, "the data") if prepare is None else np.zeros((count(own.x), 1))
    batch = as_batch((x, own.y, own.weight), wide=wide)
    pair = is_pair(validation)
    rows, theirs, kind = np.arange(row_count(batch.y)), None, "pair" if pair else None
    if validation is not None and not pair:
        rows, theirs, kind = split(
            validation, batch.y, seed=shuffle_seed, shuffle=shuffle, task=task, groups=own.groups
        )
    elif groups is not None:
        raise ValueError("groups= says which rows a split keeps together; write validation=0.2 beside it")
    if prepare is not None:
        prepare, x = fitted(prepare, own.x, own.y, rows[np.asarray(of_rows(batch.weight))[rows] > 0])
        batch = as_batch((x, batch.y, batch.weight), wide=True)
    held = None if theirs is None else jax.tree.map(lambda a: a[theirs], batch)
    held = held_pair(batch, read_pair(validation, own, prepare, task), wide) if pair else held
    if held is not None and any(_all_zero(weight) for weight in jax.tree.leaves(held.weight)):
        raise ValueError("the weights of the validation part are all 0; write another validation=, or other weights")
    scaler = None
    if scale and not (isinstance(prepare, Preparation) and prepare.scale):
        scaler = standardise(jax.tree.map(lambda a: a[rows], batch.x), of_rows(batch.weight)[rows])
    apart = None if held is None else (ready(held, scaler, wide),)
    return Source(
        ready(batch, scaler, wide), (rows,), apart, shuffle_seed, kind, scaler, own.classes,
        columns_of(own, prepare), own.named, prepare, device=device_of(data),
    )  # fmt: skip


def ready(batch: Batch, scaler: Standardiser | None, wide: bool) -> Batch:
    """The rows scaled, in the floats of the program."""
    batch = batch if scaler is None else batch._replace(x=scaler.transform(batch.x))
    return _unweighted(narrow(batch) if wide else batch)


def columns_of(own: Given, prepare: Any) -> tuple[str, ...] | None:
    """The names of the columns that the model reads."""
    return prepare.features if own.features is not None and isinstance(prepare, Preparation) else own.features


def _unweighted(batch: Batch) -> Batch:
    """Without weights where all are 1, so that nothing is gathered for them."""
    leaves = jax.tree.leaves(batch.weight)
    plain = not any(isinstance(w, Tracer) for w in leaves) and all(bool((np.asarray(w) == 1).all()) for w in leaves)
    return batch._replace(weight=None) if plain else batch


def _all_zero(weight: Any) -> bool:
    return not isinstance(weight, Tracer) and not (weight > 0).any()


def device_of(data: Any) -> Any:
    """The one device on which a user has put an array of the data on purpose, or None."""
    for leaf in jax.tree.leaves(data):
        if isinstance(leaf, jax.Array) and not isinstance(leaf, Tracer) and getattr(leaf, "committed", False):
            (device, *others) = leaf.devices()
            return None if others else device
    return None
