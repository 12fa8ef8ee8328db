"""Losses and metrics in files: by name, or as JSON where they are specs; others no file holds."""

from collections.abc import Mapping
from typing import Any

from jaxnn import losses, metrics
from jaxnn.core.codec import from_json, to_json
from jaxnn.core.layer import is_spec
from jaxnn.core.registry import find_loss, find_metric
from jaxnn.train.heads import is_node, items


def written(part: Any, kind: str) -> Any:
    """What a file holds of a loss or a metric: its name, or the JSON of a spec; None for a function of one's own.

    Args:
        part: as a `Trial` has it, or a tree of such; the whole is None where one of them is.
        kind: ``"loss"`` or ``"metric"``.

    Example:
        >>> import jaxnn as nn
        >>> written("mse", "loss"), written(nn.losses.huber(2.0), "loss"), written(len, "metric")
        ('mse', '{"class": "huber", "delta": 2.0}', None)
    """
    if is_node(part):
        made = {key: written(own, kind) for key, own in items(part)}
        if None in made.values():
            return None
        return made if isinstance(part, Mapping) else list(made.values())
    if isinstance(part, str):
        return part
    if is_spec(part):
        try:
            return to_json(part)
        except ValueError:
            return None
    find, resolve = (find_loss, losses.resolve) if kind == "loss" else (find_metric, metrics.resolve)
    record = resolve(part)
    return record.name if find(record.name) == record else None


def read(text: Any) -> Any:
    """The loss or metric that `written` wrote.

    Raises:
        ValueError: if a spec cannot be built.

    Example:
        >>> read("mse"), read('{"class": "huber", "delta": 2.0}')
        ('mse', huber(delta=2.0))
    """
    if is_node(text):
        made = {key: read(own) for key, own in items(text)}
        return made if isinstance(text, Mapping) else tuple(made.values())
    return from_json(str(text)) if str(text).startswith("{") else str(text)
