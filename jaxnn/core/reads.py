"""What a trial reads besides its arguments: a key for compiled programs, and digests that name what has changed."""

import builtins
import contextlib
import dataclasses
import dis
import functools
import importlib
import itertools
from collections import deque
from collections.abc import Hashable
from enum import Enum
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

from jaxnn.core.texts import Known, Walk, installed, is_trial, library, name_of, short, state_of

UNREAD = frozenset(("__doc__", "__firstlineno__", "__static_attributes__", "__qualname__"))
ATTRIBUTES = frozenset(("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR", "DELETE_ATTR", "IMPORT_FROM"))
WRAPPERS = staticmethod, classmethod, property, functools.cached_property
METHODS = FunctionType, *WRAPPERS
MADE = frozenset(("_abc_impl", "__annotate__", "__annotate_func__"))
ABSENT = object()


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
            if isinstance(value, Known) and not value.name:
                continue
            if (
                not (isinstance(value, CodeType) or is_trial(value))
                and name_of(value) is None
                and _parts(value) is not None
            ):
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
    walk = Walk(_parts, here=True)
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
    texts = {name: Walk(_parts).text(value) for name, value in reads(function).items()}
    return {name: text if text.startswith("a ") else short(text) for name, text in texts.items()}


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


class _Code(NamedTuple):
    """What a code object does, the names it loads, variables read whole, not by attributes alone, and those rebound."""

    text: str
    globals: tuple[str, ...]
    names: tuple[str, ...]
    imports: tuple[str, ...]
    whole: frozenset[str]
    rebound: frozenset[str]


