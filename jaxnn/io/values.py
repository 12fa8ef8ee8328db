"""Hyperparameters as JSON and back: numbers, text, tuples, specs, `traced` and named functions."""

import math
from typing import Any

import numpy as np

from jaxnn.core.codec import from_json, to_json
from jaxnn.core.layer import is_spec
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS, name_of
from jaxnn.train.hyper import traced


def encode(value: Any) -> Any:
    """A value as JSON holds it; what JSON cannot hold stands as its words, to be compared and shown.

    Example:
        >>> encode((8, 8)), encode(traced(3))
        ({'tuple': [8, 8]}, {'traced': 3})
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, traced):
        return {"traced": encode(value.values)}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(v) for key, v in value.items()}}
    if is_spec(value):
        return _spec(value)
    if callable(value):
        return {"function": name_of(value) or getattr(value, "__qualname__", type(value).__name__)}
    if isinstance(value, np.generic):
        return encode(value.item())
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        array = np.asarray(value)
        return {"array": array.tolist(), "dtype": str(array.dtype)}
    return {"words": repr(value)}


def _spec(value: Any) -> Any:
    try:
        return {"spec": to_json(value)}
    except ValueError:
        return {"words": repr(value)}


def decode(value: Any) -> Any:
    """The value that `encode` wrote; functions without a name in the library, and words, come back as text.

    Raises:
        ValueError: for what `encode` does not write.

    Example:
        >>> decode(encode((8, 0.5)))
        (8, 0.5)
    """
    if not isinstance(value, dict):
        return value
    kind = str(next(iter(value), None))
    inner: Any = value.get(kind)
    if kind == "float":
        return float(inner)
    if kind == "tuple":
        return tuple(map(decode, inner))
    if kind == "traced":
        return traced(decode(inner))
    if kind == "dict":
        return {str(key): decode(v) for key, v in inner.items()}
    if kind == "spec":
        return from_json(inner)
    if kind == "function":
        return (ACTIVATIONS | INITIALIZERS).get(inner, inner)
    if kind == "array":
        return np.asarray(inner, np.dtype(str(value.get("dtype"))))
    if kind == "words":
        return str(inner)
    raise ValueError(f"{value!r} is no hyperparameter")
