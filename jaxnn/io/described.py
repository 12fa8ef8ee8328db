"""What a population trains, as JSON: written beside its weights, read with suspicion, compared before it goes on."""

import hashlib
import inspect
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core.codec import to_json
from jaxnn.core.parsed import parse
from jaxnn.core.reads import digests, first_difference
from jaxnn.core.texts import short
from jaxnn.core.version import __version__
from jaxnn.data.preparation import Preparation
from jaxnn.io import classes
from jaxnn.io.records import written
from jaxnn.io.values import decode, encode
from jaxnn.io.weights import row_written
from jaxnn.train.enrol import Entry
from jaxnn.train.model import Model
from jaxnn.train.outcome import bare
from jaxnn.train.population import Population
from jaxnn.train.trial import Trial

FORMAT = "jaxnn-population-1"
FILE = "population.json"
KEYS = {"points": list, "seeds": list, "epochs": list, "groups": list, "trial": dict, "data": dict, "plan": dict,
        "how": dict, "model": dict}  # fmt: skip


def describe(population: Population) -> dict[str, Any]:
    """What a population trains, as JSON; what must be equal for it to go on stands in `compare`."""
    entries, source, recipe = population.entries, population.source, population.recipe
    trial = entries[0].trial()
    return {
        "format": FORMAT,
        "versions": _versions(),
        "plan": {name: getattr(population.layout, name, 1) for name in ("devices", "width", "chunk")},
        "trial": digests(recipe.trial),
        "data": source.fingerprint(),
        "points": [encode(e.point) for e in entries],
        "structure": _structure(entries[0]),
        "seeds": [e.seed for e in entries],
        "epochs": [e.epochs for e in entries],
        "clock": not isinstance(recipe.trial, Trial) and "clock" in inspect.signature(recipe.trial).parameters,
        "stop": encode(entries[0].stop),
        "start": None,
        "how": _how(population),
        "turn": 0,
        "groups": [[int(g.members[0]), int(g.members[-1]) + 1] for g in population.groups],
        "model": _models([bare(e, source) for e in entries], trial.stop, trial.directions),
    }


def _how(population: Population) -> dict[str, Any]:
    """The options of the training."""
    source, recipe = population.source, population.recipe
    batch_size, shuffle = source.asked(recipe.batch_size, population.shuffle)
    return {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "shuffle_seed": source.shuffle_seed,
        "validation": source.validation,
        "standardise": source.scaler() is not None,
        "prepare": None if source.prepare is None else type(source.prepare).__name__,
        "precision": None if recipe.precision is None else recipe.precision.plain(),
        "rewind": recipe.rewind,
        "micro": recipe.micro,
    }


def results(models: list[Model], points: list[Any], seeds: list[int], stop: Any, directions: Any) -> dict[str, Any]:
    """What members are that do not go on: their models, for `load_runs`, and nothing of what trained them.

    Args:
        models: one for each member.
        points, seeds: of each.
        stop: their `EarlyStopping` or None.
        directions: whether larger is better, by metric.
    """
    precision = models[0].precision
    return {
        "format": FORMAT,
        "versions": _versions(),
        "results": True,
        **{name: {} for name in ("trial", "data", "plan")},
        "points": [encode(point) for point in points],
        "structure": "",
        "seeds": seeds,
        "epochs": [0] * len(points),
        "stop": encode(stop),
        "how": {"precision": None if precision is None else precision.plain()},
        "turn": 0,
        "groups": [[0, len(points)]],
        "model": _models(models, stop, directions),
    }


def _versions() -> dict[str, str]:
    return {"jaxnn": __version__, **{name: version(name) for name in ("jax", "optax", "numpy")}}


def _models(models: list[Model], stop: Any, directions: Any) -> dict[str, Any]:
    """Of what members predict and evaluate with all but the weights; of what they share, that of the first."""
    first = models[0]
    return {
        "specs": [_spec(m.spec) for m in models],
        "losses": [written(m.loss, "loss") for m in models],
        "metrics": [written(m.metrics, "metric") for m in models],
        "loss_weights": [encode(m.loss_weights) for m in models],
        "baselines": [m.baseline for m in models],
        "directions": directions,
        "stop": encode(stop),
        "classes": classes.written(first.classes, encode),
        "features": first.features,
        "named": first.named,
        "prepare": _once([m.prepare for m in models], lambda p: p.plain() if isinstance(p, Preparation) else None),
        "standardiser": _once([m.standardiser for m in models], lambda s: None if s is None else encode(s._asdict())),
        "row": row_written(first.row),
    }


def _once(own: list[Any], write: Callable[[Any], Any]) -> dict[str, Any]:
    """What members may share, each value once; ``of`` says which is whose."""
    texts = {key: json.dumps(write(v)) for key, v in {id(v): v for v in own}.items()}
    values: dict[str, int] = {}
    numbers = [values.setdefault(texts[id(v)], len(values)) for v in own]
    return {"values": [json.loads(text) for text in values], "of": numbers}


