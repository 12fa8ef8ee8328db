"""The rows of a training by folds or bootstrap draws: shared by all, each part a list of row numbers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.arrays import as_batch
from jaxnn.data.folds import Nest, drawn, pairs
from jaxnn.data.given import Given, count, fitted, given, inputs, needed
from jaxnn.data.parts import centred
from jaxnn.data.preparation import Preparation
from jaxnn.data.source import Source, columns_of, device_of, ready
from jaxnn.data.split import standardise
from jaxnn.data.weights import of_rows

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


def read_parts(
    data: Any, folds: Any = None, bootstrap: Any = None, *, shuffle_seed: int = 0, scale: bool = False,
    shuffle: bool = True, task: Any = None, prepare: Any = None, groups: Any = None,
) -> Source:  # fmt: skip
    """Check the data and divide them by row number; what scales and prepares them is fitted on each part's own rows.

    Args:
        data, shuffle_seed, scale, shuffle, task, prepare: as in `jaxnn.data.source.read`.
        folds: as `jaxnn.data.folds.pairs` takes it.
        bootstrap: how many draws, in the place of folds.
        groups: ``(rows,)``, or a column of the table: a group stands on one side of each fold.

    Raises:
        ValueError: for data or folds that do not fit.

    Example:
        >>> source = read_parts((np.arange(6.0)[:, None], np.arange(6.0)), folds=3)
        >>> [len(rows) for rows in source.parts], source.tests[0].tolist()
        ([4, 4, 4], [2, 5])
    """
    asked = folds.outer if isinstance(folds, Nest) else folds
    groups = getattr(asked, "groups", None) if groups is None else groups
    own = given(data, task=task, groups=groups)
    prepare = needed(own.x, prepare)
    wide = scale or prepare is not None
    x = inputs(own.x, None, None, "the data") if prepare is None else np.zeros((count(own.x), 1))
    batch = as_batch((x, own.y, own.weight), wide=wide)
    rows = row_count(batch.y)
    if bootstrap is None:
        parts = pairs(folds, own.x, batch.y, rows, seed=shuffle_seed, shuffle=shuffle, task=task, groups=own.groups)
    else:
        parts = drawn(rows, bootstrap, shuffle_seed)
    _check_weights(batch.weight, parts)
    scale = scale and not (isinstance(prepare, Preparation) and prepare.scale)
    train, tests = zip(*parts, strict=True)
    source = Source(batch, train, None, shuffle_seed, "folds", None, own.classes, named=own.named, tests=tests,
                    device=device_of(data))  # fmt: skip
    if prepare is None or (isinstance(prepare, Preparation) and prepare.columns):
        if prepare is not None:
            x = fitted(prepare, own.x, own.y, np.arange(rows))[1]
            batch = as_batch((x, batch.y, batch.weight), wide=True)
        source = replace(_by_one(source, batch, scale), prepare=prepare)
    else:
        source = _by_each(source, own, prepare, scale)
    return replace(source, features=columns_of(own, source.preparation()))


def _by_one(source: Source, batch: Batch, scale: bool) -> Source:
    """All parts read the same rows; the scale of each is a number of its own in the program."""
    if not scale:
        return replace(source, data=ready(batch, None, True))
    weight = of_rows(batch.weight)
    scalers = tuple(standardise(_rows(batch.x, rows), weight[rows]) for rows in source.parts)
    base = centred(batch.x, weight)
    return replace(source, data=ready(batch, base, True), standardiser=base, scalers=scalers)


def _by_each(source: Source, own: Given, prepare: Any, scale: bool) -> Source:
    """The table as each part's own preparation makes it, one behind the other, and row numbers to go with that."""
    learned, scalers, found = [], [], []
    for rows in source.parts:
        heavy = rows[np.asarray(of_rows(source.data.weight))[rows] > 0]
        made, x = fitted(prepare, own.x, own.y, heavy)
        batch = as_batch((x, source.data.y, source.data.weight), wide=True)
        scaler = standardise(_rows(batch.x, rows), of_rows(batch.weight)[rows]) if scale else None
        learned.append(made)
        scalers.append(scaler)
        found.append(ready(batch, scaler, True))
    widths = [part.x.shape[1:] for part in found]
    if len(set(widths)) > 1:
        other = next(i for i, width in enumerate(widths) if width != widths[0])
        raise ValueError(
            f"the training rows of part 0 become rows of shape {widths[0]} and those of part {other} of shape "
            f"{widths[other]}, as a category or a gap stands in few rows, and parts share one model; write "
            "prepare=nn.data.Preparation().fit(table), which learns from all rows, or "
            "nn.data.Preparation(most=5, indicators=False)"
        )
    size = row_count(source.data.y)
    parts, tests = (tuple(rows + i * size for i, rows in enumerate(v)) for v in (source.parts, source.tests or ()))
    data = jax.tree.map(lambda *a: np.concatenate(a), *found)
    return replace(source, data=data, parts=parts, tests=tests, prepare=learned[0], prepares=tuple(learned),
                   scalers=tuple(scalers) if scale else None)  # fmt: skip


def _rows(x: Any, rows: np.ndarray) -> Any:
    return jax.tree.map(lambda a: a[rows], x)


def _check_weights(weight: Any, parts: Pairs) -> None:
    """Raise for a part that has no weight on one of its sides."""
    for leaf in jax.tree.leaves(weight):
        if isinstance(leaf, Tracer):
            continue
        for i, pair in enumerate(parts):
            for rows, what in zip(pair, ("train on", "hold out"), strict=True):
                if not (leaf[rows] > 0).any():
                    raise ValueError(f"the weights of the rows that part {i} is to {what} are all 0; write other "
                                     "weights, or fewer folds")  # fmt: skip
