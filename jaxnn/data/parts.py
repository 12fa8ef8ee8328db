"""Parts of a training by index: which of the shared rows a fold trains on, in which order, and which it holds out."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.types import Batch
from jaxnn.data import scaling
from jaxnn.data.batches import batched
from jaxnn.data.split import Standardiser

Reading: TypeAlias = Callable[[Batch], Batch] | None


class Parts(NamedTuple):
    """Row numbers of all parts, inputs of the program; a short part is filled up with its first row.

    Args:
        train: ``(parts, entries)`` int32, the rows to train on.
        sizes: ``(parts,)`` int32, how many of them are real.
        length: ``(parts,)`` int32, which of the orders of a `Block` is of this size.
        test: ``(parts, entries)`` int32, the rows held out.
        tests: ``(parts,)`` int32, how many of them are real.
        scaling: a `Standardiser` of arrays ``(parts, ...)``, or None.
    """

    train: Any
    sizes: Any
    length: Any
    test: Any
    tests: Any
    scaling: Any = None

    @classmethod
    def of(cls, train: Sequence[np.ndarray], test: Sequence[np.ndarray], lengths: Sequence[int], scale: Any) -> "Parts":
        """Of row numbers, part by part.

        Args:
            train, test: for each part.
            lengths: the sizes of training parts that there are.
            scale: for each part a `Standardiser`, or None.
        """
        sizes = [len(rows) for rows in train]
        if scale is not None:
            scale = jax.tree.map(lambda *a: np.stack(a).astype(jax.dtypes.canonicalize_dtype(float)), *scale)
        length = np.array([lengths.index(size) for size in sizes], np.int32)
        tests = np.array([len(rows) for rows in test], np.int32)
        return cls(_filled(train), np.array(sizes, np.int32), length, _filled(test), tests, scale)

    def training(self, data: Batch, part: Any, orders: Any, batch_size: int) -> Batch:
        """An epoch of a part as stacked batches, ``(steps, batch_size)``: in the place of targets the row numbers.

        Args:
            orders: ``(lengths, entries)``, that of each length of the epoch.
        """
        return batched(_numbers(data, self.train[part]), orders[self.length[part]], self.sizes[part], batch_size)

    def held(self, data: Batch, part: Any, batch_size: int) -> Batch:
        """What a part holds out, as `training`, in its own order."""
        entries = self.test.shape[1]
        order = jnp.arange(entries, dtype=jnp.int32)
        return batched(_numbers(data, self.test[part]), order, self.tests[part], min(batch_size, entries))

    def reading(self, data: Batch, part: Any) -> Callable[[Batch], Batch]:
        """What makes rows of row numbers: they are gathered, and scaled as the part's training rows say."""
        own = None if self.scaling is None else jax.tree.map(lambda a: a[part], self.scaling)

        def read(batch: Batch) -> Batch:
            x, y = jax.tree.map(lambda a: jnp.take(a, batch.y, axis=0, mode="clip"), (data.x, data.y))
            return batch._replace(x=x if own is None else own.transform(x), y=y)

        return read


def _filled(parts: Sequence[np.ndarray]) -> np.ndarray:
    found = np.empty((len(parts), max(map(len, parts))), np.int32)
    for i, rows in enumerate(parts):
        found[i, : len(rows)], found[i, len(rows) :] = rows, rows[0]
    return found


def _numbers(data: Batch, rows: Any) -> Batch:
    """Row numbers in the place of targets, with the weights of these rows."""
    return Batch(None, rows, jax.tree.map(lambda w: jnp.take(w, rows, axis=0, mode="clip"), data.weight))


def centred(x: Any, weight: Any = None) -> Standardiser:
    """What all rows lie about: medians and standard deviations, by which float32 holds them without a loss.

    It is a change of units alone: what a part's own scaling makes of the rows does not depend on it. A feature's
    median is within one standard deviation of its mean, whatever lies far out, so no digit of a part is lost.

    Args:
        x: ``(rows, ...)`` numbers, or a tree of them as `jaxnn.data.scaling` has it.
        weight: ``(rows,)``; rows of weight 0 count for nothing.

    Example:
        >>> centred(np.array([[1.0], [2.0], [3.0]])).mean.tolist()
        [2.0]
    """
    if scaling.is_tree(x):
        return Standardiser(*scaling.fit(x, weight, centred))
    rows = np.asarray(x, np.float64)
    rows = rows if weight is None else rows[np.asarray(weight) > 0]
    spread = rows.std(axis=0)
    return Standardiser(np.median(rows, axis=0), np.where(spread > 0, spread, 1.0))


def relative(own: Standardiser, base: Standardiser) -> Standardiser:
    """A scaling for rows that lie as ``base`` scaled them.

    Example:
        >>> relative(Standardiser(np.array([5.0]), np.array([4.0])), Standardiser(np.array([1.0]), np.array([2.0])))
        Standardiser(mean=array([2.]), scale=array([2.]))
    """
    mean = jax.tree.map(lambda a, b, c: (a - b) / c, own.mean, base.mean, base.scale)
    return Standardiser(mean, jax.tree.map(lambda a, c: a / c, own.scale, base.scale))
