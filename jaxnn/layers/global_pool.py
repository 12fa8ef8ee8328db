"""Pooling over all places."""

import math
from typing import Any

import jax.numpy as jnp

from jaxnn.core.layer import spec
from jaxnn.core.masks import only_real, parts, split
from jaxnn.core.types import Key, Params, State
from jaxnn.layers import spatial
from jaxnn.layers.dtypes import compute_dtype, param_dtype


@spec
class GlobalMaxPool:
    """The largest entry of each channel over all places.

    Shapes:
        ``x (batch, *size, channels)``, or ``(x, mask (batch, time))`` with the time as the first of its axes, gives
        ``(batch, channels)``. Steps that are not real do not count; a row without any gives 0.

    Raises:
        ValueError: for inputs without an axis between batch and channels.

    Source: ``keras.layers.GlobalMaxPooling2D``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.GlobalMaxPool().apply({}, {}, jnp.arange(8.0).reshape(1, 2, 2, 2))[0].tolist()
        [[6.0, 7.0]]
    """

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        spatial.axes_of("GlobalMaxPool", parts("GlobalMaxPool", x)[0], {})
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The maximum over all axes between batch and channels."""
        x, mask = split("GlobalMaxPool", x)
        axes = tuple(range(1, 1 + spatial.axes_of("GlobalMaxPool", x, {})))
        if mask is None:
            return x.max(axes), state
        largest = only_real(x, mask, spatial.lowest(x.dtype)).max(axes)
        return jnp.where(mask.astype(bool).any(1)[:, None], largest, jnp.zeros_like(largest)), state


@spec
class GlobalAvgPool:
    """The mean of each channel over all places.

    Shapes:
        ``x (batch, *size, channels)``, or ``(x, mask (batch, time))`` with the time as the first of its axes, gives
        ``(batch, channels)``. Steps that are not real do not count; a row without any gives 0.

    Raises:
        ValueError: for inputs without an axis between batch and channels.

    Source: ``keras.layers.GlobalAveragePooling2D``; Lin et al., "Network in network", 2013.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.GlobalAvgPool().apply({}, {}, jnp.arange(8.0).reshape(1, 2, 2, 2))[0].tolist()
        [[3.0, 4.0]]
    """

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        spatial.axes_of("GlobalAvgPool", parts("GlobalAvgPool", x)[0], {})
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The mean over all axes between batch and channels; the sum is taken in float32 at least."""
        x, mask = split("GlobalAvgPool", x)
        axes = tuple(range(1, 1 + spatial.axes_of("GlobalAvgPool", x, {})))
        wide = x.astype(param_dtype(x))
        if mask is None:
            mean = wide.mean(axes)
        else:
            count = jnp.maximum(mask.astype(bool).sum(1), 1) * math.prod(x.shape[2:-1])
            mean = wide.sum(axes) / count.astype(wide.dtype)[:, None]
        return mean.astype(compute_dtype(x, mean)), state
