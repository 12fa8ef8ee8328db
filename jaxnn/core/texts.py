"""Values as text: equal texts for equal values, functions and their closures included."""

import copyreg
import dataclasses
import functools
import hashlib
import itertools
import os
import sys
import sysconfig
import weakref
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.core import Tracer

LIMIT, DEPTH = 10_000, 80
"""More lists, objects and functions than this, or deeper ones, are not compared."""
PLAIN = frozenset(map(type, (None, True, 0, 0.0, 0j, "", b"", ..., NotImplemented)))
HOLDERS = dict, list, tuple, set, frozenset
HOMES = (sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]), *(m.__path__[0] for m in (jax, np, optax)))
HOMES = ("<frozen", *(home + os.sep for home in HOMES))
FRESH = itertools.count()
ARRAYS: dict[int, tuple[weakref.ref, str]] = {}


class Known(NamedTuple):
    """What is not walked: a name, and objects that count by address in this process."""

    name: str
    objects: tuple = ()


class Walk:
    """One walk through a value.

    Args:
        parts: what a function or class consists of, by name; None for any other value.
        here: texts for this process alone, in which a library counts by address, and a `Trial` too; else for all.

    Example:
        >>> walk = Walk(lambda value: None)
        >>> walk.text(1.0), walk.text([1.0]) == walk.text([1]), walk.text(iter([1]))
        ('float 1.0', False, 'a list_iterator')
    """

    def __init__(self, parts: Callable[[Any], list[tuple[str, Any]] | None], here: bool = False):
        self.parts, self.here, self.left, self.path = parts, here, LIMIT, []
        self.texts: dict[int, tuple[Any, str]] = {}
        self.kept: list[Any] = []

    def text(self, value: Any) -> str:
        """The text of a value; of what cannot be compared the name of its type, and here a number never used again."""
        kind = type(value)
        if kind in PLAIN:
            return f"int {value:x}" if kind is int else f"{kind.__name__} {value!r}"
        if id(value) in self.texts:
            return self.texts[id(value)][1]
        if id(value) in self.path:
            return f"loop {self.path[::-1].index(id(value))}"
        self.left -= 1
        if self.left < 0 or len(self.path) > DEPTH:
            return self._unlike(kind)
        self.path.append(id(value))
        try:
            text = self._form(value, kind)
        except Exception:  # what cannot be read cannot be compared
            text = self._unlike(kind)
        finally:
            self.path.pop()
        text = text if text.startswith("a ") else short(text)
        self.texts[id(value)] = value, text  # the value is kept, so that its address is not used again
        return text

    def _unlike(self, kind: type) -> str:
        return f"a {kind.__qualname__}{f' {next(FRESH)}' if self.here else ''}"

    def _pairs(self, head: str, pairs: Iterable[tuple[str, Any]]) -> str:
        return f"{head} {[(name, self.text(value)) for name, value in pairs]}"

    def _form(self, value: Any, kind: type) -> str:
        if is_trial(value) and self.here:
            value = Known("Trial", (value,))
        elif isinstance(value, ModuleType):
            value = Known(f"module {value.__name__}")
        elif (name := name_of(value)) is not None:
            value = Known(name, (value,))
        if isinstance(value, Known):
            self.kept += value.objects
            return f"{value.name} {[id(o) for o in value.objects] if self.here else ''}"
        if isinstance(value, Tracer) or hasattr(kind, "__next__"):
            return self._unlike(kind)
        if (parts := self.parts(value)) is not None:
            return self._pairs(kind.__name__, parts)
        if kind in HOLDERS:
            return f"{kind.__name__} {self._items(value)}"
        if isinstance(value, (jax.Array, np.generic)) or kind is np.ndarray:
            return self._array(value)
        if isinstance(value, np.random.Generator):
            return f"generator {self.text(value.bit_generator.state)}"
        if isinstance(value, np.dtype):
            return f"dtype {value!r}"
        if isinstance(value, MappingProxyType):
            return f"mapping {self._items(dict(value))}"
        if isinstance(value, Enum):
            return f"{kind.__module__}.{kind.__qualname__}.{value.name} {self.text(value.value)}"
        return self._object(value, kind, library(kind.__module__))

    def _object(self, value: Any, kind: type, foreign: bool) -> str:
        if dataclasses.is_dataclass(value):
            fields = ((f.name, getattr(value, f.name), f.default) for f in dataclasses.fields(value))
            # A library's default is left out, so that a field that its next version adds changes nothing.
            return self._pairs(
                self.text(kind), ((n, v) for n, v, default in fields if not (foreign and _same(v, default)))
            )
        bases: tuple[Any, ...] = *HOLDERS, str, bytes, int, float
        base = next((b for b in bases if isinstance(value, b)), None)
        if (foreign or not hasattr(value, "__dict__")) and base not in (tuple, set, frozenset):
            parts: Any = copyreg.dispatch_table.get(kind, lambda v: v.__reduce_ex__(2))(value)  # as copy.copy does
            parts = [parts] if isinstance(parts, str) else parts
            return self._pairs(self.text(kind), (("", list(p) if hasattr(p, "__next__") else p) for p in parts))
        return self._pairs(self.text(kind), [("", base and base(value)), *sorted(state_of(value).items())])

    def _items(self, values: Any) -> list:
        if isinstance(values, dict):
            return [(self.text(k), self.text(v)) for k, v in values.items()]
        if not isinstance(values, (set, frozenset)):
            return [self.text(v) for v in values]
        seen, found = self.texts, []
        for value in values:  # each as if it were the first, as their order is not the same in every process
            self.texts = seen if type(value) in PLAIN else dict(seen)
            found.append(self.text(value))
        self.texts = seen
        return sorted(found)

    def _array(self, value: Any) -> str:
        address, frozen = id(value), isinstance(value, jax.Array)
        if frozen and address in ARRAYS and ARRAYS[address][0]() is value:
            return ARRAYS[address][1]
        head, data = f"{type(value).__name__} {value.dtype!r} {getattr(value, 'weak_type', '')}", value
        if frozen and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
            head, data = f"key {jax.random.key_impl(value)}", jax.random.key_data(value)
        data = np.asarray(data)
        if data.dtype.hasobject:
            return f"{head} {data.shape} {self.text(data.tolist())}"
        text = f"{head} {data.shape} {hashlib.sha256(data.tobytes()).hexdigest()}"
        if frozen:
            ARRAYS[address] = weakref.ref(value, lambda _: ARRAYS.pop(address, None)), text
        return text


