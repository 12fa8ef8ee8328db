"""What an iterator tells of its place, as JSON holds it."""

import base64
import sys
from typing import Any

import numpy as np


def packed(state: Any) -> Any:
    """The state of an iterator as JSON holds it; nothing is pickled.

    Raises:
        ValueError: for what JSON cannot hold.

    Example:
        >>> packed({"at": 3, "rng": b"ab"}), unpacked(packed({"at": 3, "rng": b"ab"}))
        ({'dict': [['at', 3], ['rng', {'bytes': 'YWI='}]]}, {'at': 3, 'rng': b'ab'})
    """
    if state is None or isinstance(state, (bool, int, float, str)):
        return state
    if isinstance(state, bytes):
        return {"bytes": base64.b64encode(state).decode()}
    if isinstance(state, dict) and all(isinstance(key, (str, int)) for key in state):
        return {"dict": [[key, packed(value)] for key, value in state.items()]}
    if isinstance(state, (list, tuple)):
        return {type(state).__name__: [packed(value) for value in state]}
    if hasattr(state, "dtype") and hasattr(state, "tolist"):
        kind = "tensor" if "torch" in homes(state) else "array"
        return {kind: np.asarray(state).tolist(), "dtype": str(np.asarray(state).dtype)}
    raise ValueError(
        f"the place in the stream holds a {type(state).__name__}, which no file holds; give a function that makes the "
        "batches, which is run again and read forward"
    )


def unpacked(state: Any) -> Any:
    """What `packed` packed."""
    if not isinstance(state, dict):
        return state
    if "bytes" in state:
        return base64.b64decode(state["bytes"])
    if "dict" in state:
        return {key: unpacked(value) for key, value in state["dict"]}
    if "list" in state or "tuple" in state:
        values = [unpacked(value) for value in state["list" if "list" in state else "tuple"]]
        return values if "list" in state else tuple(values)
    array = np.array(state.get("array", state.get("tensor")), state["dtype"])
    return sys.modules["torch"].from_numpy(array) if "tensor" in state else array  # whoever had one has imported it


def homes(value: Any) -> str:
    """The packages in which the class of a value and its ancestors are defined.

    Example:
        >>> homes(np.ones(1))
        'numpy builtins'
    """
    return " ".join(cls.__module__.partition(".")[0] for cls in type(value).__mro__)
