"""What a trial reads besides its arguments: a key for compiled programs, and digests that name what has changed."""

import builtins
import contextlib
import copyreg
import dataclasses
import dis
import functools
import hashlib
import importlib
import itertools
import os
import sys
import sysconfig
import weakref
from collections import deque
from collections.abc import Hashable, Iterable
from enum import Enum
from pathlib import Path
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from jax.core import Tracer

from jaxnn.train.trial import Trial

LIMIT, DEPTH = 10_000, 80
"""More lists, objects and functions than this, or deeper ones, are not compared."""
PLAIN = frozenset(map(type, (None, True, 0, 0.0, 0j, "", b"", ..., NotImplemented)))
HOLDERS = dict, list, tuple, set, frozenset
ABSENT = object()
HOMES = (sysconfig.get_path("stdlib"), *(os.path.dirname(m.__file__ or "") for m in (jax, np, optax)))
HOMES = ("<frozen", *(home + os.sep for home in (*HOMES, str(Path(__file__).parents[1]))))
UNREAD = frozenset(("__doc__", "__firstlineno__", "__static_attributes__", "__qualname__"))
ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "IMPORT_FROM"))
WRAPPERS = staticmethod, classmethod, property, functools.cached_property
FRESH = itertools.count()
ARRAYS: dict[int, tuple[weakref.ref, str]] = {}


def reads(function: Any) -> dict[str, Any]:
    """What a function reads, by name: its code, defaults, closure, globals and `self`, and those of its helpers.

    What ``exec``, ``globals()`` and files give is not seen. Libraries (what is installed, and this one) stand as names.

    Args:
        function: a function, method, partial, class, callable object or `Trial`.

    Returns:
        Values by name, the function's own before its helpers'; a helper stands as its own name.

    Example:
        >>> WIDTH = 8
        >>> def trial(lr, depth=2):
        ...     return [WIDTH] * depth
        >>> found = reads(trial)
        >>> found.pop("the code of trial").co_name, found
        ('trial', {'the default of depth in trial': 2, 'the global WIDTH of trial': 8})
    """
    found: dict[str, Any] = {}
    first = _entry(function)
    queue, seen = deque([first]), [first]
    while queue:
        for phrase, value in _parts(queue.popleft()) or [("the function", function)]:
            if isinstance(value, _Known) and not value.name:
                continue
            if not isinstance(value, Trial) and _name(value) is None and _parts(value) is not None:
                if not any(value is other for other in seen):
                    queue.append(value)
                    seen.append(value)
                value = _label(value)
            name = next(n for i in itertools.count(1) if (n := phrase if i == 1 else f"{phrase} ({i})") not in found)
            found[name] = value
    return found


def key_of(function: Any) -> Hashable:
    """A key for this process: functions of equal keys may share a compiled program.

    What cannot be compared, such as a generator or a lock, makes a key that equals no other.

    Args:
        function: as for `reads`.

    Returns:
        A key of all values as they are now, which keeps alive what it knows by address.

    Example:
        >>> def make(width):
        ...     return lambda lr: [width]
        >>> key_of(make(8)) == key_of(make(8)), key_of(make(8)) == key_of(make(16))
        (True, False)
    """
    walk = _Walk(here=True)
    return _Key(walk.text(_entry(function)), tuple(walk.kept))


def digests(function: Any) -> dict[str, str]:
    """A short text for each value that a function reads, the same in every process of one Python version.

    Args:
        function: as for `reads`.

    Returns:
        Digests by name, for JSON. What cannot be compared has the name of its type instead.

    Example:
        >>> WIDTH = 8
        >>> sorted(digests(lambda lr: WIDTH))
        ['the code of <lambda>', 'the global WIDTH of <lambda>']
    """
    texts = {name: _Walk(here=False).text(value) for name, value in reads(function).items()}
    return {name: text if text.startswith("a ") else _short(text) for name, text in texts.items()}


def first_difference(old: dict[str, str], new: dict[str, str]) -> str | None:
    """What has changed between two digests, in words; None if nothing has.

    Example:
        >>> first_difference({"the global WIDTH of trial": "5f"}, {"the global WIDTH of trial": "60"})
        'the global WIDTH of trial has changed'
    """
    for name in (*new, *old):
        if old.get(name) != new.get(name):
            return f"{name} {'is new' if name not in old else 'has gone' if name not in new else 'has changed'}"
    return None


@dataclasses.dataclass(frozen=True)
class _Key:
    digest: str
    kept: tuple = dataclasses.field(compare=False, repr=False)


