"""Layers that only change the shape."""

import math
from typing import Any

from jaxnn.core.layer import spec
from jaxnn.core.types import Key, Params, State


@spec
class Flatten:
    """Join all axes but the first into one: ``(batch, a, b, ...)`` becomes ``(batch, a * b * ...)``.

    Source: ``keras.layers.Flatten``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.Flatten().apply({}, {}, jnp.ones((2, 8, 8)))[0].shape
        (2, 64)
    """

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False
    ) -> tuple[Any, State]:
        """The reshaped input; an empty batch stays empty."""
        return x.reshape(x.shape[0], math.prod(x.shape[1:])), state
