"""Several arrays made one."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.masks import beside, is_masked, split
from jaxnn.core.types import Key, Params, State

JOINS: dict[str, Any] = {
    "add": lambda arrays: functools.reduce(jnp.add, arrays),
    "multiply": lambda arrays: functools.reduce(jnp.multiply, arrays),
    "average": lambda arrays: functools.reduce(jnp.add, arrays) / len(arrays),
    "maximum": lambda arrays: functools.reduce(jnp.maximum, arrays),
    "concat": lambda arrays: jnp.concatenate(arrays, axis=-1),
}


@spec
class Join:
    """Several arrays made one: their sum, product, mean or maximum, or side by side along the last axis.

    Args:
        how: ``"add"``, ``"multiply"``, ``"average"``, ``"maximum"`` or ``"concat"``.

    Shapes:
        ``x`` is a tuple, a list or a dict of arrays of one shape, which is that of the result; for ``"concat"`` the
        last axes may differ, and are added up. An array alone passes. Where one of them is ``(x, mask)`` the result is
        ``(y, mask)``, and of several masks a step is real where all say so.

    Raises:
        ValueError: for an unknown name, or shapes that do not fit, with all of them.

    Source: ``keras.layers.Add``, ``Multiply``, ``Average``, ``Maximum``, ``Concatenate``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> nn.Join("concat").apply({}, {}, (jnp.ones((1, 2)), jnp.zeros((1, 1))))[0].tolist()
        [[1.0, 1.0, 0.0]]
    """

    how: str = "add"

    def __post_init__(self):
        check_join(self.how, 'Join("concat")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Nothing to keep."""
        jax.eval_shape(lambda v: join(self.how, "Join", _several(v)), x)
        return {}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The joined array."""
        return join(self.how, "Join", _several(x)), state


def check_join(how: str, call: str) -> None:
    """Raise unless ``how`` is the name of a join."""
    if how not in JOINS:
        raise ValueError(f"no join is named {how!r}; choose one of {', '.join(JOINS)}, as in {call}")


def join(how: str, layer: str, arrays: list[Any]) -> Any:
    """Join ``arrays`` by name; where one of them has a mask beside it, so has the result.

    Raises:
        SpecError: if their shapes do not fit, with all of them.
    """
    values, masks = zip(*(split(layer, a) for a in arrays), strict=True)
    shapes = [tuple(a.shape) for a in values]
    compared = {s[:-1] for s in shapes} if how == "concat" else set(shapes)
    if len(compared) != 1 or () in shapes:
        raise checks.SpecError(
            f"{layer} takes arrays of one shape for {how!r}, got {', '.join(map(str, shapes))}; "
            "end each branch with a layer of the same size, as in Dense(8)"
        )
    return beside(JOINS[how](values), _all_real(masks))


def _several(x: Any) -> list[Any]:
    """The arrays, and pairs of an array and its mask, that a tuple, a list or a dict holds."""
    if hasattr(x, "shape"):
        return [x]
    entries = x.values() if isinstance(x, dict) else x
    return [part for entry in entries for part in ([entry] if is_masked(entry) else jax.tree.leaves(entry))]


def _all_real(masks: tuple) -> Any:
    """The steps that are real by all masks; None for none."""
    given = [mask for mask in masks if mask is not None]
    if all(mask is given[0] for mask in given):
        return given[0] if given else None
    return functools.reduce(lambda a, b: (a.astype(bool) & b.astype(bool)).astype(a.dtype), given)