class _Known(NamedTuple):
    """What is not walked: a name, and objects that count by address in this process."""

    name: str
    objects: tuple = ()


class _Code(NamedTuple):
    """What a code object does, the names it loads, and the variables of which it reads more than attributes."""

    text: str
    globals: tuple[str, ...]
    names: tuple[str, ...]
    imports: tuple[str, ...]
    whole: frozenset[str]


@functools.lru_cache(maxsize=4096)
def _analyse(code: CodeType) -> _Code:
    """The analysis of a code object and those within, without places, docstrings and the numbers of constants."""
    walk, shape, read, names, imports, whole = _Walk(here=False), [], [], [], [], set()
    steps = list(dis.get_instructions(code))
    for i, step in enumerate(steps):
        argument, after = step.argval, steps[i + 1] if i + 1 < len(steps) else step
        if step.opcode in dis.hasconst:
            if after.opname == "STORE_NAME" and after.argval in UNREAD:
                continue
            if isinstance(argument, CodeType):
                inner = _analyse(argument)
                read, names, imports = read + [*inner.globals], names + [*inner.names], imports + [*inner.imports]
                whole |= inner.whole
            shape.append((step.opname, walk.text(argument)))
            continue
        shape.append((step.opname, step.arg))
        if step.opcode in dis.hasname and not step.opname.startswith(("STORE", "DELETE")):
            names.append(argument)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            read.append(argument)
        elif step.opname == "IMPORT_NAME":
            imports.append("." * steps[i - 2].argval + argument)
        elif step.opname.startswith(("LOAD_FAST", "LOAD_CLOSURE")) and argument in code.co_cellvars + code.co_freevars:
            continue  # handed to a function within, which is looked into itself
        loaded = argument if isinstance(argument, tuple) else (argument,)
        if "LOAD" in step.opname:
            whole.update(loaded[:-1] if after.opname in ATTRIBUTES else loaded)
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFFFFFF
    tables = code.co_varnames, code.co_names, code.co_freevars, code.co_cellvars, code.co_exceptiontable
    unique = (tuple(dict.fromkeys(found)) for found in (read, names, imports))
    return _Code(_short(repr((code.co_name, counts, tables, shape))), *unique, frozenset(whole))


