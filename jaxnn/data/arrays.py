"""The door for data: whatever a user holds becomes a checked `Batch`, or one clear sentence."""

import hashlib
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.core.masks import is_masked, per_step
from jaxnn.core.records import OF_CHANCES
from jaxnn.core.tree import row_count
from jaxnn.core.types import Batch
from jaxnn.data import frames
from jaxnn.data.numeric import numeric
from jaxnn.data.weights import check_weights, silenced

CALL = "fit(trial, (x, y), ...)"


def as_batch(data: Any, what: str = "the data", wide: bool = False) -> Batch:
    """Rows, targets and weights as arrays of the dtypes that JAX computes in, checked on the way.

    Args:
        data: ``(x, y)``, ``(x, y, weight)``, a `Batch`, or anything with attributes ``x`` and ``y``; that, or
            such a thing and its weights, ``(data, weight)``. ``x`` and ``y`` may be pytrees of arrays. A weight is one
            per row, or one per step of a sequence, ``(rows, steps)``, or a tree of such by output. Floats become the
            default float, whole numbers int32.
        what: how messages call it.
        wide: keep float64 in ``x``, for statistics that float32 would round; see `narrow`.

    Returns:
        A `Batch` with weights, all 1 unless given, on the host; what is traced stays so, and what is not finite in its
        rows of weight 0 is made zero, as a gradient of 0 times NaN would be NaN. So is what the mask of a sequence
        ``(x, mask)`` leaves out.

    Raises:
        ValueError: for text, NaN or infinite values, lengths that differ, no rows, or weights that are
            negative, all 0, or not one per row or step.

    Example:
        >>> as_batch(([[1.0], [2.0]], [0, 1])).weight.tolist()
        [1.0, 1.0]
    """
    x, y, weight = parts(data, what)
    for name, value in (("x", x), ("y", y)):
        if value is None:
            raise ValueError(f"{name} of {what} is None; write {CALL}")
    x, y = _arrays(_without_masked(x), "x", what, wide), _arrays(y, "y", what)
    leaves = jax.tree.leaves(x), jax.tree.leaves(y)
    lengths = {len(a) if a.ndim else -1 for a in (*leaves[0], *leaves[1])}
    if len(lengths) != 1 or -1 in lengths or not all(leaves):
        shapes = [", ".join(str(a.shape) for a in of) or "of nothing" for of in leaves]
        raise ValueError(f"x of {what} has shape {shapes[0]} and y {shapes[1]}; write one row of x for one row of y")
    (rows,) = lengths
    if rows == 0:
        raise ValueError(f"{what} has no rows; write {CALL} with at least one")
    hollow = next((a.shape for a in leaves[0] if 0 in a.shape), None)
    if hollow is not None:
        raise ValueError(f"x of {what} has shape {hollow}, rows that hold nothing; write x with at least one column")
    dtype = jax.dtypes.canonicalize_dtype(float)
    if weight is None:
        return Batch(x, y, np.ones(rows, dtype))
    weight = jax.tree.map(lambda a: a.astype(dtype), _arrays(weight, "the weights", what))
    check_weights(weight, y, what)
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(weight))
    return silenced(Batch(x, y, weight)) if traced else Batch(x, y, weight)


def _without_masked(x: Any) -> Any:
    """The inputs with zeros in the masked steps of a sequence ``(x, mask)`` where something there is not finite."""

    def pair(node: Any) -> bool:
        return isinstance(node, tuple) and is_masked(node) and not any(isinstance(a, Tracer) for a in node)

    def one(node: Any) -> Any:
        if not pair(node):
            return node
        value, mask = map(np.asarray, node)
        steps = value.ndim > 1 and value.shape[:2] == mask.shape and np.isin(mask, (0, 1)).all()
        if not steps or value.dtype.kind != "f" or np.isfinite(value).all():
            return node
        return np.where(per_step(mask, value.ndim), value, value.dtype.type(0)), node[1]

    return jax.tree.map(one, x, is_leaf=pair)


