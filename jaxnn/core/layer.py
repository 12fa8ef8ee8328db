"""The spec decorator: a frozen dataclass whose treedef is the architecture and whose leaves are the knobs."""

import dataclasses
import functools
import inspect
from typing import Any, NamedTuple, TypeVar, dataclass_transform

import jax
import numpy as np
from jax.core import Tracer

from jaxnn.core.names import ACTIVATIONS, INITIALIZERS, name_of

T = TypeVar("T")
REGISTRY: dict[str, type] = {}
"""Every spec class by its name; JSON names classes, and only these are ever built from a file."""


def hyper(default: Any = dataclasses.MISSING) -> Any:
    """Mark a field as a leaf: a number that shapes nothing, and may be traced.

    Example:
        >>> @spec
        ... class Scale:
        ...     factor: float = hyper(2.0)
        >>> jax.tree.leaves(Scale())
        [2.0]
    """
    return dataclasses.field(default=default, metadata={"leaf": True})


def child(default: Any = dataclasses.MISSING) -> Any:
    """Mark a field that holds a spec, or a tuple or dict of specs, whose leaves are leaves of this one too.

    Example:
        >>> import jaxnn as nn
        >>> @spec
        ... class Twice:
        ...     layer: Any = child()
        >>> jax.tree.leaves(Twice(nn.Dropout(0.5)))
        [0.5]
    """
    return dataclasses.field(default=default, metadata={"leaf": True, "child": True})


@dataclass_transform(frozen_default=True)
def spec(cls: type[T]) -> type[T]:
    """Turn a class into a spec: a frozen dataclass, registered as a pytree, printed, compared and hashed by value.

    Fields marked by `hyper` or `child` are leaves; all others are the treedef and must be hashable.
    A layer defines ``init(key, x) -> params, state``, which reads the shape and dtype of ``x`` alone, and
    ``apply(params, state, x, *, key=None, train=False, rows=None) -> y, state``; params and state are dicts of arrays.
    There ``rows`` says which rows of the batch are real, the others being padding: a ``(batch,)`` array of bool, or of
    0 and 1, or None where all are. A layer whose rows meet in training leaves padding out; one that holds layers hands
    ``rows`` on as it is, or, where it makes other rows of a batch for them, with an entry for each of those. What it
    does not need it takes all the same, because a layer is called in one way only; `jaxnn.testing.check_layer` tries
    the rest. A class with neither method is a record of hyperparameters.

    Raises:
        TypeError: if another spec class has the same name, or a method is missing or takes other arguments. The class
            it makes raises one for an unmarked field that is not hashable.

    Example:
        >>> @spec
        ... class Shift:
        ...     by: float = hyper()
        ...     def init(self, key, x):
        ...         return {}, {}
        ...     def apply(self, params, state, x, *, key=None, train=False, rows=None):
        ...         return x + self.by, state
        >>> Shift(1.0), Shift(1.0) == Shift(1.0)
        (Shift(by=1.0), True)
    """
    if "__repr__" not in cls.__dict__:
        cls.__repr__ = _repr
    cls.__eq__ = _equal
    cls.__hash__ = _hash
    _check_methods(cls)
    cls = dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
    fields = dataclasses.fields(cls)  # pyright: ignore[reportArgumentType]
    structure = [f.name for f in fields if not f.metadata.get("leaf")]
    cls.__init__ = _with_hashable(structure, cls.__init__)
    known = REGISTRY.get(cls.__name__)
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise TypeError(
            f"a spec named {cls.__name__} exists in {known.__module__}; give the new class another name, "
            f"as in class My{cls.__name__}"
        )
    if "__getstate__" not in cls.__dict__:
        cls.__getstate__, cls.__setstate__ = _state, _set_state  # pyright: ignore[reportAttributeAccessIssue]
    _register(cls)
    return cls


