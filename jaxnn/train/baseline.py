"""What a constant prediction would reach: the number beside which an accuracy or an error says something."""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import jax
import numpy as np

from jaxnn.core.records import OF_LABELS
from jaxnn.core.types import Batch
from jaxnn.data.source import Source
from jaxnn.train.class_weight import codes
from jaxnn.train.heads import Head, ignored_label, is_node, own_weight, pick

ERRORS: dict[str, Callable] = {
    "squared_error": lambda e: (e**2).mean(1),
    "half_squared_error": lambda e: (e**2).sum(1) / 2,
    "absolute_error": lambda e: np.abs(e).mean(1),
}
"""Losses of values, of errors ``(rows, out)``, for which the baseline is told."""
_KNOWN: WeakKeyDictionary[Source, dict[tuple, dict[str, float]]] = WeakKeyDictionary()


def baseline(heads: Sequence[Head], train: Batch, held: Batch | None = None) -> dict[str, float]:
    """What the constant that suits the training rows best reaches, under the names that the history has.

    For classes it is the share of the most frequent one, as an accuracy; for values the error of their mean, as a loss.
    It is told of the validation part where there is one, else of the training rows; of sequences only where each step
    has a weight, as nobody knows which steps are there otherwise.

    Args:
        heads: of a trial.
        train, held: rows on the host.

    Source: ``sklearn.dummy.DummyClassifier(strategy="most_frequent")`` and ``DummyRegressor(strategy="mean")``.

    Example:
        >>> import jaxnn as nn, optax
        >>> heads = nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.sgd(0.1)).heads
        >>> baseline(heads, Batch(None, np.array([0, 0, 0, 1])))
        {'accuracy': 0.75}
    """
    found = {}
    for head in heads:
        theirs, own = (_rows(head, part) for part in (train, train if held is None else held))
        if theirs is None or own is None:
            continue
        name, value = _value(head, theirs, own)
        if name is not None:
            found[("" if held is None else "val_") + head.called(name)] = value
    return found


def _rows(head: Head, data: Batch) -> tuple[np.ndarray, np.ndarray] | None:
    """Targets and weights of one head, step by step where these have weights; None where they are of another form."""
    y = pick(data.y, head.path)
    if is_node(y):
        return None
    y = np.asarray(y)
    weight = np.ones(len(y)) if data.weight is None else np.asarray(own_weight(data.weight, head.path), float)
    y, weight = y.reshape(-1, *y.shape[weight.ndim :]), weight.reshape(-1)
    ignored = ignored_label(head.loss)
    if ignored is not None and y.ndim == 1:
        weight = weight * (y != ignored)
    sequence = head.loss.task == "classes" and y.ndim > 1
    return (y, weight) if weight.any() and not sequence else None


def _value(head: Head, train: tuple, own: tuple) -> tuple[str | None, float]:
    (theirs, their_weight), (y, weight) = train, own
    if head.loss.task in OF_LABELS:
        if y.size != len(y) or (head.loss.task == "classes" and y.dtype.kind == "f"):
            return None, 0.0
        known, labels = (codes(head.loss.task, a).reshape(-1).astype(int) for a in (theirs, y))
        values, places = np.unique(known, return_inverse=True)
        most = values[np.bincount(places, their_weight).argmax()]
        return "accuracy", float(np.average(labels == most, weights=weight))
    error = ERRORS.get(head.loss.name)
    if error is None:
        return None, 0.0
    mean = np.average(theirs.reshape(len(theirs), -1).astype(float), axis=0, weights=their_weight)
    return "loss", float(np.average(error(y.reshape(len(y), -1) - mean), weights=weight))


def of_member(heads: Sequence[Head], source: Source, part: int) -> dict[str, float]:
    """The `baseline` of the rows of one part of a `Source`; members that share them count these once."""
    if not source.whole:
        return {}
    asked = (
        part,
        tuple((head.path, head.loss.name, head.loss.task, _number(ignored_label(head.loss))) for head in heads),
    )
    known = _KNOWN.setdefault(source, {})
    if asked not in known:
        held = None if source.held is None else source.held[part]
        held = held if source.tests is None else _targets(source.data, source.tests[part])
        known[asked] = baseline(heads, _targets(source.data, source.parts[part]), held)
    return dict(known[asked])


def _targets(data: Batch, rows: np.ndarray) -> Batch:
    return Batch(None, *jax.tree.map(lambda a: np.asarray(a)[rows], (data.y, data.weight)))


def _number(label: Any) -> float | None:
    return None if label is None else float(label)
