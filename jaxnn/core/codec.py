"""Specs as JSON and back, building nothing but registered spec classes."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jax.core import Tracer

from jaxnn.core.checks import is_concrete
from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS, name_of
from jaxnn.core.parsed import parse

FUNCTIONS = ACTIVATIONS | INITIALIZERS


class UnknownSpec(ValueError):
    """JSON names a class that nobody has defined in this process."""


def to_json(spec: Any, modules: dict[str, Any] | None = None) -> str:
    """Write a spec as JSON text.

    Args:
        spec: a layer or model whose leaves are concrete numbers.
        modules: a dict to be filled with what no text holds, such as the modules of Flax, by the names that stand in
            their place; None refuses them.

    Returns:
        Text that `from_json` turns into an equal spec.

    Raises:
        ValueError: for a foreign function or a traced number, with its path in the spec.

    Example:
        >>> import jaxnn as nn
        >>> to_json(nn.Dropout(0.5))
        '{"class": "Dropout", "rate": 0.5}'
    """
    return json.dumps(_encode(spec, type(spec).__name__, modules))


def from_json(text: str, specs: Iterable[type] = (), modules: Mapping[str, Any] | None = None) -> Any:
    """Build the spec that `to_json` wrote.

    Args:
        text: the JSON.
        specs: classes of one's own, beside those that are defined in this process.
        modules: what stands outside of the text, by name.

    Raises:
        ValueError: if the text is no JSON, names an unknown layer or field, or a field's value is refused.

    Example:
        >>> from_json('{"class": "Dense", "units": 3}')
        Dense(units=3)
    """
    try:
        tree = parse(text)
    except ValueError as error:
        raise ValueError(f"this is no JSON of a model ({error}); write it with nn.to_json(model)") from None
    try:
        spec = _decode(tree, "", _Given({cls.__name__: cls for cls in specs}, modules or {}))
    except RecursionError:
        raise ValueError("this JSON is too deep for a model; write it with nn.to_json(model)") from None
    if not is_spec(spec):
        raise ValueError(f"this is JSON, but of no model ({text[:40]!r}); write it with nn.to_json(model)")
    return spec


class _Given(NamedTuple):
    specs: Mapping[str, type]
    modules: Mapping[str, Any]


def _encode(value: Any, path: str, modules: dict[str, Any] | None) -> Any:
    if is_spec(value):
        return _encode_spec(value, path, modules)
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, (tuple, list)):
        return [_encode(item, f"{path}[{i}]", modules) for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(item, f"{path}[{key!r}]", modules) for key, item in value.items()}}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if callable(value):
        name = name_of(value)
        if name is None:
            raise ValueError(
                f"{path} is the function {getattr(value, '__name__', value)!r}, which JSON cannot hold; "
                'use a name, as in Dense(3, activation="relu"), or a layer of your own, a class with @nn.spec'
            )
        return {"function": name}
    array = np.empty(0) if isinstance(value, Tracer) else np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "fiub":
        return _encode(array.item(), path, modules)
    raise ValueError(f"{path} is {value!r}, which JSON cannot hold; write the spec outside of jit, with plain numbers")


def _encode_spec(value: Any, path: str, modules: dict[str, Any] | None) -> dict[str, Any]:
    made = {"class": type(value).__name__}
    for f in dataclasses.fields(value):
        item = getattr(value, f.name)
        if f.metadata.get("outside"):
            _outside(value.name, item, path, modules)
        elif not (type(item) is type(f.default) and item == f.default):
            made[f.name] = _encode(item, f"{path}.{f.name}", modules)
    return made


def _outside(name: str, item: Any, path: str, modules: dict[str, Any] | None) -> None:
    """Put what no text holds beside it, under its name."""
    if modules is None:
        raise ValueError(f"{path} is the module {name!r}, which JSON cannot hold; run.save(path) writes its weights")
    if modules.setdefault(name, item) != item:
        raise ValueError(f"{path} is a second module called {name!r}; write from_linen(module, name='...') or from_nnx")


def _decode(value: Any, path: str, given: _Given) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, f"{path}[{i}]", given) for i, item in enumerate(value))
    if not isinstance(value, dict):
        return value
    ((kind, inner), *others) = value.items() or [("", "")]
    if not others and kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if not others and kind == "function" and isinstance(inner, str) and inner in FUNCTIONS:
        return FUNCTIONS[inner]
    if not others and kind == "dict" and isinstance(inner, dict):
        return {key: _decode(item, f"{path}[{key!r}]", given) for key, item in inner.items()}
    return _decode_spec(value, path, given)


def _decode_spec(value: dict[str, Any], path: str, given: _Given) -> Any:
    name = value.get("class")
    cls = given.specs.get(name) or REGISTRY.get(name) if isinstance(name, str) else None
    if cls is None:
        raise UnknownSpec(
            f"{path or 'the model'}: no layer is named {name!r}; import the module that defines it first, "
            f"or give the class, as in nn.load(path, specs=[{name if isinstance(name, str) else 'MyLayer'}])"
        )
    path = f"{path}.{name}" if path else str(name)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = set(value) - set(fields) - {"class"}
    if unknown:
        raise ValueError(f"{path} has no field {sorted(unknown)[0]!r}; its fields are {', '.join(fields)}")
    arguments = {key: _decode(item, f"{path}.{key}", given) for key, item in value.items() if key != "class"}
    for key, item in arguments.items():
        _check(fields[key].metadata, item, f"{path}.{key}")
    for key in [key for key, f in fields.items() if f.metadata.get("outside")]:
        arguments[key] = _from_outside(cls, key, arguments.get("name"), path, given.modules)
    try:
        return cls(**arguments)
    except Exception as error:
        raise ValueError(f"{path} cannot be built: {error}") from None


def _from_outside(cls: type, field: str, name: Any, path: str, modules: Mapping[str, Any]) -> Any:
    if name not in modules:
        known = f"; modules= holds {', '.join(map(repr, modules))}" if modules else ""
        raise ValueError(f"{path} is the module {name!r}, which no file holds{known}; "
                         f"write nn.load(path, modules={{{name!r}: module}})")  # fmt: skip
    found = modules[name]
    return getattr(found, field) if isinstance(found, cls) else found


def _check(kind: Any, value: Any, path: str) -> None:
    """Raise unless a child is a spec, or a tuple or dict of specs, and a hyperparameter a number."""
    if kind.get("child"):
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        if not all(is_spec(part) or part is None for part in parts):
            raise ValueError(f"{path} must hold layers, got {value!r}")
    elif kind.get("leaf") and value is not None and not is_concrete(value):
        raise ValueError(f"{path} must be a number, got {value!r}")
