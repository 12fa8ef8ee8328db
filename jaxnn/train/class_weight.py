"""Class weights: what a row's training loss is multiplied with for the class that it is of.

They weigh the loss that the gradient is taken of, and so the ``loss`` that is reported of training, as Keras does.
Metrics, and everything that is reported of a validation part, are not weighed by them: they stay comparable over
members of a grid that differ in their class weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.core.records import OF_LABELS
from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data.source import Source
from jaxnn.train.heads import Head, ignored_label, own_weight, pick

CALL = 'Trial(..., class_weight="balanced") or Trial(..., class_weight={0: 1.0, 1: 9.0})'


def numbered(class_weight: Any, classes: Sequence | None) -> Any:
    """Class weights by class number, where they were given by class name.

    Args:
        class_weight: None, ``"balanced"``, or a dict from class numbers or names to weights.
        classes: the names in order, or None.

    Raises:
        ValueError: for a name that is no class.

    Example:
        >>> numbered({"cat": 1.0, "dog": 2.0}, ("cat", "dog"))
        {0: 1.0, 1: 2.0}
    """
    if not isinstance(class_weight, Mapping):
        return class_weight
    numbers = {name: number for number, name in enumerate(classes or ())}
    for name in class_weight:
        if name not in numbers and not isinstance(name, (int, np.integer)):
            there = f"; there are {', '.join(map(repr, numbers))}" if numbers else ", and the data have no class names"
            raise ValueError(f"class_weight names the class {name!r}{there}: write {CALL}")
    return {numbers.get(name, name): value for name, value in class_weight.items()}


def codes(task: str | None, targets: Any) -> Any:
    """Class numbers out of the labels of a task: 0 and 1 where there are two classes, whose labels may be -1 and 1."""
    return targets if task == "classes" else (targets > 0).astype(np.int32)


def factors(head: Head, outputs: Any, targets: Any, counts: Any) -> Any:
    """What the loss of each row is multiplied with, ``(rows,)``; None for nothing.

    Args:
        head: with the class weights.
        outputs, targets: of the rows.
        counts: ``(classes,)``, what all training rows of each class weigh together; only ``"balanced"`` needs them.
    """
    if head.class_weight is None:
        return None
    task = head.loss.task
    size = outputs.shape[-1] if task == "classes" else 2
    labels = codes(task, targets).astype(jnp.int32).reshape(outputs.shape[0])
    return jnp.take(by_class(head.class_weight, size, counts).astype(outputs.dtype), labels, mode="clip")


def by_class(class_weight: Any, size: int, counts: Any) -> Any:
    """The weight of each class, ``(size,)``.

    Raises:
        ValueError: for ``"balanced"`` where nobody has counted.

    Source: ``sklearn.utils.class_weight.compute_class_weight``; a class without an entry has weight 1.

    Example:
        >>> by_class("balanced", 3, jnp.array([1.0, 4.0])).tolist(), by_class({1: 5.0}, 2, None).tolist()
        ([2.5, 0.625, 1.0], [1.0, 5.0])
    """
    if class_weight != "balanced":
        numbers = {max(int(key), 0): value for key, value in class_weight.items()}
        return jnp.stack([jnp.asarray(numbers.get(i, 1.0), jnp.zeros(()).dtype) for i in range(size)])
    if counts is None:
        raise ValueError(
            'class_weight="balanced" counts the labels of all training rows, which only fit and grid see; write '
            "class_weight={0: 1.0, 1: 9.0} in a loop of your own"
        )
    counts = jnp.pad(counts, (0, max(0, size - counts.shape[0])))[:size]
    there = counts > 0
    balanced = counts.sum() / (there.sum().astype(counts.dtype) * jnp.where(there, counts, jnp.ones_like(counts)))
    return jnp.where(there, balanced, jnp.ones_like(balanced))


def counted(heads: Sequence[Head], source: Source) -> tuple | None:
    """For each balanced head what the rows of each class weigh together, ``(parts, classes)``; None if there is none.

    Args:
        heads: of a trial.
        source: the rows.

    Raises:
        ValueError: for labels that are traced.
    """
    if not any(isinstance(head.class_weight, str) for head in heads):
        return None
    if not source.whole:
        return _counted_by_batch(heads, source)
    return tuple(
        _counts(head, source.data, source.parts) if isinstance(head.class_weight, str) else None for head in heads
    )


def _counted_by_batch(heads: Sequence[Head], source: Any) -> tuple:
    """The same of a stream, which is read once for it."""
    sums: list[Any] = [None] * len(heads)
    for batch in source.passed():
        rows = (np.arange(row_count(batch.y)),)
        for k, head in enumerate(heads):
            if isinstance(head.class_weight, str):
                own = _counts(head, batch, rows).astype(np.float64)
                known = own * 0 if sums[k] is None else sums[k]
                size = max(own.shape[1], known.shape[1])
                sums[k] = sum(np.pad(v, ((0, 0), (0, size - v.shape[1]))) for v in (own, known))
    return tuple(None if v is None else v.astype(np.float32) for v in sums)


def _counts(head: Head, data: Batch, parts: Sequence[np.ndarray]) -> np.ndarray:
    labels = pick(data.y, head.path)
    weight = None if data.weight is None else own_weight(data.weight, head.path)
    if isinstance(labels, Tracer) or isinstance(weight, Tracer):
        raise ValueError(
            'class_weight="balanced" counts labels, and these are traced; write class_weight={0: 1.0, 1: 9.0}'
        )
    labels = np.asarray(labels)
    weight = np.ones(len(labels)) if weight is None else np.asarray(weight, float)
    weight = np.broadcast_to(weight.reshape(weight.shape + (1,) * (labels.ndim - weight.ndim)), labels.shape)
    ignored = ignored_label(head.loss)
    if ignored is not None:
        weight, labels = np.where(labels == ignored, 0, weight), np.where(labels == ignored, 0, labels)
    numbers = np.maximum(np.asarray(codes(head.loss.task, labels)), 0).astype(int)
    size = int(numbers.max(initial=0)) + 1
    sums = [np.bincount(numbers[rows].ravel(), weight[rows].ravel(), size) for rows in parts]
    return np.stack(sums).astype(np.float32)


def check_class_weight(head: Head, outputs: Any, y: Any, masked: bool) -> None:
    """Raise unless class weights make sense for this head.

    Args:
        head: with class weights by number, or ``"balanced"``.
        outputs: their shape, ``(rows, ...)``.
        y: concrete targets, ``(rows, ...)``.
        masked: whether the model hands a mask on, which nobody knows who counts the labels.

    Raises:
        ValueError: with the call to write instead.
    """
    given, task = head.class_weight, head.loss.task
    if given is None:
        return
    if given != "balanced" and not isinstance(given, Mapping):
        raise ValueError(f"class_weight is {given!r}; write {CALL}")
    one_each = y.shape == outputs.shape[:-1] if task == "classes" else np.prod(y.shape) == y.shape[0]
    if task not in OF_LABELS or not one_each:
        raise ValueError(
            f"class_weight needs one class label for each row, and here are targets {tuple(y.shape)} under the loss "
            f"{head.loss.name}; write weights of the rows, as in fit(trial, (x, y, weight))"
        )
    if masked and given == "balanced":
        raise ValueError(
            'class_weight="balanced" would count the labels of masked steps too; write weights by step, as in '
            "fit(trial, ((x, mask), y, mask)), or class_weight={0: 1.0, 1: 9.0}"
        )
    if isinstance(given, Mapping):
        _check_numbers(given, outputs.shape[-1] if task == "classes" else 2, task)


def _check_numbers(given: Mapping, size: int, task: str) -> None:
    for key, value in given.items():
        if not (0 <= key < size or (key == -1 and task == "sign")):
            raise ValueError(f"class_weight names the class {key}, and the classes are 0 to {size - 1}; write {CALL}")
        if not isinstance(value, Tracer) and not (np.ndim(value) == 0 and np.isfinite(value) and value >= 0):
            raise ValueError(f"the class weight of {key} is {value!r}; write a number of at least 0, as in {CALL}")
