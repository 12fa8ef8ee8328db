"""An activation as a layer of its own."""

from collections.abc import Callable
from typing import Any

from jaxnn.core.layer import spec
from jaxnn.core.masks import by_step
from jaxnn.core.names import activation
from jaxnn.core.types import Key, Params, State


@spec
@by_step
class Activation:
    """A function applied to every element, ``y = f(x)``; it has no parameters.

    Args:
        name: one of ``nn.activations``, as ``"relu"`` or ``"tanh"``, or a function of `jax.nn`.

    Shapes:
        ``x (batch, ...)`` gives the same shape, and ``(x, mask)`` gives ``(y, mask)``.

    Raises:
        ValueError: for an unknown name, with the closest one, and all that exist.

    Source: ``keras.layers.Activation``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> y, _ = nn.Activation("relu").apply({}, {}, jnp.array([[-1.0, 2.0]]))
        >>> y.tolist()
        [[0.0, 2.0]]
    """

    name: str | Callable

    def __post_init__(self):
        activation(self.name)

    @property
    def activation(self) -> str | Callable:
        """The name, as other layers call it."""
        return self.name

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The function of ``x``."""
        return activation(self.name)(x), state
