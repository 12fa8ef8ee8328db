"""`stream`: batches that come one after the other, and what cannot be seen on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxnn.data import frames
from jaxnn.data.lazy import is_lazy
from jaxnn.data.parquet import is_parquet


@dataclass(frozen=True, eq=False)
class Stream:
    """Batches and what is known of them; `jaxnn.stream` makes one, and says what each field means."""

    batches: Any
    target: Any = None
    weight: str | None = None
    classes: tuple | None = None
    steps_per_epoch: int | None = None
    prefetch: int = 1


def stream(
    batches: Any, *, target: str | Sequence[str] | None = None, weight: str | None = None,
    classes: Sequence[Any] | None = None, steps_per_epoch: int | None = None, prefetch: int = 1,
) -> Stream:  # fmt: skip
    """Batches in the place of ``(x, y)``, with what cannot be seen on them.

    `fit`, `grid` and `population` take batches as they are: a list of them, an iterator, a function that makes one, a
    ``DataLoader`` of PyTorch, a ``tf.data.Dataset``, a loader of grain; and a pair of arrays that lie on a disk
    (`numpy.memmap`, HDF5, zarr). This function is for what they do not tell.

    A batch is ``(x, y)`` or ``(x, y, weight)``, as data in memory are, or with ``target=`` a dict or a table. Batches
    of any size are cut and joined to steps of ``batch_size`` rows; ``batch_size=None`` takes them as they are. An epoch
    is the source from its first batch to its last. Its order is the source's own, but that of arrays, which is that of
    a training in memory, and that of Parquet files, of which row groups and the rows in each are shuffled. Whatever
    trains on it reads it from the beginning: a grid once for each structure, and for each chunk of its members.

    With ``folder=`` a killed training goes on in the middle of an epoch, with the very batches that it would have seen
    where the source gives the same ones again: lists, arrays, Parquet files, loaders that tell their place (grain,
    ``StatefulDataLoader`` of torchdata) and functions, which are run again and read forward. Where it does not, a
    `StreamWarning` says so.

    Args:
        batches: as above; the path of a Parquet file or a folder of them, or a ``pyarrow.dataset``; or a pair of
            arrays in memory, of which a device then holds a few steps at a time.
        target: the key, or the column, that is to be predicted; several for several outputs. All others are inputs.
        weight: the key, or the column, of the weights of the rows.
        classes: the class names in order, where targets are names.
        steps_per_epoch: steps of an epoch, where the batches do not end or an epoch is to be a part of them; the next
            one goes on where it ended.
        prefetch: blocks of steps that are read and put on the device while another one trains.

    Returns:
        What `fit`, `grid` and `population` take as data, and as ``validation=``.

    Raises:
        ValueError: for options that do not fit.

    Example:
        >>> import optax, jaxnn as nn
        >>> def batches(epoch):
        ...     rng = np.random.default_rng(epoch)
        ...     while True:
        ...         x = rng.normal(size=(50, 1))
        ...         yield x, 3 * x[:, 0] + 1
        >>> line = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.3))
        >>> run = nn.fit(line, nn.stream(batches, steps_per_epoch=20), epochs=2)
        >>> run.predict([[2.0]]).round(2).tolist()
        [7.0]
    """
    if isinstance(batches, Stream):
        raise ValueError("this is a stream already; write nn.stream(batches, ...) of the batches themselves")
    whole = {"steps_per_epoch": steps_per_epoch, "prefetch": prefetch}
    for name, value in whole.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1):
            raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}; write {name}=100")
    if is_parquet(batches) and target is None:
        raise ValueError('nobody said which column is to be predicted; write nn.stream(files, target="label")')
    if isinstance(classes, str):
        raise ValueError(f"classes must be the names in order, got {classes!r}; write classes=('no', 'yes')")
    names = target if isinstance(target, str) or target is None else tuple(target)
    return Stream(batches, names, weight, None if classes is None else tuple(classes), steps_per_epoch, prefetch)


def is_stream(data: Any) -> bool:
    """Whether these data come in batches, or lie where they are read as they are needed.

    Example:
        >>> is_stream((np.ones((2, 1)), np.ones(2))), is_stream([(np.ones((2, 1)), np.ones(2))]), is_stream(iter([]))
        (False, True, True)
    """
    if isinstance(data, Stream):
        return True
    if hasattr(data, "x") and hasattr(data, "y"):
        return False
    if isinstance(data, tuple):
        file = len(data) == 2 and isinstance(data[1], str) and is_parquet(data[0])
        return file or (len(data) in (2, 3) and any(map(is_lazy, jax.tree.leaves(data[:2]))))
    if isinstance(data, list):
        return bool(data) and all(map(_is_batch, data))
    plain = isinstance(data, (str, bytes, dict, np.ndarray, jax.Array)) or frames.is_frame(data) or is_lazy(data)
    return not plain and not isinstance(data, type) and (callable(data) or _gives(data))


def _gives(data: Any) -> bool:
    items = hasattr(data, "__getitem__") and hasattr(data, "__len__") and not hasattr(data, "shape")
    return hasattr(data, "__iter__") or hasattr(data, "__next__") or items


def _is_batch(item: Any) -> bool:
    """Whether an entry of a list is a batch, and no row."""
    if hasattr(item, "x") and hasattr(item, "y"):
        return True
    if isinstance(item, (tuple, list)) and len(item) in (2, 3):
        return all(hasattr(leaf, "shape") and len(leaf.shape) for leaf in jax.tree.leaves(item))
    return False
