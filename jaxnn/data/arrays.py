"""The door for data: whatever a user holds becomes a checked `Batch`, or one clear sentence."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.core.types import Batch
from jaxnn.data import frames
from jaxnn.data.numeric import numeric

CALL = "fit(trial, (x, y), ...)"


def as_batch(data: Any, what: str = "the data", wide: bool = False) -> Batch:
    """Rows, targets and weights as arrays of the dtypes that JAX computes in, checked on the way.

    Args:
        data: ``(x, y)``, ``(x, y, weight)``, a `Batch`, or anything with attributes ``x`` and ``y``; that, or
            such a thing and its weights, ``(data, weight)``.
            ``x`` may be a pytree of arrays. Floats become the default float, whole numbers int32.
        what: how messages call it.
        wide: keep float64 in ``x``, for statistics that float32 would round; see `narrow`.

    Returns:
        A `Batch` with weights, all 1 unless given, on the host; what is traced stays so, and what is not finite in its
        rows of weight 0 is made zero, as a gradient of 0 times NaN would be NaN.

    Raises:
        ValueError: for text, NaN or infinite values, lengths that differ, no rows, or weights that are
            negative, all 0, or not one per row.

    Example:
        >>> as_batch(([[1.0], [2.0]], [0, 1])).weight.tolist()
        [1.0, 1.0]
    """
    x, y, weight = parts(data, what)
    x = jax.tree.map(lambda a: numeric(a, f"x of {what}", wide), x, is_leaf=lambda a: isinstance(a, list))
    y = numeric(y, f"y of {what}")
    lengths = {len(a) if a.ndim else None for a in (*jax.tree.leaves(x), y)}
    if len(lengths) != 1 or None in lengths:
        shapes = ", ".join(str(a.shape) for a in jax.tree.leaves(x))
        raise ValueError(f"x of {what} has shape {shapes} and y {y.shape}; write one row of x for one row of y")
    rows = len(y)
    if rows == 0:
        raise ValueError(f"{what} has no rows; write {CALL} with at least one")
    dtype = jax.dtypes.canonicalize_dtype(float)
    weight = np.ones(rows, dtype) if weight is None else numeric(weight, f"the weights of {what}").astype(dtype)
    _check_weights(weight, rows, what)
    return silenced(Batch(x, y, weight)) if isinstance(weight, Tracer) else Batch(x, y, weight)


def silenced(batch: Batch) -> Batch:
    """The batch with zeros for what is not finite in rows of weight 0; all else of these rows stays as it is."""

    def zero(a: Any) -> Any:
        counts = (batch.weight > 0).reshape(batch.weight.shape + (1,) * (a.ndim - 1))
        return jnp.where(counts | jnp.isfinite(a), a, jnp.zeros_like(a))

    return batch._replace(x=jax.tree.map(zero, batch.x), y=jax.tree.map(zero, batch.y))


def parts(data: Any, what: str = "the data") -> tuple[Any, Any, Any]:
    """Rows, targets and weights as the user holds them, the weights None where there are none."""
    if frames.is_frame(data):
        raise ValueError(f"{what} is one table; write (table, {frames.names(data)[-1]!r}) with the column to predict")
    if hasattr(data, "x") and hasattr(data, "y"):
        return data.x, data.y, getattr(data, "weight", None)
    pair = isinstance(data, (tuple, list)) and len(data) == 2 and not frames.is_frame(data[0])
    if pair and hasattr(data[0], "x") and hasattr(data[0], "y"):
        return data[0].x, data[0].y, data[1]
    if isinstance(data, (tuple, list)) and len(data) in (2, 3):
        x, y, weight = (*data, None)[:3]
        return x, y, weight
    raise ValueError(f"{what} must be (x, y) or (x, y, weight), got {type(data).__name__}; write {CALL}")


def narrow(data: Batch) -> Batch:
    """Floats of ``x`` in the default float that JAX computes in; narrower ones stay."""
    return data._replace(x=jax.tree.map(lambda a: numeric(a, "x"), data.x))


def _check_weights(weight: Any, rows: int, what: str) -> None:
    if weight.shape != (rows,):
        raise ValueError(f"the weights of {what} have shape {weight.shape}; write one per row, shape ({rows},)")
    if isinstance(weight, Tracer):
        return
    if (weight < 0).any() or not (weight > 0).any():
        raise ValueError(
            f"the weights of {what} must be 0 or more and not all 0; write weights such as numpy.ones({rows})"
        )


def check_targets(loss: Any, task: str, outputs: Any, y: Any, what: str = "the data") -> None:
    """Raise unless the targets fit the outputs of the model: shapes, and class numbers in range.

    Args:
        loss: the loss function ``(outputs, targets) -> (batch,)``.
        task: what `jaxnn.losses.task_of` says of it.
        outputs: shape and dtype of the model's outputs.
        y: concrete targets.
        what: how messages call the data.

    Raises:
        ValueError: for labels that are no whole numbers, out of range, or not 0 and 1 where two classes are due,
            and whatever the loss itself says of the shapes.
    """
    shape = jax.eval_shape(loss, outputs, jax.ShapeDtypeStruct(y.shape, y.dtype)).shape
    if shape != y.shape[:1]:
        raise ValueError(f"the loss gave {shape} for {y.shape[0]} rows; write a loss (outputs, targets) -> (batch,)")
    if isinstance(y, Tracer):
        return
    low, high = float(y.min()), float(y.max())
    if task == "classes" and y.ndim < len(outputs.shape):
        classes = outputs.shape[-1]
        if np.any(np.asarray(y) != np.floor(np.asarray(y))):
            raise ValueError(f"y of {what} must hold class numbers, got values such as {low}; write y.astype(int)")
        if low < 0 or high >= classes:
            raise ValueError(
                f"y of {what} holds class {int(high if high >= classes else low)} and the model gives {classes} "
                f"outputs, for classes 0 to {classes - 1}; write a model with out={int(high) + 1} or labels from 0"
            )
    if task == "binary" and (low < 0 or high > 1):
        raise ValueError(
            f"y of {what} lies between {low:g} and {high:g}, and sigmoid_cross_entropy needs 0 to 1; "
            "write y = (y == positive).astype(int), or softmax_cross_entropy for more classes"
        )
