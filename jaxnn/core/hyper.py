"""Hyperparameters: what of them rides inside a program, and what shapes it. The rule stands here and nowhere else.

A hyperparameter is any pytree. Its floats and arrays of floats are traced: inputs of the program. So are all numbers
of a spec, such as those of an `EarlyStopping`, for a spec says itself what shapes it, and what is wrapped in `traced`.
Everything else is structure, and so is what is wrapped in `static`: equal structures share a program.
"""

import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.core.layer import is_spec


@dataclass(frozen=True)
class traced:
    """Whole numbers that shape nothing, to ride inside the program: a warm-up length, a patience.

    Args:
        values: one whole number for `fit`, a sequence of them for an axis of `grid`.

    Example:
        >>> traced([3, 10, 30])
        traced(values=[3, 10, 30])
    """

    values: Any


@dataclass(frozen=True)
class static:
    """A value that is structure whatever its type: a float that a trial makes a size of, or asks in an ``if``.

    The trial function gets the plain value, lists and arrays of them as tuples. Each value is a program of its own.

    Args:
        values: one value for `fit`, a sequence of them for an axis of `grid`.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(share):
        ...     return nn.Trial(nn.mlp((int(8 * share),), out=1), "squared_error", optax.sgd(0.1))
        >>> runs = nn.grid(line, (np.ones((4, 1)), np.ones(4)), dict(share=nn.static([0.5, 1.0])), epochs=1)
        >>> runs.table["share"], runs[0].params["dense_0"]["kernel"].shape
        ([0.5, 1.0], (1, 4))
    """

    values: Any


@jax.tree_util.register_static
@dataclass(frozen=True)
class _Hole:
    """Where a traced number goes."""

    def __repr__(self) -> str:
        return "*"


HOLE = _Hole()


@dataclass(frozen=True)
class _Fixed:
    """A value that is structure; 1, 1.0 and True are three."""

    kind: type
    value: Any


class Structure(NamedTuple):
    """What of a hyperparameter shapes the program: hashable, compared by value.

    Args:
        name: of the hyperparameter.
        tree: of its value.
        leaves: fixed values, and holes where traced numbers go.
    """

    name: str
    tree: Any
    leaves: tuple

    def filled(self, numbers: Any) -> Any:
        """The value with these numbers in its holes."""
        rest = iter(numbers)
        return jax.tree.unflatten(self.tree, [next(rest) if v is HOLE else v.value for v in self.leaves])

    @property
    def is_fixed(self) -> bool:
        """Whether the value has no traced number at all."""
        return HOLE not in self.leaves


def split(hparams: Mapping[str, Any]) -> tuple[dict[str, tuple], tuple[Structure, ...]]:
    """Sort hyperparameters into what is traced and what is structure.

    Args:
        hparams: values by name. Lists become tuples.

    Returns:
        The traced numbers of each, a tuple of arrays in the default dtypes (none for what is all structure), and
        the structures, sorted by name.

    Raises:
        ValueError: for NaN, a number that its dtype cannot hold, and a value that is neither a number nor hashable.

    Example:
        >>> inside, structure = split({"lr": 0.5, "hidden": [8, 8]})
        >>> inside, join(structure, inside)["hidden"]
        ({'lr': (array(0.5, dtype=float32),)}, (8, 8))
    """
    inside, structure = {}, []
    for name, value in sorted(hparams.items()):
        leaves, tree = jax.tree.flatten(_template(name, value), is_leaf=_is_mark)
        numbers = tuple(v.value for v in leaves if isinstance(v, _Number))
        if numbers:
            inside[name] = numbers
        structure.append(Structure(name, tree, tuple(HOLE if isinstance(v, _Number) else v for v in leaves)))
    return inside, tuple(structure)


