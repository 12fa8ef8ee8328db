"""Rows that stay where they are until they are needed: memory-mapped arrays, and what is sliced as these are.

An order is that of the rows in memory, so a training on a memory-mapped array is the training on its copy.
"""

import mmap
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from jaxnn.data.batches import epoch_orders
from jaxnn.data.origins import Opened, Origin

PIECE_BYTES = 4 << 20
"""Of rows that are read at once."""


def is_lazy(value: Any) -> bool:
    """Whether this is an array whose rows lie elsewhere: of `numpy.memmap`, or of HDF5, zarr and their like.

    Example:
        >>> is_lazy(np.ones(3)), is_lazy([1, 2])
        (False, False)
    """
    if isinstance(value, np.ndarray):
        return isinstance(value, np.memmap)
    own = type(value).__module__.partition(".")[0]
    like = all(hasattr(value, name) for name in ("shape", "dtype", "__getitem__"))
    return like and own in ("h5py", "zarr", "tensorstore", "netCDF4")


def taken(array: Any, rows: np.ndarray) -> np.ndarray:
    """Some rows of an array, read now.

    A memory map is opened anew for it, so that what was read of it does not stay in memory.

    Example:
        >>> taken(np.arange(5), np.array([3, 1])).tolist()
        [3, 1]
    """
    mapped = isinstance(array, np.memmap) and isinstance(array.base, mmap.mmap) and array.flags.c_contiguous
    if mapped and array.filename is not None and array.mode != "c":  # what a private copy holds stands in no file
        array = np.memmap(array.filename, array.dtype, "r", array.offset, array.shape)  # type: ignore[arg-type]
    first, count = (int(rows[0]), len(rows)) if len(rows) else (0, 0)
    if count and rows[-1] == first + count - 1 and (np.diff(rows) == 1).all():
        return np.array(array[first : first + count])
    if isinstance(array, np.ndarray):
        return np.asarray(array[rows])
    found, places = np.unique(rows, return_inverse=True)  # of HDF5 row numbers must rise
    return np.asarray(array[found])[places]


class Rows(Origin):
    """Rows by number, in the order of a training in memory.

    Args:
        data: ``(x, y)`` or ``(x, y, weight)`` of trees of arrays.
        index: which rows there are.
        seed: of the order; None keeps the rows in order.
    """

    def __init__(self, data: tuple, index: np.ndarray, seed: int | None):
        self.data, self.index, self.seed, self.rows = data, index, seed, len(index)
        widths = [np.dtype(a.dtype).itemsize * int(np.prod(a.shape[1:])) for a in jax.tree.leaves(data)]
        self.piece = max(1, PIECE_BYTES // max(1, sum(widths)))
        self.batches = -(-len(index) // self.piece)

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From this very batch on."""
        return Opened(self._read(turn, batch), batch)

    def _read(self, turn: int, batch: int) -> Iterator:
        order = self.index
        if self.seed is not None:
            order = order[epoch_orders(self.seed, turn, 1, len(self.index))[0]]
        for first in range(batch * self.piece, len(order), self.piece):
            yield self.at(order[first : first + self.piece])

    def at(self, rows: np.ndarray) -> tuple:
        """Some rows."""
        return jax.tree.map(lambda a: taken(a, rows), self.data)
