"""The words of the library as types."""

from typing import Any, NamedTuple, TypeAlias

import jax

Params: TypeAlias = Any
"""A pytree of arrays that the gradient changes."""

State: TypeAlias = Any
"""A pytree of arrays that the forward pass changes."""

Key: TypeAlias = jax.Array
"""A typed threefry key: ``jax.random.key(seed, impl="threefry2x32")``."""

Hyper: TypeAlias = Any
"""A number that may be traced: a Python number or a 0-d array."""


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