def join(structure: tuple[Structure, ...], inside: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters again, from their structures and their numbers."""
    return {s.name: s.filled(inside.get(s.name, ())) for s in structure}


def concrete(inside: Mapping[str, Any]) -> dict[str, tuple]:
    """The numbers as Python has them, where they are single: so that validators look at them."""
    return {
        name: tuple(v.item() if isinstance(v, np.ndarray) and v.ndim == 0 else v for v in values)
        for name, values in inside.items()
    }


def is_traced(value: Any) -> bool:
    """Whether a value rides inside the program by itself: a float, or an array of floats.

    Example:
        >>> is_traced(0.1), is_traced(3), is_traced(np.ones(2))
        (True, False, True)
    """
    if isinstance(value, (float, traced)):
        return True
    return hasattr(value, "dtype") and hasattr(value, "shape") and jnp.issubdtype(value.dtype, jnp.floating)


class _Number(NamedTuple):
    value: Any


def _is_mark(value: Any) -> bool:
    return isinstance(value, (_Number, _Fixed))


def _template(name: str, value: Any) -> Any:
    """The value with a mark for each leaf."""
    if isinstance(value, Iterator):
        raise ValueError(f"the hyperparameter {name} is a {type(value).__name__}; write the list of its values")
    if isinstance(value, traced):
        return jax.tree.map(lambda v: _number(name, v), _tuples(value.values))
    if isinstance(value, static):
        return jax.tree.map(lambda v: _fixed(name, v), _tuples(_listed(value.values)))
    if is_spec(value):
        return jax.tree.map(lambda v: _number(name, v), value)
    return jax.tree.map(lambda v: _template(name, v) if _says(v) else _leaf(name, v), _tuples(value), is_leaf=_says)


def _says(value: Any) -> bool:
    """Whether a value says itself how it goes into the program."""
    return isinstance(value, (traced, static)) or is_spec(value)


def _listed(value: Any) -> Any:
    """Arrays as lists of Python's numbers, which can be compared."""
    if hasattr(value, "dtype") and hasattr(value, "shape") and not isinstance(value, Tracer):
        return np.asarray(value).tolist()
    return [_listed(v) for v in value] if isinstance(value, list) else value


def _tuples(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        return tuple(map(_tuples, value))
    return value


def _leaf(name: str, value: Any) -> Any:
    return _number(name, value) if is_traced(value) else _fixed(name, value)


def _fixed(name: str, value: Any) -> _Fixed:
    if isinstance(value, (np.generic, np.ndarray, jax.Array)) and value.shape == () and not isinstance(value, Tracer):
        value = value.item()
    if isinstance(value, float) and np.isnan(value):
        raise ValueError(f"the hyperparameter {name} holds NaN; write a number, as in {name}=1e-3")
    if isinstance(value, numbers.Number) and not isinstance(value, (int, float)):
        raise ValueError(f"the hyperparameter {name} is {value!r}, a {type(value).__name__}; write a float, {name}=0.1")
    try:
        hash(value)
    except TypeError:
        raise ValueError(
            f"the hyperparameter {name} is {value!r}, which cannot be structure; write a number, a string, a tuple "
            f"or a function, or {name}=nn.traced(...) for whole numbers that shape nothing"
        ) from None
    return _Fixed(type(value), value)


def _number(name: str, value: Any) -> _Number:
    if isinstance(value, Tracer):
        return _Number(value)
    array = np.asarray(value)
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    if not floating and array.dtype.kind not in "iub":
        raise ValueError(f"the hyperparameter {name} is {value!r}, no number; write {name}=nn.traced(3)")
    if floating and np.isnan(array).any():
        raise ValueError(f"the hyperparameter {name} holds NaN; write a number, as in {name}=1e-3")
    with np.errstate(over="ignore"):
        cast = array.astype(jax.dtypes.canonicalize_dtype(float if floating else int))
    lost = np.isfinite(array) & ~np.isfinite(cast) if floating else cast != array
    if lost.any():
        raise ValueError(
            f"the hyperparameter {name} holds {array[lost][0]}, which {cast.dtype} cannot hold; write a smaller number"
        )
    return _Number(cast)
