"""Targets as people have them: class names of any kind become class numbers, and predictions names again."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from jaxnn.core.records import OF_LABELS
from jaxnn.data import frames


class Targets(NamedTuple):
    """Targets as numbers.

    Args:
        y: class numbers or values; a tree of them for several outputs.
        classes: the name of each class, where the targets were names, else None; a dict where one of several outputs
            has names.
    """

    y: Any
    classes: Any = None


def read(
    y: Any, what: str = "the data", task: Any = None, known: Sequence[Any] | None = None, named: bool = True
) -> Targets:
    """Targets as numbers, with the names of the classes where they were names.

    Numbers stay as they are. Text, categories and any other objects that are no numbers are class names, and so are
    truth values where the task is classes. The classes of a pandas Categorical stand in its order, others sorted.

    Args:
        y: an array, a list, a column of a table or a table of one column; a dict or tuple of these for several
            outputs, each by itself, with ``task`` and ``known`` as such trees.
        what: how messages call the data.
        task: of the loss, as in `jaxnn.train.trial.Trial.task`; None where it is not known.
        known: the names of the classes that the model was trained on, or None.
        named: whether the targets are names if ``known`` are given; else they may be class numbers, too.

    Raises:
        ValueError: for missing values, an unknown class, one class only, or names where the loss takes numbers.

    Example:
        >>> read(["cat", "dog", "cat"])
        Targets(y=array([0, 1, 0], dtype=int32), classes=('cat', 'dog'))
    """
    if _is_tree(y):
        return _read_tree(y, what, task, known, named)
    named = named and known is not None
    if isinstance(y, Tracer) or (not named and isinstance(y, jax.Array)):
        return Targets(y)
    values, order = _values(y, what)
    truths = values.dtype.kind == "b" and values.ndim == 1 and task in OF_LABELS
    if not named and values.dtype != object and not truths:
        return Targets(values)
    if task == "values":
        raise ValueError(
            f"y of {what} holds {values.reshape(-1)[0]!r} and the loss takes numbers; write numbers, or a loss of "
            "classes such as softmax_cross_entropy"
        )
    flat = values.reshape(-1).tolist()
    classes = tuple(known) if known is not None else _classes(flat, order, what)
    if known is None and task in ("binary", "sign") and len(classes) != 2:
        raise ValueError(
            f"y of {what} holds {len(classes)} classes ({frames.listed(classes)}) and this loss takes two; write "
            "softmax_cross_entropy"
        )
    codes = {name: code for code, name in enumerate(classes)}
    strange = next((row for row, value in enumerate(flat) if value not in codes), None)
    if strange is not None:
        raise ValueError(f"y of {what} holds {flat[strange]!r} in row {strange + 1}, which is none of the classes "
                         f"{frames.listed(classes)}")  # fmt: skip
    return Targets(np.array([codes[value] for value in flat], np.int32).reshape(values.shape), classes)


def given_back(classes: Sequence[Any], codes: np.ndarray) -> np.ndarray:
    """The names of class numbers, as an array of their kind.

    Example:
        >>> given_back(("cat", "dog"), np.array([1, 0])).tolist()
        ['dog', 'cat']
    """
    kinds = set(map(type, classes))
    table = np.empty(len(classes), dtype=object)
    table[:] = list(classes)
    if len(kinds) == 1 and kinds <= {str, bool, int, float}:
        table = table.astype(kinds.pop())
    return table[codes]


def by_output(classes: Any) -> dict[tuple, tuple]:
    """The class names of each output that has some, by the keys and places that lead to it; () where there is one.

    Example:
        >>> by_output({"kind": ("cat", "dog"), "size": None}), by_output(("no", "yes"))
        ({('kind',): ('cat', 'dog')}, {(): ('no', 'yes')})
    """
    if classes is None:
        return {}
    if not isinstance(classes, Mapping):
        return {(): tuple(classes)}
    return {(key, *path): names for key, branch in classes.items() for path, names in by_output(branch).items()}


def _read_tree(y: Any, what: str, task: Any, known: Any, named: bool) -> Targets:
    """The targets of several outputs, each by itself."""
    keys = list(y) if isinstance(y, dict) else list(range(len(y)))
    parts = [
        read(y[key], f"{key!r} of {what}", *(_branch(tree, key) for tree in (task, known)), named=named) for key in keys
    ]
    found, classes = [part.y for part in parts], [part.classes for part in parts]
    by_key = None if all(names is None for names in classes) else dict(zip(keys, classes, strict=True))
    return Targets(dict(zip(keys, found, strict=True)) if isinstance(y, dict) else tuple(found), by_key)


def _branch(tree: Any, key: Any) -> Any:
    """What stands under a key of a tree, or None where there is none."""
    if isinstance(tree, Mapping):
        return tree.get(key)
    return tree[key] if isinstance(tree, (tuple, list)) and isinstance(key, int) and key < len(tree) else None


def _is_tree(y: Any) -> bool:
    """Whether these are targets of several outputs."""
    return isinstance(y, dict) or (isinstance(y, tuple) and not all(map(np.isscalar, y)))


def _classes(flat: list[Any], order: Sequence[Any] | None, what: str) -> tuple[Any, ...]:
    try:
        there = dict.fromkeys(flat)
    except TypeError:
        raise ValueError(
            f"y of {what} holds {type(flat[0]).__name__} values; write one class name for each row"
        ) from None
    if order is not None:
        found = [name for name in order if name in there]
    else:
        try:
            found = sorted(there)
        except TypeError:  # of kinds that cannot be compared: in the order in which they come
            found = list(there)
    if len(found) < 2:
        raise ValueError(f"y of {what} holds one class only ({found[0]!r}); write rows of at least two")
    return tuple(found)


def _values(y: Any, what: str) -> tuple[np.ndarray, Sequence[Any] | None]:
    """Numbers or truth values as they are, names as objects; and the order of the classes where one is told."""
    if frames.is_frame(y):
        if len(frames.names(y)) != 1:
            return frames.matrix(y, what), None
        only = frames.series(y, frames.names(y)[0])
        values, order = _values(only, what)
        return (values, order) if values.dtype == object else (values[:, None], order)
    if hasattr(y, "toarray"):
        raise ValueError(f"y of {what} is sparse; write y.toarray()")
    if isinstance(y, np.ma.MaskedArray):
        _whole(np.ma.getmaskarray(y), what)
        y = y.data
    if frames.is_series(y):
        return _of_a_series(y, what)
    if isinstance(y, (list, tuple)) and any(isinstance(value, str) for value in y):
        y = np.array([*y, None], dtype=object)[:-1]
    try:
        array = np.asarray(y)
    except ValueError:
        raise ValueError(f"the rows of y of {what} have different lengths; write one target for each row") from None
    if array.dtype.kind == "M":
        raise ValueError(f"y of {what} holds dates; write numbers, as in (y - y.min()) / numpy.timedelta64(1, 'D')")
    if array.dtype.kind in "UST":
        return array.astype(object), None
    if array.dtype.kind != "O":
        return array, None
    _whole(np.array([frames.is_missing(value) for value in array.reshape(-1)]), what)
    column = frames.column(array.reshape(-1), "y", what) if all(map(np.isscalar, array.reshape(-1))) else None
    if column is None or column.kind not in ("number", "truth"):
        return array, None
    return (column.values.astype(bool) if column.kind == "truth" else column.values).reshape(array.shape), None


def _of_a_series(y: Any, what: str) -> tuple[np.ndarray, Sequence[Any] | None]:
    if not hasattr(y, "dtype"):
        y = np.asarray(y)
        return _values(y, what)
    categorical = str(y.dtype) == "category"
    order = list(getattr(y, "cat", y).categories) if categorical else None
    column = frames.column(y, "y", what)
    _whole(column.missing, what)
    if column.kind == "date":
        raise ValueError(f"y of {what} holds dates; write numbers, such as days since the first")
    if column.kind == "text":
        values = np.empty(len(column.values), dtype=object)
        values[:] = list(y)
        return values, order
    if column.kind == "truth":
        return column.values.astype(bool), None
    whole = str(y.dtype).lower().startswith(("int", "uint"))
    return np.asarray(y, dtype=np.int64) if whole else column.values, None


def _whole(missing: np.ndarray, what: str) -> None:
    if missing.any():
        raise ValueError(
            f"y of {what} has no value in {int(missing.sum())} rows, the first of them row {np.argmax(missing) + 1}; "
            "leave these rows out"
        )
