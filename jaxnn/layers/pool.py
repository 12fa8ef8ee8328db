"""Pooling over windows: the maximum or the mean."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.core.layer import spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers import spatial
from jaxnn.layers.dtypes import compute_dtype, param_dtype


@spec
class MaxPool:
    """The largest entry of each window, channel by channel: ``y[p] = max_{k < window} x[p * strides + k]``.

    Padding is never the largest. Of equal entries the first takes the gradient; a NaN in a window is its result.

    Args:
        window: entries per axis, a number or one per axis between batch and channels.
        strides: distance of two windows, a number or one per axis; None is the window.
        padding: ``"valid"`` (what is left at the end is dropped), ``"same"`` (``ceil(size / stride)`` outputs), or a
            count, or per axis a count or a pair (before, after), each smaller than the window.

    Shapes:
        ``x (batch, *size, channels)`` gives ``(batch, *out, channels)``.

    Raises:
        ValueError: for sizes below 1, tuples of different lengths, or inputs that do not fit.

    Source: ``keras.layers.MaxPooling2D``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.arange(16.0).reshape(1, 4, 4, 1)
        >>> nn.MaxPool((2, 2)).apply({}, {}, x)[0].ravel().tolist()
        [5.0, 7.0, 13.0, 15.0]
    """

    window: int | tuple[int, ...]
    strides: int | tuple[int, ...] | None = None
    padding: spatial.Padding = "valid"

    def __post_init__(self):
        _check(self, "MaxPool((2, 2))")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        _geometry(self, x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The largest entries."""
        geometry = _geometry(self, x)
        return _over_windows(x, jnp.asarray(spatial.lowest(x.dtype), x.dtype), _larger, *geometry), state


@spec
class AvgPool:
    """The mean of each window, channel by channel; entries of the padding do not count.

    Args:
        window, strides, padding: as in `MaxPool`.

    Shapes:
        ``x (batch, *size, channels)`` gives ``(batch, *out, channels)``.

    Raises:
        ValueError: as `MaxPool` does.

    Source: ``keras.layers.AveragePooling2D``, which leaves the padding out of the mean as well.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> x = jnp.arange(9.0).reshape(1, 3, 3, 1)
        >>> nn.AvgPool((2, 2), padding="same").apply({}, {}, x)[0].ravel().tolist()
        [2.0, 3.5, 6.5, 8.0]
    """

    window: int | tuple[int, ...]
    strides: int | tuple[int, ...] | None = None
    padding: spatial.Padding = "valid"

    def __post_init__(self):
        _check(self, "AvgPool((2, 2))")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        _geometry(self, x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The means; sums are taken in float32 at least."""
        window, strides, pads = _geometry(self, x)
        wide = param_dtype(x)
        y = _over_windows(x.astype(wide), jnp.zeros((), wide), jnp.add, window, strides, pads)
        for axis, (n, k, s, p) in enumerate(zip(x.shape[1:-1], window, strides, pads, strict=True), start=1):
            starts = np.arange(y.shape[axis]) * s - p[0]
            count = np.minimum(starts + k, n) - np.maximum(starts, 0)
            y = y / jnp.asarray(count, wide).reshape((-1,) + (1,) * (y.ndim - 1 - axis))[(None,) * axis]
        return y.astype(compute_dtype(x, y)), state


def _check(pool: MaxPool | AvgPool, call: str) -> None:
    fields = {"window": pool.window, "strides": pool.strides, "padding": pool.padding}
    spatial.sizes("window", pool.window, call)
    if pool.strides is not None:
        spatial.sizes("strides", pool.strides, call)
    spatial.padding_form(pool.padding, ("valid", "same"), call)
    spatial.same_rank(type(pool).__name__, fields, call)
    if not isinstance(pool.padding, str):
        axes = max((len(v) for v in fields.values() if isinstance(v, tuple)), default=1)
        window = spatial.per_axis(pool.window, axes)
        for k, p in zip(window, spatial.pairs(pool.padding, window, window, window), strict=True):
            if max(p) >= k:
                raise ValueError(f"padding {p} makes windows of {k} that hold nothing else; write {call}")


def _geometry(pool: MaxPool | AvgPool, x: Any) -> tuple[tuple, tuple, tuple]:
    """Window, strides and padding per axis of ``x``."""
    name = type(pool).__name__
    axes = spatial.axes_of(name, x, {"window": pool.window, "strides": pool.strides, "padding": pool.padding})
    window = spatial.per_axis(pool.window, axes)
    strides = window if pool.strides is None else spatial.per_axis(pool.strides, axes)
    pads = spatial.pairs(pool.padding, x.shape[1:-1], window, strides)
    spatial.outputs(name, x.shape[1:-1], window, strides, pads)
    return window, strides, pads


def _larger(first: Any, second: Any) -> Any:
    return jnp.where((second > first) | (second != second), second, first)


def _over_windows(x: Any, empty: Any, join: Callable, window: tuple, strides: tuple, pads: tuple) -> Any:
    """Join the entries of each window, first to last, one axis after the other, the last axis first.

    Slices joined one by one have a gradient of selections and sums, which a CPU does several times faster than the
    scatter that is the gradient of `jax.lax.reduce_window`.
    """
    for axis, (k, s, p) in reversed([*enumerate(zip(window, strides, pads, strict=True), start=1)]):
        if sum(p):
            around = [(p if i == axis else (0, 0)) for i in range(x.ndim)]
            x = jnp.pad(x, around, constant_values=empty)
        count = (x.shape[axis] - k) // s + 1
        if k == s:
            cut = _slice(x, axis, slice(count * k))
            cut = cut.reshape(*cut.shape[:axis], count, k, *cut.shape[axis + 1 :])
            parts = [_slice(cut, axis + 1, i) for i in range(k)]
        else:
            parts = [_slice(x, axis, slice(i, i + (count - 1) * s + 1, s)) for i in range(k)]
        x = parts[0]
        for part in parts[1:]:
            x = join(x, part)
    return x


def _slice(x: Any, axis: int, where: Any) -> Any:
    return x[(slice(None),) * axis + (where,)]
