"""Specs as JSON and back, building nothing but registered spec classes."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
from jax.core import Tracer

from jaxnn.core.checks import is_concrete
from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS, name_of

FUNCTIONS = ACTIVATIONS | INITIALIZERS


def to_json(spec: Any) -> str:
    """Write a spec as JSON text.

    Args:
        spec: a layer or model whose leaves are concrete numbers.

    Returns:
        Text that `from_json` turns into an equal spec.

    Raises:
        ValueError: for a foreign function or a traced number, with its path in the spec.

    Example:
        >>> import jaxnn as nn
        >>> to_json(nn.Dropout(0.5))
        '{"class": "Dropout", "rate": 0.5}'
    """
    return json.dumps(_encode(spec, type(spec).__name__))


def from_json(text: str) -> Any:
    """Build the spec that `to_json` wrote.

    Raises:
        ValueError: if the text is no JSON, names an unknown layer or field, or a field's value is refused.

    Example:
        >>> from_json('{"class": "Dense", "units": 3}')
        Dense(units=3)
    """
    try:
        tree = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"this is no JSON of a model ({error}); write it with nn.to_json(model)") from None
    try:
        spec = _decode(tree, "")
    except RecursionError:
        raise ValueError("this JSON is too deep for a model; write it with nn.to_json(model)") from None
    if not is_spec(spec):
        raise ValueError(f"this is JSON, but of no model ({text[:40]!r}); write it with nn.to_json(model)")
    return spec


def _encode(value: Any, path: str) -> Any:
    if is_spec(value):
        fields = {
            f.name: _encode(item, f"{path}.{f.name}")
            for f in dataclasses.fields(value)
            if not (type(item := getattr(value, f.name)) is type(f.default) and item == f.default)
        }
        return {"class": type(value).__name__, **fields}
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, (tuple, list)):
        return [_encode(item, f"{path}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encode(item, f"{path}[{key!r}]") for key, item in value.items()}}
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if callable(value):
        name = name_of(value)
        if name is None:
            raise ValueError(
                f"{path} is the function {getattr(value, '__name__', value)!r}, which JSON cannot hold; "
                'use a name, as in Dense(3, activation="relu")'
            )
        return {"function": name}
    array = np.empty(0) if isinstance(value, Tracer) else np.asarray(value)
    if array.ndim == 0 and array.dtype.kind in "fiub":
        return _encode(array.item(), path)
    raise ValueError(f"{path} is {value!r}, which JSON cannot hold; write the spec outside of jit, with plain numbers")


def _decode(value: Any, path: str) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, f"{path}[{i}]") for i, item in enumerate(value))
    if not isinstance(value, dict):
        return value
    ((kind, inner), *others) = value.items() or [("", "")]
    if not others and kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if not others and kind == "function" and isinstance(inner, str) and inner in FUNCTIONS:
        return FUNCTIONS[inner]
    if not others and kind == "dict" and isinstance(inner, dict):
        return {key: _decode(item, f"{path}[{key!r}]") for key, item in inner.items()}
    name = value.get("class")
    cls = REGISTRY.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(f"{path or 'the model'}: no layer is named {name!r}; import the module that defines it first")
    path = f"{path}.{name}" if path else str(name)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = set(value) - set(fields) - {"class"}
    if unknown:
        raise ValueError(f"{path} has no field {sorted(unknown)[0]!r}; its fields are {', '.join(fields)}")
    arguments = {key: _decode(item, f"{path}.{key}") for key, item in value.items() if key != "class"}
    for key, item in arguments.items():
        _check(fields[key].metadata, item, f"{path}.{key}")
    try:
        return cls(**arguments)
    except Exception as error:
        raise ValueError(f"{path} cannot be built: {error}") from None


def _check(kind: Any, value: Any, path: str) -> None:
    """Raise unless a child is a spec, or a tuple or dict of specs, and a hyperparameter a number."""
    if kind.get("child"):
        parts = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        if not all(is_spec(part) or part is None for part in parts):
            raise ValueError(f"{path} must hold layers, got {value!r}")
    elif kind.get("leaf") and value is not None and not is_concrete(value):
        raise ValueError(f"{path} must be a number, got {value!r}")
