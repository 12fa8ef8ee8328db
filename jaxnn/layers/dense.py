"""The fully connected layer."""

from collections.abc import Callable
from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.masks import by_step
from jaxnn.core.names import activation, initializer
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.dtypes import param_dtype
from jaxnn.layers.kernel import affine_end, draw, product


@spec
@by_step
class Dense:
    """A fully connected layer, ``y = activation(x @ kernel + bias)``, over the last axis.

    Args:
        units: number of outputs.
        activation: a name or a function of `jax.nn`; None is the identity.
        use_bias: whether a bias is added.
        kernel_init, bias_init: names or initialisers ``f(key, shape, dtype)``.

    Shapes:
        ``x (batch, ..., in)`` gives ``(batch, ..., units)``, and ``(x, mask)`` gives ``(y, mask)``; params are ``kernel
        (in, units)``, ``bias (units,)``.

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
            raise checks.SpecError(
                f"Dense needs (batch, ..., features), got {x.shape}; "
                "write x[None] for one row, or x[:, None] for rows of one feature"
            )
        return draw(self, key, (x.shape[-1], self.units), param_dtype(x)), {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The affine map, then the activation."""
        kernel = params["kernel"]
        if len(x.shape) < 2 or x.shape[-1] != kernel.shape[0]:
            raise checks.misfit("Dense", f"a kernel {kernel.shape}", x, f"(batch, ..., {kernel.shape[0]})")
        return affine_end(self, params, product(x, kernel)), state  # (batch, ..., in) -> (batch, ..., units)
