"""Specs as JSON and back, building nothing but registered spec classes."""

import dataclasses
import json
import math
from typing import Any

import numpy as np

from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.core.names import name_of


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
        return _decode(json.loads(text), "")
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"this is no JSON of a model ({error}); write it with nn.to_json(model)") from None


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
    if isinstance(value, dict):
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
        return name
    try:
        return np.asarray(value).tolist()
    except Exception:
        raise ValueError(f"{path} is {value!r}, not a concrete number; write the spec outside of jit") from None


def _decode(value: Any, path: str) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, f"{path}[{i}]") for i, item in enumerate(value))
    if not isinstance(value, dict):
        return value
    if set(value) == {"float"}:
        return float(value["float"])
    if set(value) == {"dict"} and isinstance(value["dict"], dict):
        return {key: _decode(item, f"{path}[{key!r}]") for key, item in value["dict"].items()}
    name = value.get("class")
    cls = REGISTRY.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(f"{path or 'the model'}: no layer is named {name!r}; import the module that defines it first")
    path = f"{path}.{name}" if path else str(name)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = set(value) - set(fields) - {"class"}
    if unknown:
        raise ValueError(f"{path} has no field {sorted(unknown)[0]!r}; its fields are {', '.join(fields)}")
    try:
        return cls(**{key: _decode(item, f"{path}.{key}") for key, item in value.items() if key != "class"})
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be built: {error}") from None
