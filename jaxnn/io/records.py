"""Losses and metrics in files: those of the package by name, specs as JSON, and of one's own the name alone.

A name of one's own is marked as such, so that it is never read as that of a loss or metric of the package.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from jaxnn import losses, metrics
from jaxnn.core.codec import UnknownSpec, from_json, to_json
from jaxnn.core.layer import is_spec
from jaxnn.core.records import Loss, Metric, Missing
from jaxnn.core.registry import find_loss, find_metric
from jaxnn.train.heads import is_node, items


def written(part: Any, kind: str) -> Any:
    """What a file holds of a loss or a metric, or of a tree of such.

    Args:
        part: as a `Trial` has it.
        kind: ``"loss"`` or ``"metric"``.

    Example:
        >>> import jaxnn as nn
        >>> written(("mse", "r2"), "metric"), written(nn.losses.huber(2.0), "loss")["spec"]
        ({'tuple': ['mse', 'r2']}, '{"class": "huber", "delta": 2.0}')
        >>> written(nn.Loss("mine", len, "classes"), "loss")
        {'own': 'mine', 'task': 'classes'}
    """
    if is_node(part):
        made = [[key, written(own, kind)] for key, own in items(part)]  # pairs, as files sort the keys of dicts
        return {"dict": made} if isinstance(part, Mapping) else {"tuple": [own for _, own in made]}
    record = losses.resolve(part) if kind == "loss" else metrics.resolve(part)
    if _is_ours(record):
        return part if isinstance(part, str) else record.name
    told = {"task": record.task} if isinstance(record, Loss) else {"rises": record.rises}
    if is_spec(part):
        try:
            return {"spec": to_json(part), "own": record.name, **told}
        except ValueError:
            pass
    return {"own": record.name, **told}


def read(text: Any, kind: str, given: Any = None, specs: Iterable[type] = ()) -> Any:
    """The loss or metric that `written` wrote, or the tree of them.

    One's own comes back where it is given, or is defined under its name in this process; else a record takes its place
    that knows how outputs are read, and raises when it is called.

    Args:
        text: what `written` gave.
        kind: ``"loss"`` or ``"metric"``.
        given: what stands in its place, as a `Trial` has it; of a dict of losses those that are there.
        specs: classes of one's own.

    Raises:
        ValueError: for a name that is none of the package, and a spec that cannot be built.

    Example:
        >>> read("mse", "loss"), read({"own": "huber", "task": "values"}, "loss")
        ('mse', Loss('huber', task='values'))
    """
    if kind == "metric" and given is not None:
        return given
    if isinstance(text, dict) and isinstance(text.get("dict"), list):
        own, known = given if isinstance(given, Mapping) else {}, {str(key): part for key, part in text["dict"]}
        unknown = next((key for key in own if key not in known), None)
        if unknown is not None:
            raise ValueError(f"the model has no output {unknown!r}; it has {', '.join(map(repr, known))}")
        return {key: read(part, kind, own.get(key), specs) for key, part in known.items()}
    if isinstance(text, dict) and isinstance(text.get("tuple"), list):
        own = given if isinstance(given, (tuple, list)) else [None] * len(text["tuple"])
        return tuple(read(part, kind, g, specs) for part, g in zip(text["tuple"], own, strict=True))
    if given is not None:
        return _given(given, text)
    resolve, find = (losses.resolve, find_loss) if kind == "loss" else (metrics.resolve, find_metric)
    if isinstance(text, str):
        if not _is_ours(resolve(text)):
            raise ValueError(f"no {kind} of the package is named {text!r}")
        return text
    if isinstance(text.get("spec"), str):
        try:
            built = from_json(text["spec"], specs)
        except UnknownSpec:
            return _missing(text, kind)
        return built if _is_known(built, kind) else _missing(text, kind)
    found = find(str(text["own"]))
    return _missing(text, kind) if found is None or _is_ours(found) else found


def _is_ours(record: Loss | Metric) -> bool:
    """Whether it is of the package, and not only called like one that is."""
    find = find_loss if isinstance(record, Loss) else find_metric
    known, home = find(record.name), getattr(record, "__module__", "")
    return known == record and home.partition(".")[0] == "jaxnn"


def _is_known(built: Any, kind: str) -> bool:
    """Whether what a spec names, such as the loss inside of `ignoring`, is defined."""
    try:
        return (losses.resolve if kind == "loss" else metrics.resolve)(built) is not None
    except ValueError:
        return False


def _given(given: Any, text: Any) -> Any:
    """The loss that the caller gave back; a bare function is read as the file says."""
    record, stored = losses.resolve(given), text.get("task") if isinstance(text, dict) else None
    return replace(record, task=stored) if record.task is None and stored is not None else given


def _missing(text: dict[str, Any], kind: str) -> Loss | Metric:
    absent = Missing(kind, str(text["own"]))
    if kind == "loss":
        return Loss(absent.name, absent, text["task"])
    rises = text["rises"]
    return Metric(absent.name, absent, rises=rises if isinstance(rises, bool) else None)
