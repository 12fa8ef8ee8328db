"""Class names in a file: of one output a list, of several by the path of each."""

from collections.abc import Callable
from typing import Any

from jaxnn.data.labels import by_output
from jaxnn.train.heads import is_node, items, leaves


def written(classes: Any, encode: Callable[[Any], Any]) -> Any:
    """As JSON.

    Args:
        classes: as a `Model` has them.
        encode: makes JSON of a name.

    Example:
        >>> written(("no", "yes"), str), written({"kind": ("no", "yes"), "size": None}, str)
        (['no', 'yes'], {'outputs': [[['kind'], ['no', 'yes']]]})
    """
    if classes is None:
        return None
    found = {path: [encode(name) for name in names] for path, names in by_output(classes).items()}
    return found[()] if () in found else {"outputs": [[list(path), names] for path, names in found.items()]}


def read(text: Any, loss: Any, decode: Callable[[Any], Any]) -> Any:
    """Class names out of JSON.

    Args:
        text: what `written` gave.
        loss: the losses that they are of.
        decode: makes a name of JSON.

    Raises:
        ValueError: for names of an output that is not there.

    Example:
        >>> read({"outputs": [[["kind"], ["no", "yes"]]]}, {"kind": "hinge", "size": "huber"}, str)
        {'kind': ('no', 'yes'), 'size': None}
    """
    if text is None:
        return None
    pairs = text["outputs"] if isinstance(text, dict) else [[[], text]]
    known = {tuple(path): tuple(map(decode, names)) for path, names in pairs}
    strange = next((path for path in known if path not in dict(leaves(loss))), None)
    if strange is not None and is_node(loss):
        raise ValueError(f"there are class names of {strange!r:.80}, which is no output")
    return _tree(loss, known, ())


def _tree(loss: Any, known: dict[tuple, tuple], path: tuple) -> Any:
    """The names by output: a dict where there are several, by key or by place."""
    if not is_node(loss):
        return known.get(path)
    return {key: _tree(own, known, (*path, key)) for key, own in items(loss)}