def known_to_jax(cls: type) -> None:
    """Register a spec class that came from another process, as those of a notebook come to a worker; twice is once."""
    if REGISTRY.get(cls.__name__) is not cls:
        _register(cls)


def _register(cls: type) -> None:
    REGISTRY[cls.__name__] = cls
    leaves: dict[bool, list[str]] = {True: [], False: []}
    for field in dataclasses.fields(cls):
        leaves[bool(field.metadata.get("leaf"))].append(field.name)
    jax.tree_util.register_dataclass(cls, data_fields=leaves[True], meta_fields=leaves[False])


CALLS = {
    "init": ((None,) * 3, {}, "init(self, key, x)"),
    "apply": (
        (None,) * 4,
        {"key": None, "train": False, "rows": None},
        "apply(self, params, state, x, *, key=None, train=False, rows=None)",
    ),
}
"""How a layer's methods are called, and what to write."""


def _check_methods(cls: type) -> None:
    """Raise unless a class has both methods of a layer, with the arguments they are called with, or neither."""
    if not any(hasattr(cls, name) for name in CALLS):
        return
    for name, (args, keywords, call) in CALLS.items():
        if not hasattr(cls, name):
            raise TypeError(f"{cls.__name__} has no {name}; a layer has init and apply: write def {call}")
        signature = inspect.signature(getattr(cls, name))
        try:
            signature.bind(*args, **keywords)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.{name}{signature}: {error}; write def {call}") from None


def _with_hashable(structure: list[str], init: Any) -> Any:
    """``__init__`` that raises for a field of the structure that has no hash."""

    @functools.wraps(init)
    def checked(self, *args, **keywords):
        init(self, *args, **keywords)
        for name in structure:
            try:
                hash(getattr(self, name))
            except TypeError:
                raise TypeError(
                    f"{type(self).__name__}.{name} is structure, which must be hashable, and is "
                    f"{getattr(self, name)!r}; write a tuple, or mark the field: numbers by nn.hyper(), layers by "
                    "nn.child()"
                ) from None

    return checked


def is_spec(value: Any) -> bool:
    """Whether ``value`` is an instance of a class made by `spec`."""
    return type(value).__dict__.get("__eq__") is _equal  # also where its class has been defined anew since


class _Named(NamedTuple):
    """A function of the tables of names, in what is pickled: those of JAX are not."""

    name: str


def _state(self) -> dict[str, Any]:
    return {key: _Named(name) if callable(v) and (name := name_of(v)) else v for key, v in vars(self).items()}


def _set_state(self, state: dict[str, Any]) -> None:
    functions = {**INITIALIZERS, **ACTIVATIONS}
    self.__dict__.update({key: functions[v.name] if isinstance(v, _Named) else v for key, v in state.items()})


def _repr(self) -> str:
    shown = [
        f"{f.name}={value!r}"
        for f in dataclasses.fields(self)
        if not _is_default(value := getattr(self, f.name), f.default)
    ]
    return f"{type(self).__name__}({', '.join(shown)})"


def _is_default(value, default) -> bool:
    return type(value) is type(default) and not isinstance(value, (jax.Array, np.ndarray)) and value == default


def _same_leaf(a, b) -> bool:
    if a is b:
        return True
    if isinstance(a, Tracer) or isinstance(b, Tracer):
        return False
    return np.shape(a) == np.shape(b) and bool(np.all(np.asarray(a) == np.asarray(b)))


def _equal(self, other) -> bool:
    if type(self) is not type(other):
        return NotImplemented
    ours, our_tree = jax.tree.flatten(self)
    theirs, their_tree = jax.tree.flatten(other)
    return our_tree == their_tree and all(map(_same_leaf, ours, theirs))


def _hash(self) -> int:
    leaves, tree = jax.tree.flatten(self)
    return hash((tree, tuple(np.shape(x) if isinstance(x, Tracer) or np.shape(x) else float(x) for x in leaves)))