def _structure(entry: Entry) -> str:
    """A digest of what all members of a population have in common."""
    fixed = [
        (s.name, str(s.tree), [encode(getattr(v, "value", None)) for v in s.leaves]) for s in entry.recipe.structure
    ]
    return short(repr((fixed, entry.structure[1:])))


def started(population: Population) -> str | None:
    """A digest of the weights or states that a population was given, or None for weights drawn here."""
    leaves = jax.tree.leaves((population.given, [group.standing.state for group in population.groups]))
    digest = hashlib.sha256()
    for leaf in map(np.ascontiguousarray, leaves):
        digest.update(f"{leaf.dtype} {leaf.shape}\n".encode() + leaf.tobytes())
    return digest.hexdigest() if leaves else None


def _spec(model: Any) -> str | None:
    try:
        return to_json(model)
    except ValueError:
        return None


def compare(folder: Path, known: dict[str, Any], ours: dict[str, Any], points: bool = True) -> None:
    """Raise at the first difference between what a folder holds and what is to go on in it.

    Args:
        folder: for the sentence.
        known, ours: what `opened` and `describe` gave.
        points: whether hyperparameters and seeds must be equal too.
    """
    trains(folder, known)
    off = (points and _other_points(known, ours)) or _other_training(known, ours)
    if off:
        refuse(folder, off)


def trains(folder: Path, known: dict[str, Any]) -> None:
    """Raise for results that were saved without the states of their optimizers."""
    if known.get("results"):
        raise ValueError(f"the folder {folder} holds results that were saved, which do not go on; write another folder")


def refuse(folder: Path, off: str) -> None:
    """Raise for a folder in which the training cannot go on."""
    raise ValueError(
        f"the folder {folder} holds another training: {off}; write another folder, or what was there before"
    )


def _other_points(known: dict[str, Any], ours: dict[str, Any]) -> str | None:
    for i, (a, b) in enumerate(zip(known["points"], ours["points"], strict=False)):
        old, new = known["seeds"][i], ours["seeds"][i]
        if decode(a) == decode(b) and old == new and a != b:
            return f"the code of a function in its point {i}, {decode(a)}, has changed"
        if a != b or old != new:
            return f"its point {i} is {decode(a)}, seed {old}, and not {decode(b)}, seed {new}"
    if len(known["points"]) != len(ours["points"]):
        return f"it has {len(known['points'])} points, and not {len(ours['points'])}"
    return None


def _other_training(known: dict[str, Any], ours: dict[str, Any]) -> str | None:
    for name in [n for n in (*ours["data"], *known["data"]) if known["data"].get(n) != ours["data"].get(n)]:
        return f"{name if 'data' in name else f'{name} of the data'} has changed"
    changed = first_difference(known["trial"], ours["trial"])
    if changed is not None:
        return changed
    if known["stop"] != ours["stop"]:
        return f"stop was {decode(known['stop'])!r}, and not {decode(ours['stop'])!r}"
    for name, value in ours["how"].items():
        if known["how"].get(name) != value:
            return f"{name} was {known['how'].get(name)!r}, and not {value!r}"
    return None if known["structure"] == ours["structure"] else "its members are of another structure"


def opened(folder: Path) -> dict[str, Any]:
    """What `describe` wrote into a folder, its form checked.

    Raises:
        ValueError: if there is no such file, or it is of something else, or damaged.
    """
    path = folder / FILE
    known = read_json(path, FORMAT)
    members = len(known["points"]) if isinstance(known.get("points"), list) else -1
    bounds = known.get("groups")
    ok = (
        all(isinstance(known.get(name), kind) for name, kind in KEYS.items())
        and {"stop", "turn", "structure"} <= known.keys()
    )
    ok = ok and isinstance(known["turn"], int) and len(known["seeds"]) == len(known["epochs"]) == members > 0
    ok = ok and all(type(n) is int and n >= 0 for n in (*known["seeds"], *known["epochs"]))
    if not (ok and bounds and _cover(bounds, members)):
        raise ValueError(f"{path} is damaged: it does not say what was trained")
    return known


def _cover(bounds: list[Any], members: int) -> bool:
    """Whether these are the bounds of groups, one behind the other, in which each member stands once."""
    if not all(isinstance(b, list) and len(b) == 2 and all(type(n) is int for n in b) and b[0] < b[1] for b in bounds):
        return False
    return [b[0] for b in bounds] == [0, *(b[1] for b in bounds[:-1])] and bounds[-1][1] == members


def read_json(path: Path, form: str) -> dict[str, Any]:
    """A JSON file of this format.

    Raises:
        ValueError: if there is none, or it is of something else.
    """
    if not path.is_file():
        raise ValueError(f"there is no {path}; write fit(..., folder=...) or pop.save(folder) first")
    try:
        known = parse(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(known, dict) or known.get("format") != form:
        found = known.get("format") if isinstance(known, dict) else None
        raise ValueError(f"{path} is no file of the format {form!r}, but of {found!r}")
    return known