def short(text: str) -> str:
    """A digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def state_of(value: Any) -> dict[str, Any]:
    """The attributes of an object, in its ``__dict__`` and in slots."""
    state: Any = object.__getstate__(value)
    return {n: v for part in (state if isinstance(state, tuple) else (state,)) for n, v in (part or {}).items()}


def is_trial(value: Any) -> bool:
    """Whether a value is a `Trial`: an object of one class, whose parts are read by name and which counts as itself."""
    return getattr(type(value), "read_as", None) == "trial"


def name_of(value: Any) -> str | None:
    """Where a library holds this very object, or None.

    Example:
        >>> name_of(optax.adam), name_of(optax.exponential_decay(0.1, 1, 0.5))
        ('optax._src.alias.adam', None)
    """
    if isinstance(value, type) and not value.__flags__ & 1 << 9:  # written in C, once and for all
        return f"{value.__module__}.{value.__qualname__}"
    module = getattr(value, "__module__", None) if library(type(value).__module__) else None
    path = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(path, str) or not library(module):
        return None
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return f"{module}.{path}" if found is value else None


def library(module: str) -> bool:
    """Whether a module of this name is installed, or of Python or this package, and not the user's own.

    Example:
        >>> library("numpy.linalg"), library("__main__")
        (True, False)
    """
    name = module.partition(".")[0]
    top = sys.modules.get(name) if name != "__main__" else None
    file = getattr(top, "__file__", None) or next(iter(getattr(top, "__path__", ())), None)
    return installed(file + os.sep) if file else top is not None and name in sys.stdlib_module_names


@functools.lru_cache(maxsize=4096)
def installed(file: str) -> bool:
    """Whether a file of this path belongs to a library."""
    return file.startswith(HOMES) or not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and type(value) in PLAIN and repr(value) == repr(default)
