"""What layers with a kernel and a bias share: how both are drawn, and the bias and activation at the end."""

from typing import Any

import jax

from jaxnn.core.names import activation, initializer
from jaxnn.core.types import Key, Params


def draw(layer: Any, key: Key, shape: tuple[int, ...], dtype: Any) -> Params:
    """A kernel of ``shape`` and a bias of its last axis, by the initialisers of ``layer``."""
    kernel_key, bias_key = jax.random.split(key)
    params = {"kernel": initializer(layer.kernel_init)(kernel_key, shape, dtype)}
    if layer.use_bias:
        params["bias"] = initializer(layer.bias_init)(bias_key, shape[-1:], dtype)
    return params


def affine_end(layer: Any, params: Params, y: Any) -> Any:
    """Add the bias of ``layer``, if it has one, and apply its activation."""
    if layer.use_bias:
        bias = params["bias"].astype(y.dtype)
        y = y + bias.reshape((1,) * (y.ndim - 1) + bias.shape)
    return activation(layer.activation)(y)
