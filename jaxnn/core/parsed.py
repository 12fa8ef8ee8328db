"""JSON out of files that one does not trust."""

import json
from typing import Any


def parse(text: Any) -> Any:
    """What a JSON text says.

    Args:
        text: of a file; anything but text is refused like text that is no JSON.

    Raises:
        ValueError: if it is no JSON, nests too deep, or says something twice.

    Example:
        >>> parse('{"units": 3}')
        {'units': 3}
        >>> parse('{"units": 3, "units": 4}')
        Traceback (most recent call last):
        ValueError: 'units' is there twice
    """
    try:
        return json.loads(text, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    except TypeError as error:
        raise ValueError(str(error)) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r:.80} is there twice")
    return made
