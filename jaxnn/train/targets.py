"""Whether outputs, targets and weights fit, head by head, before anything is compiled."""

from typing import Any

import jax
import numpy as np
from jax.core import Tracer

from jaxnn.core.types import Batch
from jaxnn.data.arrays import check_targets
from jaxnn.train.class_weight import check_class_weight
from jaxnn.train.heads import (
    EXAMPLE,
    Head,
    check_keys,
    check_trees,
    ignored_label,
    is_node,
    own_weight,
    pick,
    shown,
    value_and_mask,
)
from jaxnn.train.trial import Trial


def check_heads(trial: Trial, outputs: Any, data: Batch, what: str = "the data") -> None:
    """Raise unless every loss has outputs, targets and weights that it can be computed of.

    Args:
        trial: a concrete `Trial`.
        outputs: their shapes and dtypes, for all rows.
        data: rows on the host.
        what: how messages call the data.

    Raises:
        ValueError: with the trees or the shapes, and the call to write instead.
    """
    check_trees(trial.loss, outputs, data.y, what)
    heads = trial.heads
    if is_node(data.weight):
        if not is_node(trial.loss):
            raise ValueError(
                f"{what} has weights by output, and the trial has one loss; write fit(trial, (x, y, weight)) with one "
                "weight for each row"
            )
        check_keys(f"the weights of {what}", data.weight, [head.path for head in heads], "{'cls': w1, 'reg': w2}")
    for head in heads:
        _check_head(head, pick(outputs, head.path), pick(data.y, head.path), _weight(data, head), data, what)


def _weight(data: Batch, head: Head) -> Any:
    return None if data.weight is None else own_weight(data.weight, head.path)


def _check_head(head: Head, outputs: Any, y: Any, weight: Any, data: Batch, what: str) -> None:
    bare = head.loss.task is None
    own, mask = value_and_mask(outputs)
    if is_node(own) or is_node(y):
        if not bare:
            _refuse_tree(head, own)
        check_targets(head.loss, None, own, y, what)
        return
    if mask is not None and y.shape[:2] != mask.shape:
        raise ValueError(
            f"the model hands on a mask {mask.shape} of the steps that count, and y of {what}{_of(head)} has shape "
            f"{y.shape}; write targets for each step, or end the model with a layer that makes one of all steps, "
            "such as GlobalAvgPool()"
        )
    if (
        weight is not None
        and weight.ndim > 1
        and not weight.shape == y.shape[: weight.ndim] == own.shape[: weight.ndim]
    ):
        raise ValueError(
            f"the weights of {what}{_of(head)} have shape {weight.shape} and its targets {y.shape}, for outputs "
            f"{own.shape}; write one weight for each row, or one for each step"
        )
    if not isinstance(y, Tracer):
        y = _counting(head, y, weight, what)
    one = head.seen(outputs, data) if isinstance(y, Tracer) else _shapes(head, outputs, y, weight)
    check_targets(head.loss, head.loss.task, one.outputs, y.reshape(one.targets.shape), what)
    _check_metrics(head, one)
    if not isinstance(y, Tracer):
        check_class_weight(head, one.outputs, y.reshape(one.targets.shape), mask is not None and weight is None)


def _check_metrics(head: Head, seen: Any) -> None:
    """Raise for a metric that does not give one value, or one array, for each row."""
    outputs, targets = (jax.ShapeDtypeStruct(a.shape, a.dtype) for a in (seen.outputs, seen.targets))
    for metric in head.metrics:
        try:
            found = jax.eval_shape(lambda o, t, f=metric: f(o, t, head.loss.task), outputs, targets)
        except jax.errors.TracerArrayConversionError as error:
            raise ValueError(f"the metric {metric.name} is computed with NumPy; write jax.numpy in it") from error
        shape = getattr(found, "shape", None if found is None else type(found).__name__)
        if not isinstance(shape, tuple) or shape[:1] != targets.shape[:1]:
            raise ValueError(
                f"the metric {metric.name} gave {shape} for {targets.shape[0]} rows; write a metric "
                "(outputs, targets) -> (batch,), of which the mean is taken here"
            )


def _of(head: Head) -> str:
    return f" for {'/'.join(map(str, head.path))!r}" if head.path else ""


def _refuse_tree(head: Head, outputs: Any) -> None:
    raise ValueError(
        f"the model gives outputs {shown(outputs)} and there is one loss, {head.loss.name}; write a loss for each, as "
        f"in {EXAMPLE}"
    )


def _counting(head: Head, y: Any, weight: Any, what: str) -> np.ndarray:
    """The targets with one that counts in the place of those that do not, as nobody looks at these."""
    y = np.asarray(y)
    there = np.ones(y.shape, bool)
    ignored = ignored_label(head.loss)
    if ignored is not None:
        there &= y != ignored
    if weight is not None and weight.ndim > 1 and not isinstance(weight, Tracer):
        there &= (np.asarray(weight) > 0).reshape(weight.shape + (1,) * (y.ndim - weight.ndim))
    if there.all():
        return y
    if not there.any():
        raise ValueError(f"every label of {what}{_of(head)} is ignored; write another label to be ignored")
    return np.where(there, y, y[there][0])


def _shapes(head: Head, outputs: Any, y: np.ndarray, weight: Any) -> Any:
    """The shapes of what the head sees."""
    bare = Head((), head.loss, ())
    shape = y.shape[:1] if weight is None else weight.shape
    given = jax.ShapeDtypeStruct(y.shape, y.dtype), jax.ShapeDtypeStruct(shape, np.float32)
    return jax.eval_shape(lambda o, t, w: bare.seen(o, Batch(None, t, w)), outputs, *given)