def _arrays(tree: Any, name: str, what: str, keep: bool = False) -> Any:
    """The leaves of a tree as arrays; a list is one array, and so is a tuple of numbers."""

    def is_leaf(a: Any) -> bool:
        return isinstance(a, list) or (isinstance(a, tuple) and all(map(np.isscalar, a)))

    def one(path: tuple, a: Any) -> Any:
        return numeric(a, f"{name}{jax.tree_util.keystr(path)} of {what}", keep)

    return jax.tree_util.tree_map_with_path(one, tree, is_leaf=is_leaf)


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


def _called(loss: Any, outputs: Any, targets: Any) -> Any:
    """What the loss gives for these shapes."""
    try:
        inspect.signature(loss).bind(outputs, targets)
    except TypeError as error:
        raise ValueError(f"the loss cannot be called as loss(outputs, targets): {error}; write these two") from None
    except ValueError:  # a builtin without a signature
        pass
    try:
        return jax.eval_shape(loss, outputs, targets)
    except jax.errors.TracerArrayConversionError as error:
        raise ValueError("the loss is computed with NumPy, which has no gradient; write jax.numpy in it") from error


def narrow(data: Batch) -> Batch:
    """Floats of ``x`` in the default float that JAX computes in; narrower ones stay."""
    return data._replace(x=jax.tree.map(lambda a: numeric(a, "x"), data.x))


def check_targets(loss: Any, task: str | None, outputs: Any, y: Any, what: str = "the data") -> None:
    """Raise unless the targets fit the outputs of the model: shapes, and class numbers in range.

    Args:
        loss: the loss function ``(outputs, targets) -> (batch,)``.
        task: that of the loss, as `jaxnn.Loss` lists it.
        outputs: shape and dtype of the model's outputs.
        y: concrete targets; under a loss without a task they may be a tree.
        what: how messages call the data.

    Raises:
        ValueError: for labels that are no whole numbers, out of range, or not 0 and 1 where two classes are due,
            and whatever the loss itself says of the shapes.
    """
    shapes = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), y)
    found, rows = _called(loss, outputs, shapes), row_count(y)
    kind: Any = None if found is None else type(found).__name__
    shape, dtype = getattr(found, "shape", kind), getattr(found, "dtype", kind)
    if shape != (rows,):
        raise ValueError(f"the loss gave {shape} for {rows} rows; write a loss (outputs, targets) -> (batch,)")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"the loss gave {dtype}, which has no gradient; write a loss of floats")
    if task not in OF_CHANCES or isinstance(y, Tracer):
        return
    low, high = float(y.min()), float(y.max())
    if task == "classes" and y.ndim < len(outputs.shape):
        classes = outputs.shape[-1]
        if np.any(np.asarray(y) != np.floor(np.asarray(y))):
            raise ValueError(f"y of {what} must hold class numbers, got values such as {low}; write y.astype(int)")
        if low < 0:
            raise ValueError(
                f"y of {what} holds class {int(low)}, and classes are 0 to {classes - 1}; write labels from 0, or for "
                f'a label that does not count the loss nn.losses.ignoring("softmax_cross_entropy", {int(low)})'
            )
        if high >= classes:
            raise ValueError(
                f"y of {what} holds class {int(high)} and the model gives {classes} outputs, for classes 0 to "
                f"{classes - 1}; write a model with out={int(high) + 1} or labels from 0"
            )
    if task == "binary" and (low < 0 or high > 1):
        raise ValueError(
            f"y of {what} lies between {low:g} and {high:g}, and sigmoid_cross_entropy needs 0 to 1; "
            "write y = (y == positive).astype(int), or softmax_cross_entropy for more classes"
        )


def digest(tree: Any) -> str:
    """A digest of the arrays of a tree, the same in every process.

    Example:
        >>> digest(np.ones(2))[:8], digest(np.zeros(2))[:8]
        ('87e40f3c', 'b105da3d')
    """
    found = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        array = np.ascontiguousarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}\n".encode())
        found.update(array.reshape(-1).view(np.uint8).data)
    return found.hexdigest()
