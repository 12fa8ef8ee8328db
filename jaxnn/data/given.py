"""Data as a user holds them, before they are arrays: tables by column name, class names, and what prepares them."""

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.data import frames, labels, sparse
from jaxnn.data.arrays import parts
from jaxnn.data.preparation import Preparation


class Given(NamedTuple):
    """What a user gave.

    Args:
        x: rows, a table or arrays.
        y: targets as numbers.
        weight: a weight for each row, or None.
        features: column names, or None.
        classes: class names, or None; for several outputs a tree of them.
        named: whether the targets were names, which `predict` then gives back.
        groups: what stands on one side of a split, or None.
    """

    x: Any
    y: Any
    weight: Any
    features: tuple[str, ...] | None
    classes: Any
    named: bool
    groups: Any


def given(
    data: Any,
    what: str = "the data",
    *,
    task: Any = None,
    known: Sequence[Any] | None = None,
    named: bool = False,
    groups: Any = None,
) -> Given:
    """Take apart what a user gave.

    Args:
        data: ``(x, y)``, ``(x, y, weight)``, a data set, or ``(table, "column")``.
        what: how messages call it.
        task: of the loss.
        known: names of the classes that the model was trained on, or None.
        named: whether it was trained on the names, and not on their numbers.
        groups: ``(rows,)``, or the name of a column of the table, which is then no feature.

    Raises:
        ValueError: for a column that is not there, and as `jaxnn.data.labels.read`.

    Example:
        >>> given((np.ones((2, 1)), ["no", "yes"])).classes
        ('no', 'yes')
    """
    x, y, weight = parts(data, what)
    features, classes = _names(data)
    if frames.is_frame(x):
        x, y, weight, groups = _columns(x, y, weight, groups, what)
        features = frames.names(x, what)
    found = labels.read(y, what, task, classes if known is None else known, named)
    return Given(x, found.y, weight, features, found.classes or classes, found.classes is not None, groups)


def _names(data: Any) -> list[tuple | None]:
    """The names of the features and classes of a data set, alone or with weights beside it."""
    if isinstance(data, (tuple, list)) and not hasattr(data, "_fields"):
        data = None if frames.is_frame(data[0]) else data[0]
    found = [getattr(data, name, None) if hasattr(data, "y") else None for name in ("features", "classes")]
    return [None if names is None else tuple(names) for names in found]


def _columns(x: Any, y: Any, weight: Any, groups: Any, what: str) -> tuple[Any, Any, Any, Any]:
    """A table without the columns that are named as targets, weights or groups, and these."""
    there = frames.names(x, what)
    named = [name for name in (y, weight, groups) if isinstance(name, str)]
    for name in named:
        if name not in there:
            raise ValueError(f"{what} has no column {name!r}; its columns are {frames.listed(there)}")
    found = [frames.series(x, v) if isinstance(v, str) else v for v in (y, weight, groups)]
    rest = frames.select(x, tuple(name for name in there if name not in named), what) if named else x
    return rest, found[0], found[1], found[2]


def count(x: Any) -> int:
    """How many rows there are."""
    if frames.is_frame(x) or sparse.is_sparse(x):
        return int(x.shape[0])
    leaves = jax.tree.leaves(x, is_leaf=lambda a: isinstance(a, list))
    return len(leaves[0]) if leaves and np.ndim(leaves[0]) else 0


def needed(x: Any, prepare: Any) -> Any:
    """What prepares these rows: what was given, or a `Preparation` for a table of more than plain numbers, or None.

    Raises:
        ValueError: for something that prepares nothing.
    """
    if prepare is None:
        return None if not frames.is_frame(x) or frames.is_plain(frames.columns(x)) else Preparation()
    if not (hasattr(prepare, "fit") and hasattr(prepare, "transform")) or isinstance(prepare, type):
        raise ValueError(
            f"prepare must have fit and transform, got {prepare!r}; write prepare=nn.data.Preparation(), or a "
            "ColumnTransformer of scikit-learn"
        )
    return prepare


def fitted(prepare: Any, x: Any, y: Any, rows: np.ndarray) -> tuple[Any, np.ndarray]:
    """What has learned from the training rows, and all rows as it makes them.

    Args:
        prepare: a `Preparation`, which learns unless it has learned before, or a transformer of scikit-learn, which
            stays as it is: a copy learns.
        x: all rows.
        y: all targets.
        rows: the numbers of the training rows.
    """
    mine = frames.take(x, rows)
    if isinstance(prepare, Preparation):
        learned = prepare if prepare.columns else prepare.fit(mine)
        return learned, learned.transform(x, "the data")
    learned = copy.deepcopy(prepare)
    others = np.setdiff1d(np.arange(count(x)), rows)
    targets = None if isinstance(y, (dict, tuple)) else np.asarray(y)[rows]  # several outputs are none of its business
    first = _matrix(learned.fit_transform(mine, targets), "the prepared data")
    whole = np.empty((count(x), *first.shape[1:]), first.dtype)
    whole[rows] = first
    if len(others):
        whole[others] = _matrix(learned.transform(frames.take(x, others)), "the prepared data")
    return learned, whole


def inputs(x: Any, features: tuple[str, ...] | None, prepare: Any, what: str = "the new rows") -> Any:
    """New rows as the model takes them, but for their scale: columns by name, prepared, dense.

    Args:
        x: a table or arrays.
        features: the columns that the model was trained on, or None.
        prepare: what was fitted on the training rows, or None.
        what: how messages call them.
    """
    if frames.is_frame(x) and features is not None:
        x = frames.select(x, features, what)
    if isinstance(prepare, Preparation):
        return prepare.transform(x, what)
    if prepare is not None:
        return _matrix(prepare.transform(x), what)
    return _matrix(x, what)


def _matrix(x: Any, what: str) -> Any:
    if frames.is_frame(x):
        return frames.matrix(x, what)
    return sparse.dense(x, f"x of {what}") if sparse.is_sparse(x) else x
