"""What layers with a kernel share: how it and a bias are drawn, the product, the bias and activation at the end."""

import math
from typing import Any

import jax

from jaxnn.core.names import activation, initializer
from jaxnn.core.types import Key, Params
from jaxnn.layers.dtypes import compute_dtype


def draw(layer: Any, key: Key, shape: tuple[int, ...], dtype: Any) -> Params:
    """A kernel of ``shape`` and a bias of its last axis, by the initialisers of ``layer``."""
    kernel_key, bias_key = jax.random.split(key)
    params = {"kernel": initializer(layer.kernel_init)(kernel_key, shape, dtype)}
    if layer.use_bias:
        params["bias"] = initializer(layer.bias_init)(bias_key, shape[-1:], dtype)
    return params


def product(x: Any, kernel: Any) -> Any:
    """``x @ kernel`` over the last axis of ``x``, in the dtype of a floating ``x``.

    All other axes are one in the product: with several, XLA writes the gradient's operand out in another order first.
    """
    dtype = compute_dtype(x, kernel)
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]).astype(dtype)
    return (rows @ kernel.astype(dtype)).reshape(*x.shape[:-1], kernel.shape[-1])


def affine_end(layer: Any, params: Params, y: Any) -> Any:
    """Add the bias of ``layer``, if it has one, and apply its activation."""
    if layer.use_bias:
        bias = params["bias"].astype(y.dtype)
        y = y + bias.reshape((1,) * (y.ndim - 1) + bias.shape)
    return activation(layer.activation)(y)
