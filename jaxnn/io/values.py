"""Hyperparameters as JSON and back: numbers, text, tuples, specs, `traced`, `static` and named functions."""

import math
import re
from typing import Any

import jax
import numpy as np

from jaxnn.core.codec import from_json, to_json
from jaxnn.core.files import DTYPES
from jaxnn.core.hyper import static, traced
from jaxnn.core.layer import is_spec
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS, name_of
from jaxnn.core.reads import digests
from jaxnn.core.texts import library, short


def encode(value: Any) -> Any:
    """A value as JSON holds it; what JSON cannot hold stands as its words, to be shown, with a digest, to be compared.

    Example:
        >>> encode((8, 8)), encode(traced(3))
        ({'tuple': [8, 8]}, {'traced': 3})
    """
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(float(value))}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (tuple, list)) and not hasattr(value, "_fields"):
        return {"tuple": [encode(v) for v in value]}
    if isinstance(value, traced):
        return {"traced": encode(value.values)}
    if isinstance(value, static):
        return {"static": encode(value.values)}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: encode(v) for key, v in value.items()}}
    if is_spec(value):
        return _spec(value)
    if callable(value):
        name = name_of(value)
        words = {"function": getattr(value, "__qualname__", type(value).__name__), "digest": _digest(value)}
        return words if name is None else {"function": name}
    if isinstance(value, np.generic):
        return encode(value.item())
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        array = np.asarray(value)
        return {"array": encode(array.reshape(-1).tolist()), "dtype": str(array.dtype), "shape": list(array.shape)}
    return _words(value)


def _spec(value: Any) -> Any:
    try:
        known = {"spec": to_json(value)}
    except ValueError:
        return _words(value)
    return known if library(type(value).__module__) else {**known, "code": _digest(type(value))}


def _words(value: Any) -> Any:
    return {"words": re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value)), "digest": _digest(value)}


def _digest(value: Any) -> str:
    """Of all that a value is made of, the code of its functions included, the same in every process."""
    return short(repr(sorted(digests(value).items())))


def unread(value: Any) -> str | None:
    """The first words, in what `encode` wrote, of a value that `decode` cannot make again; None for a whole value.

    Example:
        >>> unread(encode((len, 3))), unread(encode((8, 3)))
        ('len', None)
    """
    if isinstance(value, dict):
        kind, inner = next(iter(value.items()), ("", None))
        if "digest" in value and kind in ("words", "function"):
            return str(inner)
        value = list(inner.values()) if kind == "dict" and isinstance(inner, dict) else [inner]
    return next((words for v in value if (words := unread(v))), None) if isinstance(value, list) else None


def decode(value: Any) -> Any:
    """The value that `encode` wrote; functions without a name in the library, and words, come back as text.

    Raises:
        ValueError: for what `encode` does not write.

    Example:
        >>> decode(encode((8, 0.5)))
        (8, 0.5)
    """
    try:
        return _decoded(value)
    except RecursionError:
        raise ValueError("this is too deep for a hyperparameter") from None
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"{value!r:.200} is no hyperparameter: {error!r}") from None


def _decoded(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    kind = next(iter(value), None) if isinstance(value, dict) else None
    if kind is None:
        raise ValueError(f"{value!r:.200} is no hyperparameter")
    inner = value[kind]
    if kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if kind == "tuple" and isinstance(inner, list):
        return tuple(map(_decoded, inner))
    if kind == "traced":
        return traced(_decoded(inner))
    if kind == "static":
        return static(_decoded(inner))
    if kind == "dict":
        return {str(key): _decoded(v) for key, v in inner.items()}
    if kind == "spec":
        return from_json(inner)
    if kind == "function" and isinstance(inner, str):
        return inner if "digest" in value else (ACTIVATIONS | INITIALIZERS)[inner]
    if kind == "array":
        shape, dtype = value["shape"], value["dtype"]
        if dtype not in DTYPES or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError(f"no array is {dtype!r:.80} {shape!r:.80}")
        return np.array(_decoded(inner), jax.numpy.dtype(dtype)).reshape(shape)
    if kind == "words" and isinstance(inner, str):
        return inner
    raise ValueError(f"{value!r:.200} is no hyperparameter")
