"""The fully connected layer."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.names import activation, initializer
from jaxnn.core.types import Key, Params, State


def compute_dtype(x: Any, parameter: Any) -> Any:
    """The dtype a layer computes in: that of ``x`` where it is floating, else that of its parameters."""
    return x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else parameter.dtype


def param_dtype(x: Any) -> Any:
    """The dtype of new parameters: float64 for float64 inputs, float32 for all others."""
    return jnp.float64 if x.dtype == jnp.float64 else jnp.float32


def product(x: Any, kernel: Any) -> Any:
    """``x @ kernel`` over the last axis of ``x``, in the dtype of a floating ``x``.

    All other axes are one in the product: with several, XLA writes the gradient's operand out in another order first.
    """
    dtype = compute_dtype(x, kernel)
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1]).astype(dtype)
    return (rows @ kernel.astype(dtype)).reshape(*x.shape[:-1], kernel.shape[-1])


@spec
class Dense:
    """A fully connected layer, ``y = activation(x @ kernel + bias)``, over the last axis.

    Args:
        units: number of outputs.
        activation: a name or a function of `jax.nn`; None is the identity.
        use_bias: whether a bias is added.
        kernel_init, bias_init: names or initialisers ``f(key, shape, dtype)``.

    Shapes:
        ``x (batch, ..., in)`` gives ``(batch, ..., units)``; params are ``kernel (in, units)``, ``bias (units,)``.

    Raises:
        ValueError: for units below 1, an unknown name, or inputs whose last axis does not fit the kernel.

    Source: ``keras.layers.Dense``, whose defaults these are.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.Dense(3, activation="relu")
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> y, state = layer.apply(params, state, jnp.ones((2, 4)))
        >>> params["kernel"].shape, y.shape
        ((4, 3), (2, 3))
    """

    units: int
    activation: str | Callable | None = None
    use_bias: bool = True
    kernel_init: str | Callable = "glorot_uniform"
    bias_init: str | Callable = "zeros"

    def __post_init__(self):
        checks.size("units", self.units, "Dense(100)")
        activation(self.activation)
        initializer(self.kernel_init)
        initializer(self.bias_init)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the kernel and the bias for inputs of the shape of ``x``."""
        if len(x.shape) < 2:
            raise checks.SpecError(f"Dense needs (batch, ..., features), got {x.shape}; write x[None] for one row")
        kernel_key, bias_key = jax.random.split(key)
        dtype = param_dtype(x)
        params = {"kernel": initializer(self.kernel_init)(kernel_key, (x.shape[-1], self.units), dtype)}
        if self.use_bias:
            params["bias"] = initializer(self.bias_init)(bias_key, (self.units,), dtype)
        return params, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The affine map, then the activation."""
        kernel = params["kernel"]
        if x.shape[-1] != kernel.shape[0]:
            raise checks.SpecError(
                f"Dense holds a kernel {kernel.shape} and got inputs {x.shape}, whose last axis must be "
                f"{kernel.shape[0]}; write model.init(key, x) anew for inputs of this shape"
            )
        y = product(x, kernel)  # (batch, ..., in) -> (batch, ..., units)
        if self.use_bias:
            bias = params["bias"].astype(y.dtype)
            y = y + bias.reshape((1,) * (y.ndim - 1) + bias.shape)
        return activation(self.activation)(y), state
