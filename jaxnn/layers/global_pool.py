"""Pooling over all places."""

from typing import Any

from jaxnn.core.layer import spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers import spatial
from jaxnn.layers.dense import compute_dtype, param_dtype


@spec
class GlobalMaxPool:
    """The largest entry of each channel over all places.

    Shapes:
        ``x (batch, *size, channels)`` gives ``(batch, channels)``.

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
        spatial.axes_of("GlobalMaxPool", x, {})
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The maximum over all axes between batch and channels."""
        axes = spatial.axes_of("GlobalMaxPool", x, {})
        return x.max(tuple(range(1, axes + 1))), state


@spec
class GlobalAvgPool:
    """The mean of each channel over all places.

    Shapes:
        ``x (batch, *size, channels)`` gives ``(batch, channels)``.

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
        spatial.axes_of("GlobalAvgPool", x, {})
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The mean over all axes between batch and channels; the sum is taken in float32 at least."""
        axes = spatial.axes_of("GlobalAvgPool", x, {})
        mean = x.astype(param_dtype(x)).mean(tuple(range(1, axes + 1)))
        return mean.astype(compute_dtype(x, mean)), state
