"""A function as a layer."""

from collections.abc import Callable
from typing import Any

from jaxnn.core.layer import spec
from jaxnn.core.names import activation
from jaxnn.core.types import Key, Params, State


@spec
class Lambda:
    """A pure function of the input as a layer, ``y = f(x)``.

    Args:
        f: any function of JAX that keeps the batch axis; two layers are equal if they hold the same function object.
            The function runs, vmaps and differentiates; JSON refuses it by its path, unless `jax.nn` has it by name.

    Raises:
        TypeError: if ``f`` is no function.

    Source: ``keras.layers.Lambda``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.Lambda(lambda x: x[:, ::-1]).apply({}, {}, jnp.array([[1.0, 2.0]]))[0].tolist()
        [[2.0, 1.0]]
    """

    f: str | Callable

    def __post_init__(self):
        if not callable(activation(self.f)):
            raise TypeError(f"Lambda takes a function, got {self.f!r}; write Lambda(lambda x: x ** 2)")

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The function of ``x``."""
        return activation(self.f)(x), state