@functools.lru_cache(maxsize=4096)
def _analyse(code: CodeType) -> _Code:
    """The analysis of a code object and those within, without places, docstrings and the numbers of constants."""
    walk, shape, read, names, imports, whole = Walk(_parts), [], [], [], [], set()
    steps = list(dis.get_instructions(code))
    for i, step in enumerate(steps):
        argument, after = step.argval, steps[i + 1] if i + 1 < len(steps) else step
        if step.opcode in dis.hasconst or step.opname == "KW_NAMES":
            argument = code.co_consts[step.arg or 0]
            if after.opname == "STORE_NAME" and after.argval in UNREAD:
                continue
            if isinstance(argument, CodeType):
                inner = _analyse(argument)
                read, names, imports = [*read, *inner.globals], [*names, *inner.names], [*imports, *inner.imports]
                whole |= inner.whole
            shape.append((step.opname, walk.text(argument)))
            continue
        shape.append((step.opname, step.arg))
        if step.opcode in dis.hasname and not step.opname.startswith(("STORE", "DELETE")):
            names.append(argument)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"):
            read.append(argument)
        elif step.opname == "IMPORT_NAME":
            level = steps[i - 2].argval
            imports.append("." * (level if isinstance(level, int) else 0) + argument)
        elif step.opname.startswith(("LOAD_FAST", "LOAD_CLOSURE")) and argument in code.co_cellvars + code.co_freevars:
            continue  # handed to a function within, which is looked into itself
        loaded = argument if isinstance(argument, tuple) else (argument,)
        if "LOAD" in step.opname:
            whole.update(loaded[:-1] if after.opname in ATTRIBUTES else loaded)
    rebound = frozenset(step.argval for step in steps if step.opname == "STORE_DEREF")
    counts = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & 0xFFFFFF
    tables = code.co_varnames, code.co_names, code.co_freevars, code.co_cellvars, code.co_exceptiontable
    read, names, imports = (tuple(dict.fromkeys(found)) for found in (read, names, imports))
    return _Code(short(repr((code.co_name, counts, tables, shape))), read, names, imports, frozenset(whole), rebound)


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """What a function, method, partial, wrapper, class or `Trial` consists of, by name; None for another value."""
    if isinstance(value, CodeType):
        return [("", _analyse(value).text)]
    if isinstance(value, FunctionType):
        return _of_function(value, _label(value))
    if isinstance(value, MethodType):
        return _of_method(value, _label(value))
    if isinstance(value, functools.partial):
        given, label = [*enumerate(value.args), *sorted(value.keywords.items())], _label(value)
        return [(f"the function in {label}", value.func), *((f"the partial's {n} in {label}", v) for n, v in given)]
    if is_trial(value):
        return [(f"the {f.name} of the trial", getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, type):
        members, label = ({m.name: m.value for m in value} if issubclass(value, Enum) else {}), _label(value)
        own = {n: v for n, v in vars(value).items() if isinstance(v, METHODS) or not (members or n.startswith("__"))}
        own = {n: v for n, v in (own | members).items() if n not in MADE}
        bases = ((f"the base {base.__name__} of {label}", base) for base in value.__bases__ if base is not object)
        return [*bases, *((f"{label}.{name}", v) for name, v in own.items())]
    if isinstance(value, WRAPPERS):
        inner = ((name, getattr(value, name, None)) for name in ("fget", "fset", "fdel", "__func__", "func"))
        return [(f"the {name} of {_label(v)}", v) for name, v in inner if v is not None]
    if callable(value) and library(type(value).__module__) and hasattr(value, "__wrapped__"):
        label, state = _label(value), {n: v for n, v in state_of(value).items() if not n.startswith("_")}
        return [(f"the function in {label}", value.__wrapped__), *((f"{label}.{n}", v) for n, v in state.items())]
    return None


def _of_function(function: FunctionType, label: str) -> list[tuple[str, Any]]:
    code, scope, foreign = function.__code__, function.__globals__, installed(function.__code__.co_filename)
    last = zip(code.co_varnames[: code.co_argcount][::-1], (function.__defaults__ or ())[::-1], strict=False)
    cells = zip(code.co_freevars, function.__closure__ or (), strict=False)
    rebound = _analyse(code).rebound if foreign else ()
    place = Known(f"{scope.get('__name__')}.{code.co_qualname}", (code,))
    found = [
        (f"the code of {label}", place if foreign else code),
        *((f"the default of {n} in {label}", v) for n, v in (dict(last) | (function.__kwdefaults__ or {})).items()),
        *((f"the closure's {n} in {label}", _content(cell, n in rebound)) for n, cell in cells),
    ]
    if foreign:
        return found
    read, known, seen = _analyse(code), [], set()

    def look(path: str, module: ModuleType) -> None:
        seen.add(module)
        inside, foreign = vars(module), library(module.__name__)
        names = dict.fromkeys(read.names)
        if not foreign and path.rpartition(".")[2] in read.whole:
            names |= {n: None for n, v in inside.items() if n[:2] != "__" and not callable(v)}
        for name in names:
            value = inside.get(name, ABSENT)
            if isinstance(value, ModuleType):
                if value not in seen and name in read.names:
                    look(f"{path}.{name}", value)
            elif value is not ABSENT:
                known.append(value) if foreign else found.append((f"{path}.{name} in {label}", value))

    for name in read.globals:
        value = scope.get(name, ABSENT)
        if isinstance(value, ModuleType):
            look(name, value)
        elif value is not ABSENT or not hasattr(builtins, name):
            found.append((f"the global {name} of {label}", Known("missing") if value is ABSENT else value))
    for name in read.imports:
        with contextlib.suppress(Exception):  # the trial itself will say so
            look(name, importlib.import_module(name, scope.get("__package__")))
    found += [(f"{label}.{n}", v) for n, v in vars(function).items() if n != "__wrapped__"]
    return [*found, (f"the libraries of {label}", Known("", tuple(known)))]


def _of_method(method: MethodType, label: str) -> list[tuple[str, Any]]:
    owner, function = method.__self__, method.__func__
    if isinstance(owner, type) or not isinstance(function, FunctionType) or installed(function.__code__.co_filename):
        return [(f"the function of {label}", function), (f"self in {label}", owner)]
    state, found, queue, whole = state_of(owner), {}, deque([function]), hasattr(type(owner), "__getattr__")
    while queue:
        code = queue.popleft().__code__
        read = _analyse(code)
        whole = whole or not code.co_argcount or code.co_varnames[0] in read.whole or "super" in read.globals
        for name in read.names:
            value = next((vars(c)[name] for c in type(owner).__mro__ if name in vars(c)), ABSENT)
            if name in found or (value is ABSENT and name not in state):
                continue
            computed = isinstance(value, (property, functools.cached_property))
            found[name] = value = state[name] if name in state and not computed else value
            if name in state and not computed:
                continue
            inner = [value] if isinstance(value, FunctionType) else [v for _, v in _parts(value) or ()]
            queue += [f for f in inner if isinstance(f, FunctionType) and not installed(f.__code__.co_filename)]
            whole = whole or (not inner and hasattr(type(value), "__get__"))
    rest = {**state, **found, "": owner} if whole else found
    named = ((f"self.{n} in {label}" if n else f"self in {label}", v) for n, v in rest.items())
    return [*_of_function(function, label), *named]


def _entry(function: Any) -> Any:
    """``function``; of an object that is called, its bound ``__call__``."""
    call = next((vars(c)["__call__"] for c in type(function).__mro__ if "__call__" in vars(c)), None)
    return MethodType(call, function) if isinstance(call, FunctionType) and _parts(function) is None else function


def _content(cell: Any, rebound: bool) -> Any:
    """What a cell of a closure holds; Optax's schedules turn their whole numbers into floats when first called."""
    try:
        value = cell.cell_contents
    except ValueError:
        return Known("empty")
    return float(value) if rebound and type(value) is int else value


def _label(value: Any) -> str:
    value = value.func if isinstance(value, functools.partial) else value
    return getattr(value, "__qualname__", type(value).__qualname__).rpartition("<locals>.")[2]
