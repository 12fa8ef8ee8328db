"""The rows of a training: whole, their parts by index, scaled, named, and as blocks that a program eats."""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.arrays import as_batch, narrow
from jaxnn.data.batches import epoch_orders, in_order
from jaxnn.data.split import Standardiser, holdout, standardise
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
        orders: ``(epochs, parts, entries)`` int32, which rows an epoch of a part takes, in order.
        sizes: ``(parts,)`` int32, how many of these entries are real.
        count: how many of the epochs to do, int32.
    """

    data: Batch
    held: Batch | None
    counts: Any
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
        validation: the fraction that was held out, "pair", or None.
        standardiser: what scaled the features, or None.
        classes, features: names, or None.
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
    validation: float | str | None = None
    standardiser: Standardiser | None = None
    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    device: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and copied: all but the device, which is this process's own."""
        return {**vars(self), "device": None}

    @property
    def rows(self) -> int:
        """Training rows of the largest part."""
        return max(map(len, self.parts))

    @property
    def first_row(self) -> Any:
        """One row of inputs, whose shape is all that an initialiser reads."""
        return jax.tree.map(lambda a: a[:1], self.data.x)

    @property
    def capacity(self) -> int:
        """Epochs that a block holds."""
        return max(1, min(CAPACITY, ORDER_ENTRIES // (self.rows * len(self.parts))))

    def orders(self, first: int, count: int, shuffle: bool = True) -> np.ndarray:
        """The row numbers of ``count`` epochs from epoch ``first`` on, ``(count, parts, entries)``.

        An epoch's order is a function of the shuffle seed and the epoch alone. A short part is filled up with its
        first row.
        """
        orders = np.empty((count, len(self.parts), self.rows), np.int32)
        for i, rows in enumerate(self.parts):
            order = rows[epoch_orders(self.shuffle_seed, first, count, len(rows), shuffle)]
            orders[:, i, : len(rows)] = order
            orders[:, i, len(rows) :] = order[:, :1]
        return orders

    def work(self, first: int, count: int, shuffle: bool = True, capacity: int | None = None) -> tuple:
        """``orders``, ``sizes`` and ``count`` of a block; their shapes are the same for every count."""
        capacity = self.capacity if capacity is None else capacity
        count = min(count, capacity)
        orders = np.zeros((capacity, len(self.parts), self.rows), np.int32)
        orders[:count] = self.orders(first, count, shuffle)
        return orders, np.array([len(rows) for rows in self.parts], np.int32), np.int32(count)

    def block(
        self, first: int, count: int, shuffle: bool = True, capacity: int | None = None, counts: Any = None
    ) -> Block:
        """The work of ``count`` epochs from epoch ``first`` on."""
        return Block(self.data, self.held_batches, counts, *self.work(first, count, shuffle, capacity))

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
        return {name: _digest(tree) for name, tree in {**trees, "the validation data": self.held}.items()}


def read(data: Any, validation: Any = None, *, shuffle_seed: int = 0, scale: bool = False) -> Source:
    """Check the data, set the validation part apart, and scale both by the training part.

    Args:
        data: ``(x, y)``, ``(x, y, weight)`` or a data set, with attributes ``x`` and ``y``.
        validation: a fraction of the rows in (0, 1), held out at random, stratified by class labels; or a pair
            ``(x, y)``, or None.
        shuffle_seed: drives the order of the rows and the held part.
        scale: standardise every feature by the training part.

    Raises:
        ValueError: for data that do not fit, a fraction outside (0, 1), or a validation part without weight.
    """
    if isinstance(data, Source):
        return data
    batch = as_batch(data, wide=scale)
    rows, held, kind = np.arange(row_count(batch.y)), None, None
    if isinstance(validation, (int, float)):
        rows, theirs = _held_rows(batch, validation, shuffle_seed)
        held, kind = jax.tree.map(lambda a: a[theirs], batch), float(validation)
    elif validation is not None:
        held, kind = _held_pair(batch, validation, scale), "pair"
    if held is not None and any(_all_zero(weight) for weight in jax.tree.leaves(held.weight)):
        raise ValueError("the weights of the validation part are all 0; write another validation=, or other weights")
    fitted = None
    if scale:
        fitted = standardise(batch.x[rows], of_rows(batch.weight)[rows])
        batch = narrow(batch._replace(x=fitted.transform(batch.x)))
        held = None if held is None else narrow(held._replace(x=fitted.transform(held.x)))
    names = (getattr(data, name, None) for name in ("classes", "features"))
    return Source(
        _unweighted(batch), (rows,), None if held is None else (_unweighted(held),), shuffle_seed, kind, fitted,
        *(None if n is None else tuple(n) for n in names), device=_device(data),
    )  # fmt: skip


def _held_rows(batch: Batch, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if not 0 < fraction < 1:
        raise ValueError(f"validation must lie in (0, 1), got {fraction}; write validation=0.2 or a pair (x, y)")
    labels = next((y for y in jax.tree.leaves(batch.y) if jnp.issubdtype(y.dtype, jnp.integer) and y.ndim == 1), None)
    labels = None if isinstance(labels, Tracer) else labels
    return holdout(row_count(batch.y), float(fraction), seed=seed, labels=labels)


def _held_pair(batch: Batch, validation: Any, wide: bool) -> Batch:
    held = as_batch(validation, "the validation data", wide)
    ours, theirs = (jax.tree.map(lambda a: a.shape[1:], (b.x, b.y)) for b in (batch, held))
    if ours != theirs:
        raise ValueError(
            f"rows of the data have shapes {ours} and rows of the validation data {theirs}; write equal ones"
        )
    return held


def _unweighted(batch: Batch) -> Batch:
    """Without weights where all are 1, so that nothing is gathered for them."""
    leaves = jax.tree.leaves(batch.weight)
    plain = not any(isinstance(w, Tracer) for w in leaves) and all(bool((np.asarray(w) == 1).all()) for w in leaves)
    return batch._replace(weight=None) if plain else batch


def _all_zero(weight: Any) -> bool:
    return not isinstance(weight, Tracer) and not (weight > 0).any()


def _device(data: Any) -> Any:
    """The one device on which a user has put an array of the data on purpose, or None."""
    for leaf in jax.tree.leaves(data):
        if isinstance(leaf, jax.Array) and not isinstance(leaf, Tracer) and getattr(leaf, "committed", False):
            (device, *others) = leaf.devices()
            return None if others else device
    return None


def _digest(tree: Any) -> str:
    digest = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
