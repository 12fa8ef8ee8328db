"""What is taken for what: precision, recall, F1 and their like, from sums that need no matrix."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.records import Metric
from jaxnn.core.registry import METRICS, define
from jaxnn.metrics.labels import read


def marks_of(name: str, outputs: Any, targets: Any, task: str | None, only_yes: bool = False, one: bool = False) -> Any:
    """For each row and class: rightly predicted, predicted, true, whether it counts, ``(batch, 4, classes)``.

    Classes that are neither predicted nor true anywhere do not count, as in scikit-learn; of several labels all do.

    Args:
        name: of the metric that asks.
        outputs, targets, task: as a metric gets them.
        only_yes: of two classes only the positive one, which counts always.
        one: whether several labels a row are refused.
    """
    labels = read(name, outputs, targets, task)
    if one and labels.kind == "several":
        raise ValueError(f'{name} is of one label a row, and these are {labels.classes}; write "f1_macro"')
    if only_yes and (labels.classes != 2 or labels.kind == "several"):
        raise ValueError(
            f"{name} is of two classes, and the model gives {labels.classes} outputs; "
            f'write "{name}_macro", "{name}_micro" or "{name}_weighted"'
        )
    if labels.kind == "several":
        predicted, true = labels.predicted, labels.true
    else:
        predicted, true = (jax.nn.one_hot(v, labels.classes, dtype=jnp.float32) for v in labels[1:3])
    predicted, true = predicted.astype(jnp.float32), true.astype(jnp.float32)
    counts = jnp.ones_like(true) if labels.kind == "several" or only_yes else jnp.maximum(predicted, true)
    marks = jnp.stack([predicted * true, predicted, true, counts], 1)
    marks = marks.mean(tuple(range(2, marks.ndim - 1))) if marks.ndim > 3 else marks
    return marks[..., 1:] if only_yes else marks


def ratio(above: Any, below: Any) -> Any:
    """``above / below``, 0 where there is nothing to divide by."""
    return jnp.where(below > 0, above / jnp.where(below > 0, below, jnp.ones_like(below)), jnp.zeros_like(above))


def _precision(right: Any, predicted: Any, true: Any) -> Any:
    return ratio(right, predicted)


def _recall(right: Any, predicted: Any, true: Any) -> Any:
    return ratio(right, true)


def _f1(right: Any, predicted: Any, true: Any) -> Any:
    return ratio(2 * right, predicted + true)


def _macro(score: Callable, right: Any, predicted: Any, true: Any, counts: Any) -> Any:
    counted = (counts > 0).astype(right.dtype)
    return (counted * score(right, predicted, true)).sum() / counted.sum() + 0 * right.sum()


def _micro(score: Callable, right: Any, predicted: Any, true: Any, counts: Any) -> Any:
    return score(right.sum(), predicted.sum(), true.sum()) + 0 * right.sum()


def _weighted(score: Callable, right: Any, predicted: Any, true: Any, counts: Any) -> Any:
    return ratio((true * score(right, predicted, true)).sum(), true.sum()) + 0 * right.sum()


def _made(name: str, score: Callable, average: Callable | None, one_line: str, source: str) -> Metric:
    def rows(outputs: Any, targets: Any, task: str | None = None) -> Any:
        return marks_of(name, outputs, targets, task, only_yes=average is None)

    rows.__name__ = rows.__qualname__ = name
    rows.__doc__ = f"""{one_line}

    Args:
        outputs: logits ``(batch, classes)``, one logit a row, or one for each of several labels.
        targets: class numbers, or yes and no.
        task: that of the loss, by which outputs are read.

    Returns:
        What counts for each row, ``(batch, 4, classes)``; ``{name}.score`` is the value. A division by 0 gives 0.

    Raises:
        ValueError: if the shapes do not fit{"; for more than two classes" if average is None else ""}.

    Source: {source}.

    Example:
        >>> import jax.numpy as jnp
        >>> float({name}.score(jnp.array([2.0, -1.0]), jnp.array([1, 0])))
        1.0
    """

    def finish(mean: Any) -> Any:
        return (average or _macro)(score, *mean)

    return define(METRICS, Metric(name, rows, finish, rises=True, by_task=True))


def _family(name: str, score: Callable, what: str) -> tuple[Metric, ...]:
    source = f"``sklearn.metrics.{name}_score``"
    return (
        _made(name, score, None, f"{what}, of the positive class of two.", source),
        _made(f"{name}_macro", score, _macro, f"{what}, the mean over classes.", f"{source}, ``average='macro'``"),
        _made(f"{name}_micro", score, _micro, f"{what}, over all classes as one.", f"{source}, ``average='micro'``"),
        _made(f"{name}_weighted", score, _weighted, f"{what}, the mean over classes by their rows.",
              f"{source}, ``average='weighted'``"),
    )  # fmt: skip


precision, precision_macro, precision_micro, precision_weighted = _family(
    "precision", _precision, "How many of those predicted are true"
)
recall, recall_macro, recall_micro, recall_weighted = _family("recall", _recall, "How many of those true are predicted")
f1, f1_macro, f1_micro, f1_weighted = _family("f1", _f1, "The harmonic mean of precision and recall")


def confusion_matrix(outputs: Any, targets: Any, weight: Any = None, task: str | None = None) -> np.ndarray:
    """How often each class was taken for each, true classes down and predicted ones across.

    Args:
        outputs: logits ``(rows, classes)``, or one logit or score a row, as ``run.outputs(x)`` gives them.
        targets: class numbers, or yes and no, ``(rows,)``.
        weight: ``(rows,)``, or None for 1 each.
        task: that of the loss, as in ``run.model.task``.

    Returns:
        ``(classes, classes)``, whole numbers without weights.

    Raises:
        ValueError: if the shapes do not fit, or for several labels a row.

    Source: ``sklearn.metrics.confusion_matrix``.

    Example:
        >>> confusion_matrix(np.array([2.0, -1.0, 1.0]), np.array([1, 0, 0])).tolist()
        [[1, 1], [0, 1]]
    """
    labels = read("confusion_matrix", jnp.asarray(outputs), jnp.asarray(targets), task)
    if labels.kind == "several":
        raise ValueError("a confusion matrix is of one label a row; write confusion_matrix(outputs[:, 0], y[:, 0])")
    true, predicted = (np.asarray(v).reshape(-1) for v in (labels.true, labels.predicted))
    found = np.zeros((labels.classes, labels.classes), int if weight is None else float)
    np.add.at(found, (true, predicted), 1 if weight is None else np.repeat(weight, len(true) // len(weight)))
    return found
