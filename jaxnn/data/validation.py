"""Which rows a training does not see: a fraction drawn at random, class by class or group by group, or the last."""

import math
from typing import Any

import jax
import numpy as np

from jaxnn.core.records import OF_LABELS
from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.arrays import as_batch
from jaxnn.data.given import Given, given, inputs
from jaxnn.data.split import holdout

SHARE = 0.2


def split(
    validation: Any, y: Any, *, seed: int, shuffle: bool = True, task: Any = None, groups: Any = None
) -> tuple[np.ndarray, np.ndarray, Any]:
    """The rows to train on, the rows held out, and what to write down of it.

    Args:
        validation: a fraction in (0, 1); ``"last"``, or ``("last", fraction)``.
        y: the targets, ``(rows, ...)``, or a tree of them by output.
        seed: of the draw.
        shuffle: False says that the order of the rows means something, and a fraction is then refused.
        task: of the loss, or of each output: classes are held in proportion, those of the first output that has
            them; numbers are not. None goes by the targets: whole numbers are classes.
        groups: ``(rows,)`` values, all rows of a group stand on one side; or None.

    Raises:
        ValueError: for a fraction outside (0, 1), or a split that cannot be made.

    Example:
        >>> train, held, _ = split("last", np.arange(10.0), seed=0)
        >>> held.tolist()
        [8, 9]
    """
    n = row_count(y)
    last = isinstance(validation, str) or (isinstance(validation, (tuple, list)) and isinstance(validation[0], str))
    word, fraction = (validation, SHARE) if isinstance(validation, str) else validation if last else ("", validation)
    if (last and word != "last") or isinstance(fraction, bool) or not isinstance(fraction, (int, float, np.number)):
        raise ValueError(f'validation must be a fraction, "last", or a pair (x, y), got {validation!r}; '
                         'write validation=0.2 or validation=("last", 0.2)')  # fmt: skip
    if not 0 < fraction < 1:
        raise ValueError(f"validation must lie in (0, 1), got {fraction}; write validation=0.2 or a pair (x, y)")
    if last:
        if groups is not None:
            raise ValueError('groups= draws whole groups, and "last" takes the last rows; write validation=0.2')
        return *_last(n, float(fraction)), ["last", float(fraction)]
    if not shuffle and groups is None:
        raise ValueError(
            f"shuffle=False keeps the rows in order, and validation={fraction} holds out rows drawn at random; write "
            f'validation=("last", {fraction}) for a series, or a pair (x, y)'
        )
    if groups is not None:
        return *by_group(n, float(fraction), seed, groups), float(fraction)
    labels = labels_of(y, task)
    if labels is not None and task is not None and len(np.unique(labels)) == n > 2:
        raise ValueError(
            f"y holds {n} classes in {n} rows, and a class of one row cannot stand on both sides; if they are numbers "
            'write a loss of numbers, such as "squared_error", else validation=(x, y)'
        )
    return *holdout(n, float(fraction), seed, labels), float(fraction)


def _last(n: int, fraction: float) -> tuple[np.ndarray, np.ndarray]:
    held = math.ceil(fraction * n)
    if not 0 < held < n:
        raise ValueError(f"{n} rows cannot be split at {fraction} into two parts with rows; give more rows")
    return np.arange(n - held), np.arange(n - held, n)


def labels_of(y: Any, task: Any) -> Any:
    """The classes to hold in proportion, or None."""
    targets, tasks = jax.tree.leaves(y), jax.tree.leaves(task, is_leaf=lambda leaf: leaf is None)
    pairs = zip(targets, tasks * len(targets) if len(tasks) == 1 else tasks, strict=False)
    return next((own for own, task in pairs if _are_classes(own, task)), None)


def _are_classes(y: Any, task: str | None) -> bool:
    if not isinstance(y, np.ndarray) or y.ndim != 1 or task not in (None, *OF_LABELS):
        return False
    return bool(np.issubdtype(y.dtype, np.integer) or (task is not None and (y == np.floor(y)).all()))


def by_group(n: int, fraction: float, seed: int, groups: Any) -> tuple[np.ndarray, np.ndarray]:
    """Hold out whole groups, drawn at random until they have ``ceil(fraction * n)`` rows or nearly so many.

    Args:
        n: number of rows.
        fraction: share of the rows that is held.
        seed: of the draw.
        groups: ``(n,)`` values of any kind.

    Returns:
        ``(train_rows, held_rows)``, sorted; neither is empty, and no group stands in both.

    Raises:
        ValueError: for groups of another length, or fewer than two.

    Example:
        >>> train, held = by_group(6, 0.3, 0, ["a", "a", "b", "b", "c", "c"])
        >>> len(train), len(held)
        (4, 2)
    """
    groups = np.asarray(groups)
    if groups.shape != (n,):
        raise ValueError(f"there are {n} rows and groups of the shape {groups.shape}; write one group for each row")
    names, codes = np.unique(groups.astype(str) if groups.dtype == object else groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError("there is one group only, and it cannot stand on both sides; write groups= of at least two")
    sizes, wanted, held = np.bincount(codes), math.ceil(fraction * n), []
    for group in np.argsort(np.random.PCG64(seed).random_raw(len(names)), kind="stable"):
        have = sizes[held].sum()
        if len(held) < len(names) - 1 and (not held or have + sizes[group] / 2 <= wanted):
            held.append(group)
    mine = np.isin(codes, held)
    return np.flatnonzero(~mine), np.flatnonzero(mine)


def is_pair(validation: Any) -> bool:
    """Whether this is validation data, and no way to split."""
    if validation is None or isinstance(validation, (int, float, np.number, str)):
        return False
    return not (isinstance(validation, (tuple, list)) and len(validation) > 0 and isinstance(validation[0], str))


def read_pair(validation: Any, own: Given, prepare: Any, task: Any) -> tuple[Any, Any, Any]:
    """Validation rows, targets and weights as the data had them; ``own`` is what the user gave as data."""
    theirs = given(validation, "the validation data", task=task, known=own.classes, named=own.named)
    return inputs(theirs.x, own.features, prepare, "the validation data"), theirs.y, theirs.weight


def held_pair(batch: Batch, validation: Any, wide: bool) -> Batch:
    """What `read_pair` gave as a `Batch`, of rows that have the shapes of the data's."""
    held = as_batch(validation, "the validation data", wide)
    ours, theirs = (jax.tree.map(lambda a: a.shape[1:], (b.x, b.y)) for b in (batch, held))
    if ours != theirs:
        raise ValueError(
            f"rows of the data have shapes {ours} and rows of the validation data {theirs}; write equal ones"
        )
    return held