class _Walk:
    """Values as text: the same for equal values, in this process if ``here``, else in every one."""

    def __init__(self, here: bool):
        self.here, self.left, self.path, self.kept = here, LIMIT, [], []
        self.texts: dict[int, tuple[Any, str]] = {}

    def text(self, value: Any) -> str:
        kind = type(value)
        if kind in PLAIN:
            return f"int {value:x}" if kind is int else f"{kind.__name__} {value!r}"
        if id(value) in self.texts:
            return self.texts[id(value)][1]
        if id(value) in self.path:
            return f"loop {self.path[::-1].index(id(value))}"
        self.left -= 1
        if self.left < 0 or len(self.path) > DEPTH:
            return self.unlike(kind)
        self.path.append(id(value))
        try:
            text = self.form(value, kind)
        except Exception:  # of a foreign object: what cannot be read cannot be compared
            text = self.unlike(kind)
        finally:
            self.path.pop()
        text = text if text.startswith("a ") else _short(text)
        self.texts[id(value)] = value, text  # the value is kept, so that its address is not used again
        return text

    def unlike(self, kind: type) -> str:
        return f"a {kind.__qualname__}{f' {next(FRESH)}' if self.here else ''}"

    def pairs(self, head: str, pairs: Iterable[tuple[str, Any]]) -> str:
        return f"{head} {[(name, self.text(value)) for name, value in pairs]}"

    def form(self, value: Any, kind: type) -> str:
        if isinstance(value, CodeType):
            return _analyse(value).text
        if isinstance(value, ModuleType):
            return f"module {value.__name__}"
        if isinstance(value, Trial) and self.here:
            value = _Known("Trial", (value,))
        elif (name := _name(value)) is not None:
            value = _Known(name, (value,))
        if isinstance(value, _Known):
            self.kept += value.objects
            return f"{value.name} {[id(o) for o in value.objects] if self.here else ''}"
        if isinstance(value, Tracer) or hasattr(kind, "__next__"):
            return self.unlike(kind)
        if (parts := _parts(value)) is not None:
            return self.pairs(kind.__name__, parts)
        if kind in HOLDERS:
            return f"{kind.__name__} {self.items(value)}"
        if isinstance(value, (jax.Array, np.generic)) or kind is np.ndarray:
            return self.array(value)
        if isinstance(value, (Enum, np.dtype)):
            return f"{kind.__module__}.{kind.__qualname__} {value!r}"
        if isinstance(value, MappingProxyType):
            return f"mapping {self.items(dict(value))}"
        head, library = self.text(kind), _library(kind.__module__)
        if dataclasses.is_dataclass(value):
            fields = ((f.name, getattr(value, f.name), f.default) for f in dataclasses.fields(value))
            # A library's default is left out, so that a field that its next version adds changes nothing.
            return self.pairs(head, ((n, v) for n, v, default in fields if not (library and _same(v, default))))
        base = next((b for b in (*HOLDERS, str, bytes, int, float) if isinstance(value, b)), None)
        if (library or not hasattr(value, "__dict__")) and base not in (tuple, set, frozenset):
            reduced = copyreg.dispatch_table.get(kind, lambda v: v.__reduce_ex__(2))(value)
            parts = [reduced] if isinstance(reduced, str) else reduced
            return self.pairs(head, (("", list(p) if hasattr(p, "__next__") else p) for p in parts))
        return self.pairs(head, [("", base and base(value)), *sorted(_state(value).items())])

    def items(self, values: Any) -> list:
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

    def array(self, value: Any) -> str:
        address, frozen = id(value), isinstance(value, jax.Array)
        if frozen and address in ARRAYS and ARRAYS[address][0]() is value:
            return ARRAYS[address][1]
        head, data = f"{type(value).__name__} {value.dtype} {getattr(value, 'weak_type', '')}", value
        if frozen and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
            head, data = f"key {jax.random.key_impl(value)}", jax.random.key_data(value)
        data = np.asarray(data)
        if data.dtype.hasobject:
            return f"{head} {data.shape} {self.text(data.tolist())}"
        text = f"{head} {data.shape} {hashlib.sha256(data.tobytes()).hexdigest()}"
        if frozen:
            ARRAYS[address] = weakref.ref(value, lambda _: ARRAYS.pop(address, None)), text
        return text


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a function, method, partial, wrapper, class or `Trial` consists of, by name; None for another value."""
    if isinstance(value, FunctionType):
        return _of_function(value, _label(value))
    if isinstance(value, MethodType):
        return _of_method(value, _label(value))
    if isinstance(value, functools.partial):
        given, label = [*enumerate(value.args), *sorted(value.keywords.items())], _label(value)
        return [(f"the function in {label}", value.func), *((f"the partial's {n} in {label}", v) for n, v in given)]
    if isinstance(value, Trial):
        return [(f"the {f.name} of the trial", getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, type):
        own = dict(vars(value)) | ({m.name: m.value for m in value} if issubclass(value, Enum) else {})
        made = {n: v for n, v in own.items() if not n.startswith("_") or isinstance(v, (FunctionType, *WRAPPERS))}
        private = {n: v for n, v in own.items() if n not in made and n[:2] != "__" and not issubclass(value, Enum)}
        return [
            *((f"the base {b.__name__} of {_label(value)}", b) for b in value.__bases__ if b is not object),
            *(
                (f"{_label(value)}.{n}", v)
                for n, v in (made | private).items()
                if n not in ("__annotate__", "_abc_impl")
            ),
        ]
    if isinstance(value, WRAPPERS):
        inner = ((name, getattr(value, name, None)) for name in ("fget", "fset", "fdel", "__func__", "func"))
        return [(f"the {name} of {_label(v)}", v) for name, v in inner if v is not None]
    if callable(value) and _library(type(value).__module__) and hasattr(value, "__wrapped__"):
        label, state = _label(value), {n: v for n, v in _state(value).items() if not n.startswith("_")}
        return [(f"the function in {label}", value.__wrapped__), *((f"{label}.{n}", v) for n, v in state.items())]
    return None


def _of_function(function: FunctionType, label: str) -> list[tuple[str, Any]]:
    code, scope, library = function.__code__, function.__globals__, _installed(function.__code__.co_filename)
    last = zip(code.co_varnames[: code.co_argcount][::-1], (function.__defaults__ or ())[::-1], strict=False)
    cells = zip(code.co_freevars, function.__closure__ or (), strict=False)
    place = _Known(f"{scope.get('__name__')}.{code.co_qualname}", (code,))
    found = [
        (f"the code of {label}", place if library else code),
        *((f"the default of {n} in {label}", v) for n, v in (dict(last) | (function.__kwdefaults__ or {})).items()),
        *((f"the closure's {n} in {label}", _content(cell)) for n, cell in cells),
    ]
    if library:
        return found
    read, known, seen = _analyse(code), [], set()

    def look(path: str, module: ModuleType) -> None:
        seen.add(module)
        inside, library = vars(module), _library(module.__name__)
        names = dict.fromkeys(read.names)
        if not library and path.rpartition(".")[2] in read.whole:
            names |= {n: None for n, v in inside.items() if n[:2] != "__" and not callable(v)}
        for name in names:
            value = inside.get(name, ABSENT)
            if isinstance(value, ModuleType):
                if value not in seen and name in read.names:
                    look(f"{path}.{name}", value)
            elif value is not ABSENT:
                known.append(value) if library else found.append((f"{path}.{name} in {label}", value))

    for name in read.globals:
        value = scope.get(name, ABSENT)
        if isinstance(value, ModuleType):
            look(name, value)
        elif value is not ABSENT or not hasattr(builtins, name):
            found.append((f"the global {name} of {label}", _Known("missing") if value is ABSENT else value))
    for name in read.imports:
        with contextlib.suppress(Exception):  # the trial itself will say so
            look(name, importlib.import_module(name, scope.get("__package__")))
    found += [(f"{label}.{n}", v) for n, v in vars(function).items() if n != "__wrapped__"]
    return [*found, (f"the libraries of {label}", _Known("", tuple(known)))]


def _of_method(method: MethodType, label: str) -> list[tuple[str, Any]]:
    owner, function = method.__self__, method.__func__
    if isinstance(owner, type) or not isinstance(function, FunctionType) or _installed(function.__code__.co_filename):
        return [(f"the function of {label}", function), (f"self in {label}", owner)]
    state, found, queue, whole = _state(owner), {}, deque([function]), hasattr(type(owner), "__getattr__")
    while queue:
        code = queue.popleft().__code__
        whole = whole or not code.co_argcount or code.co_varnames[0] in _analyse(code).whole
        for name in _analyse(code).names:
            value = next((vars(c)[name] for c in type(owner).__mro__ if name in vars(c)), ABSENT)
            if name in found or (value is ABSENT and name not in state):
                continue
            computed = isinstance(value, (property, functools.cached_property))
            found[name] = value = state[name] if name in state and not computed else value
            if name in state and not computed:
                continue
            inner = [value] if isinstance(value, FunctionType) else [v for _, v in _parts(value) or ()]
            queue += [f for f in inner if isinstance(f, FunctionType) and not _installed(f.__code__.co_filename)]
            whole = whole or (not inner and hasattr(type(value), "__get__"))
    rest = {**state, **found, "": owner} if whole else found
    named = ((f"self.{n} in {label}" if n else f"self in {label}", v) for n, v in rest.items())
    return [*_of_function(function, label), *named]


def _entry(function: Any) -> Any:
    """``function``; of an object that is called, its bound ``__call__``."""
    call = vars(type(function)).get("__call__")
    return MethodType(call, function) if isinstance(call, FunctionType) and _parts(function) is None else function


def _state(value: Any) -> dict[str, Any]:
    """The attributes of an object, in its ``__dict__`` and in slots."""
    state: Any = object.__getstate__(value)
    return {n: v for part in (state if isinstance(state, tuple) else (state,)) for n, v in (part or {}).items()}


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _Known("empty")


def _label(value: Any) -> str:
    value = value.func if isinstance(value, functools.partial) else value
    return getattr(value, "__qualname__", type(value).__qualname__).rpartition("<locals>.")[2]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and type(value) in PLAIN and repr(value) == repr(default)


def _name(value: Any) -> str | None:
    """Where a library holds this very object, or None."""
    if isinstance(value, type) and not value.__flags__ & 1 << 9:  # written in C, once and for all
        return f"{value.__module__}.{value.__qualname__}"
    module = getattr(value, "__module__", None) if _library(type(value).__module__) else None
    path = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if not isinstance(module, str) or not isinstance(path, str) or not _library(module):
        return None
    found: Any = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return f"{module}.{path}" if found is value else None


def _library(module: str) -> bool:
    name = module.partition(".")[0]
    top = sys.modules.get(name) if name != "__main__" else None
    file = getattr(top, "__file__", None) or next(iter(getattr(top, "__path__", ())), None)
    return _installed(file + os.sep) if file else top is not None and name in sys.stdlib_module_names


@functools.lru_cache(maxsize=4096)
def _installed(file: str) -> bool:
    return file.startswith(HOMES) or not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
