"""The words of the library as types, and its protocols: what a layer, a loss and an optimizer must have."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import jax

Params: TypeAlias = Any
"""A pytree of arrays that the gradient changes."""

State: TypeAlias = Any
"""A pytree of arrays that the forward pass changes."""

Key: TypeAlias = jax.Array
"""A typed threefry key: ``jax.random.key(seed, impl="threefry2x32")``."""

Hyper: TypeAlias = Any
"""A number that may be traced: a Python number or a 0-d array."""


class Layer(Protocol):
    """What is asked of a layer and of a model: two functions, and two results of each.

    A class is one by having them, decorated by `jaxnn.spec`; there is nothing to inherit.

    Example:
        >>> import jaxnn as nn
        >>> layer: Layer = nn.Dense(3)
    """

    def init(self, key: Key, x: Any, /) -> tuple[Params, State]:
        """Params and state for inputs of this shape and dtype; nothing else of ``x`` is read."""
        ...

    def apply(
        self, params: Params, state: State, x: Any, /, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The outputs and the new state; ``rows`` says which rows of the batch are real."""
        ...


class PerExample(Protocol):
    """A loss or a metric as a function: outputs and targets, rows first, to one value per row, ``(batch,)``.

    Example:
        >>> import jaxnn as nn
        >>> loss: PerExample = nn.losses.huber
    """

    def __call__(self, outputs: Any, targets: Any, /) -> Any: ...


class Transformation(Protocol):
    """An optimizer or a part of one: Optax's pair of functions, `optax.GradientTransformation` or what looks like it.

    Example:
        >>> import optax
        >>> optimizer: Transformation = optax.adam(1e-3)
    """

    @property
    def init(self) -> Callable[[Params], Any]:
        """``params -> state``."""
        ...

    @property
    def update(self) -> Callable[..., tuple[Any, Any]]:
        """``grads, state, params=None, **extra -> updates, state``."""
        ...


class Batch(NamedTuple):
    """Rows that go through one step together.

    A row of weight 0 and a row that is padding are two things: the first is a row like any other, whose loss happens
    not to count, the second is not there.

    Args:
        x: inputs, an array or a pytree of arrays, each ``(batch, ...)``.
        y: targets, an array or a pytree of arrays, each ``(batch, ...)``.
        weight: ``(batch,)`` float, one weight per row; or ``(batch, steps)``, one per step of a sequence, where 0
            says that the step is not there; or a tree of such by output; None for 1 each.
        rows: ``(batch,)`` bool, which rows are real and no padding; None for all.

    Example:
        >>> Batch(x=[[1.0], [2.0]], y=[0, 1]).weight is None
        True
    """

    x: Any
    y: Any
    weight: Any = None
    rows: Any = None
