"""Sequences of different lengths: ``(x, mask)``, with ``x (batch, time, ...)`` and a mask ``(batch, time)``.

The mask is not 0 (or True) where a step is real. A layer that works on each step alone hands the mask on as it is; one
whose steps meet (attention, recurrence, pooling, batch statistics) leaves the others out. What masked steps hold never
counts, be it NaN: each layer puts zeros there before it computes, so that no gradient becomes 0 times NaN.
"""

import functools
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.types import Key, Params, State

T = TypeVar("T")


class Masked(NamedTuple):
    """What a layer hands on: values beside the mask they came with. Wherever it is taken, a plain pair is as good.

    Args:
        value: ``(batch, time, ...)``.
        mask: ``(batch, time)``, not 0 where a step is real.

    Example:
        >>> y, mask = Masked(jnp.ones((2, 3, 4)), jnp.ones((2, 3)))
        >>> y.shape, mask.shape
        ((2, 3, 4), (2, 3))
    """

    value: Any
    mask: Any


def is_masked(x: Any) -> bool:
    """Whether ``x`` is a pair of an array and its mask."""
    return isinstance(x, (tuple, list)) and len(x) == 2 and all(hasattr(part, "shape") for part in x)


def parts(layer: str, x: Any) -> tuple[Any, Any]:
    """The values and the mask out of an array, whose mask is None, or out of ``(x, mask)``; also of their shapes.

    Raises:
        SpecError: if ``x`` is neither, or the mask is not ``(batch, time)``.
    """
    if hasattr(x, "shape"):
        return x, None
    if not is_masked(x):
        got = f"a dict of {sorted(x)}" if isinstance(x, dict) else f"a {type(x).__name__}"
        raise checks.SpecError(f"{layer} takes an array, or (x, mask), and got {got}; write one of these")
    value, mask = x
    if len(value.shape) < 2 or tuple(mask.shape) != tuple(value.shape[:2]):
        raise checks.SpecError(
            f"{layer} got a sequence {tuple(value.shape)} and a mask {tuple(mask.shape)}; "
            f"write (x, mask) with a mask of shape {tuple(value.shape[:2])}"
        )
    return value, mask


def split(layer: str, x: Any) -> tuple[Any, Any]:
    """`parts` with zeros in the steps that are not real.

    Example:
        >>> split("Dense", (jnp.array([[[1.0], [jnp.nan]]]), jnp.array([[1, 0]])))[0].ravel().tolist()
        [1.0, 0.0]
    """
    value, mask = parts(layer, x)
    return (value if mask is None else only_real(value, mask)), mask


def only_real(value: Any, mask: Any, other: Any = 0) -> Any:
    """The values of real steps, and ``other`` in all the rest."""
    value = jnp.asarray(value)
    return jnp.where(per_step(mask, value.ndim), value, jnp.asarray(other, value.dtype))


def per_step(mask: Any, ndim: int) -> Any:
    """The mask as bools that broadcast to values of ``ndim`` axes."""
    return mask.astype(bool).reshape(mask.shape + (1,) * (ndim - mask.ndim))


def beside(value: Any, mask: Any) -> Any:
    """The value as `Masked`, or alone where there is no mask."""
    return value if mask is None else Masked(value, mask)


def none_here(layer: str, x: Any) -> Any:
    """``x`` itself; raise where it is no array, for a layer that knows no masks.

    Raises:
        SpecError: with what to put in front.
    """
    if not hasattr(x, "shape"):
        if not is_masked(x):
            raise checks.SpecError(
                f"{layer} takes one array and got a {type(x).__name__} of {len(x)}; write nn.Graph, whose nodes take "
                "inputs by name, or Join() in front, which makes them one"
            )
        got = "a sequence with a mask"
        raise checks.SpecError(
            f"{layer} takes one array and got {got}; put GlobalAvgPool() in front, which sees the real steps alone, "
            "or Lambda(lambda x: x[0]) to let go of the mask"
        )
    return x


def by_step(cls: type[T]) -> type[T]:
    """Let a layer that works on each step alone take ``(x, mask)`` too: it sees the array, and the mask is handed on.

    It stands below ``@spec``. In the masked steps the layer sees zeros.

    Example:
        >>> import jaxnn as nn
        >>> @nn.spec
        ... @by_step
        ... class Doubled:
        ...     def init(self, key, x):
        ...         return {}, {}
        ...     def apply(self, params, state, x, *, key=None, train=False, rows=None):
        ...         return 2 * x, state
        >>> (y, mask), _ = Doubled().apply({}, {}, (jnp.ones((1, 2)), jnp.array([[1, 0]])))
        >>> y.tolist(), mask.tolist()
        ([[2.0, 0.0]], [[1, 0]])
    """
    name, init, apply = cls.__name__, cls.init, cls.apply  # pyright: ignore[reportAttributeAccessIssue]

    @functools.wraps(init)
    def init_values(self: Any, key: Key, x: Any) -> tuple[Params, State]:
        return init(self, key, parts(name, x)[0])

    @functools.wraps(apply)
    def apply_to_values(
        self: Any,
        params: Params,
        state: State,
        x: Any,
        *,
        key: Key | None = None,
        train: bool = False,
        rows: Any = None,
    ) -> tuple[Any, State]:
        value, mask = split(name, x)
        y, state = apply(self, params, state, value, key=key, train=train, rows=rows)
        return beside(y, mask), state

    cls.init, cls.apply = init_values, apply_to_values  # pyright: ignore[reportAttributeAccessIssue]
    return cls
