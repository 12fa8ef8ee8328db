"""One array as JAX computes with it: checked after the cast as well as before, so that no number changes in silence."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.data import sparse


def numeric(value: Any, what: str, keep: bool = False) -> Any:
    """An array of numbers in a dtype that JAX computes in; what is traced stays so.

    Args:
        value: an array or a list.
        what: how messages call it.
        keep: keep float64, for statistics that float32 would round; whole numbers beyond int32 become float64.

    Returns:
        Floats in the default float, narrower ones as they are; whole numbers in the default int; truth values int32.

    Raises:
        ValueError: for text, dates, rows of different lengths, masked values, NaN, and numbers that the dtype cannot
            hold.

    Example:
        >>> numeric([True, False], "y").tolist(), numeric(np.ones(2), "x").dtype
        ([1, 0], dtype('float32'))
    """
    if isinstance(value, Tracer):
        return value
    if sparse.is_sparse(value):
        value = sparse.dense(value, what)
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise ValueError(
            f"{what} holds masked values, which would count; write prepare=nn.data.Preparation() to fill them, or "
            "leave these rows out"
        )
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(
            f"the rows of {what} have different lengths; fill them up and write ((sequence, mask), y)"
        ) from None
    if array.dtype.kind == "O":
        array = _of_objects(array)
    _check_kind(array, what)
    if array.dtype.kind == "b":
        return array.astype(np.int32)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return _floats(array, what, keep)
    return _whole(array, what, keep)


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Python's own numbers as floats or whole numbers, all else as it is."""
    flat = array.reshape(-1).tolist()
    if not all(isinstance(v, (int, float, np.number)) for v in flat):
        return array
    found = np.array(flat)
    return array if found.dtype == object else found.reshape(array.shape)


def _check_kind(array: np.ndarray, what: str) -> None:
    kind = array.dtype.kind
    if kind in "OUST":
        advice = "for class names write classes, y = numpy.unique(y, return_inverse=True)"
        if what.startswith("x"):
            advice = "write prepare=nn.data.Preparation(), which makes numbers of it, or a DataFrame with column names"
        raise ValueError(f"{what} holds text or objects ({array.dtype}), not numbers; {advice}")
    if kind in "Mm":
        raise ValueError(
            f"{what} holds dates ({array.dtype}), not numbers; write (t - t.min()) / numpy.timedelta64(1, 'D') for "
            "days, or a DataFrame"
        )
    if kind == "c":
        raise ValueError(f"{what} is complex; write its real and imaginary parts as two columns")
    if jnp.issubdtype(array.dtype, jnp.floating) and not np.isfinite(array).all():
        name = "weight" if "weights" in what else "y"
        advice = f"leave these rows out, as in good = numpy.isfinite({name}); fit(trial, (x[good], y[good]), ...)"
        if what.startswith("x"):
            advice = (
                "drop or fill these rows, as in x[numpy.isfinite(x).all(1)], or write prepare=nn.data.Preparation(), "
                "which fills what is NaN"
            )
        raise ValueError(f"{what} {'hold' if 'weights' in what else 'holds'} NaN or infinite values; {advice}")


def _floats(array: np.ndarray, what: str, keep: bool) -> np.ndarray:
    if array.dtype.itemsize < 4:
        return array.astype(jax.dtypes.canonicalize_dtype(array.dtype))
    if keep:
        return array
    with np.errstate(over="ignore"):
        cast = array.astype(jax.dtypes.canonicalize_dtype(float))
    lost = ~np.isfinite(cast)
    if lost.any():
        how = "write standardise=True" if what.startswith("x") else "divide it by its scale"
        raise ValueError(f"{what} holds {array[lost][0]}, which {cast.dtype} cannot hold; {how}, or "
                         'jax.config.update("jax_enable_x64", True)')  # fmt: skip
    return cast


def _whole(array: np.ndarray, what: str, keep: bool) -> np.ndarray:
    cast = array.astype(jax.dtypes.canonicalize_dtype(array.dtype))
    lost = cast != array if cast.dtype.itemsize < array.dtype.itemsize else np.zeros(1, bool)
    if not lost.any():
        return cast
    if keep:
        return array.astype(np.float64)
    how = "class numbers from 0, or floats" if what.startswith("y") else "standardise=True, or floats"
    raise ValueError(
        f"{what} holds the whole number {array[lost][0]}, which {cast.dtype} cannot hold; write {how}, as in "
        f"{what[:1]}.astype(float)"
    )
