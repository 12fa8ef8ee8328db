"""A population as a folder of plain files: written at visits, gone on with after a kill.

``population.json`` says what trains: versions, the points, digests of the data and of what the trial reads, and which
members stand in which file. ``members_000.safetensors`` and its siblings hold the states and the curves; each is whole
by itself, written beside and then renamed, so that at any moment the folder is one from which to go on.
"""

import json
import os
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core import files
from jaxnn.core.codec import to_json
from jaxnn.data.source import Source, read
from jaxnn.io.values import decode, encode
from jaxnn.optim.average import keeps
from jaxnn.train.begin import shapes
from jaxnn.train.enrol import enrol
from jaxnn.train.group import Group, Standing
from jaxnn.train.layout import Layout
from jaxnn.train.population import Population, chosen
from jaxnn.train.reads import digests, first_difference

FORMAT = "jaxnn-population-1"
SAVE_SECONDS = 3.0
"""Between two visits that write, at least."""
FILE = "population.json"


def save(folder: str | os.PathLike, population: Population) -> None:
    """Write a population; see `Population.save`."""
    folder = Path(folder)
    about = describe(population)
    if (folder / FILE).exists():
        compare(folder, read_json(folder / FILE), about)
    swept(folder)
    files.replace(folder / FILE, (json.dumps(about, indent=1) + "\n").encode())
    for number, group in enumerate(population.groups):
        write(folder, population, number, group)


def attach(folder: str | os.PathLike, population: Population) -> None:
    """Go on from a folder if it holds this population, and write into it at visits from now on.

    Raises:
        ValueError: if it holds another one, with the first difference.
    """
    folder = Path(folder)
    about = describe(population)
    if (folder / FILE).exists():
        known = read_json(folder / FILE)
        compare(folder, known, about)
        swept(folder)
        population.groups = _groups(folder, known, population)
        about["groups"] = known["groups"]
    files.replace(folder / FILE, (json.dumps(about, indent=1) + "\n").encode())
    last = [time.monotonic()]

    def visit(number: int, group: Group, ended: bool) -> None:
        if ended or time.monotonic() - last[0] >= SAVE_SECONDS:
            write(folder, population, number, group)
            last[0] = time.monotonic()

    population.visits.append(visit)


def write(folder: Path, population: Population, number: int, group: Group) -> None:
    """Write one group: its state, its curves and how far it came, in one file."""
    if group.standing.state is None:
        return
    state = group.state(population.layout)
    tree = {"state": state, "history": group.history()}
    if state.best is None and keeps(state.opt_state):
        tree["chosen"] = chosen(state)[0]
    files.write(group_file(folder, number), tree, {"epoch": int(group.standing.epoch)})


def load(
    folder: str | os.PathLike, trial: Any, data: Any, validation: Any = None, layout: Layout | None = None
) -> Population:
    """Read a population; see `Population.load`."""
    folder = Path(folder)
    known = read_json(folder / FILE)
    if trial is None or data is None:
        raise ValueError(
            "a population goes on with its trial and its data, which no file holds; write "
            "nn.Population.load(folder, trial, data), or nn.load_runs(folder) to look at what came of it"
        )
    how = known["how"]
    if how["validation"] == "pair" and validation is None:
        raise ValueError("the training had a validation pair; write nn.Population.load(folder, trial, data, (x, y))")
    held = validation if how["validation"] == "pair" else how["validation"]
    source = read(data, held, shuffle_seed=how["shuffle_seed"], scale=how["standardise"])
    stop = decode(known["stop"])
    entries = [
        enrol(trial, source, decode(point), epochs=epochs, batch_size=how["batch_size"], shuffle=how["shuffle"],
              stop=stop, compute_dtype=how["compute_dtype"], rewind=how["rewind"])._replace(seed=seed)
        for point, epochs, seed in zip(known["points"], known["epochs"], known["seeds"], strict=True)
    ]  # fmt: skip
    population = Population(source, entries, layout or _layout(known["plan"], len(entries), source))
    compare(folder, known, describe(population))
    population.groups = _groups(folder, known, population)
    return population


def _layout(known: dict[str, Any], members: int, source: Source) -> Layout:
    """As the members lay, on as many devices as there are here."""
    from jaxnn.grid.plan import Plan, choose

    here = len(jax.local_devices()) if source.device is None else 1
    plan = Plan(min(known["devices"], here), known["width"], known["chunk"])
    return choose(plan, members, 0, 0, source.device)


def describe(population: Population) -> dict[str, Any]:
    """What a population trains, as JSON; what must be equal for it to go on stands in `compare`."""
    entries, source, recipe = population.entries, population.source, population.recipe
    trials = [e.trial() for e in entries]
    return {
        "format": FORMAT,
        "versions": {name: version(name) for name in ("jaxnn", "jax", "optax", "numpy")},
        "plan": {name: getattr(population.layout, name, 1) for name in ("devices", "width", "chunk")},
        "trial": digests(recipe.trial),
        "data": source.fingerprint(),
        "points": [encode(e.point) for e in entries],
        "seeds": [e.seed for e in entries],
        "epochs": [e.epochs for e in entries],
        "stop": encode(entries[0].stop),
        "how": {
            "batch_size": recipe.batch_size,
            "shuffle": population.shuffle,
            "shuffle_seed": source.shuffle_seed,
            "validation": source.validation,
            "standardise": source.standardiser is not None,
            "compute_dtype": None if recipe.compute_dtype is None else str(recipe.compute_dtype),
            "rewind": recipe.rewind,
        },
        "groups": [[int(g.members[0]), int(g.members[-1]) + 1] for g in population.groups],
        "model": {
            "specs": [_spec(t.model) for t in trials],
            "loss": trials[0].loss if isinstance(trials[0].loss, str) else None,
            "loss_name": getattr(trials[0].loss_function, "__name__", "loss"),
            "metrics": [m if isinstance(m, str) else None for m in trials[0].metrics],
            "classes": source.classes,
            "features": source.features,
            "standardiser": None if source.standardiser is None else encode(source.standardiser._asdict()),
        },
    }


def _spec(model: Any) -> str | None:
    try:
        return to_json(model)
    except ValueError:
        return None


def compare(folder: Path, known: dict[str, Any], ours: dict[str, Any]) -> None:
    """Raise at the first difference between what a folder holds and what is to go on in it."""
    off = _difference(known, ours)
    if off is not None:
        raise ValueError(
            f"the folder {folder} holds another training: {off}; write another folder, or what was there before"
        )


def _difference(known: dict[str, Any], ours: dict[str, Any]) -> str | None:
    for i, (a, b) in enumerate(zip(known["points"], ours["points"], strict=False)):
        if a != b or known["seeds"][i] != ours["seeds"][i]:
            return (
                f"its point {i} is {decode(a)}, seed {known['seeds'][i]}, and not {decode(b)}, seed {ours['seeds'][i]}"
            )
    if len(known["points"]) != len(ours["points"]):
        return f"it has {len(known['points'])} points, and not {len(ours['points'])}"
    for name in sorted({*known["data"], *ours["data"]}):
        if known["data"].get(name) != ours["data"].get(name):
            return f"{name} of the data has changed"
    changed = first_difference(known["trial"], ours["trial"])
    if changed is not None:
        return changed
    for name in ("stop", "how"):
        if known[name] != ours[name]:
            pairs = known[name], ours[name]
            keys = [k for k in ours["how"] if name == "how" and pairs[0].get(k) != pairs[1].get(k)]
            one = (keys[0], pairs[0][keys[0]], pairs[1][keys[0]]) if keys else (name, *map(decode, pairs))
            return f"{one[0]} was {one[1]!r}, and not {one[2]!r}"
    return None


def _groups(folder: Path, known: dict[str, Any], population: Population) -> list[Group]:
    """The groups as they were written; those without a file have not begun."""
    one = shapes(population.entries[0], population.source)
    names = list(one.metrics)
    found = []
    for number, (first, last) in enumerate(known["groups"]):
        members, path = np.arange(first, last), group_file(folder, number)
        standing = None
        if path.exists():
            state = jax.tree.map(lambda a, n=last - first: jax.ShapeDtypeStruct((n, *a.shape), a.dtype), one)
            tree, meta = read_group(path)
            curves = {name: np.asarray(tree["history"][name]) for name in names if name in tree.get("history", {})}
            like = {"state": state, "history": curves, **({"chosen": state.params} if "chosen" in tree else {})}
            back = files.read_into(path, like)[0]["state"]
            standing = Standing(back, False, int(meta["epoch"]), {name: [v] for name, v in curves.items()})
        found.append(Group(members, standing))
    return found


def read_group(path: Path) -> tuple[Any, dict[str, Any]]:
    """The tree and the meta of a file of members."""
    tree, meta = files.read(path)
    if not isinstance(tree, dict) or "state" not in tree or not isinstance(meta.get("epoch"), int):
        raise ValueError(f"{path} is no file of a population")
    return tree, meta


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file of this format.

    Raises:
        ValueError: if there is none, or it is of something else.
    """
    if not path.is_file():
        raise ValueError(f"there is no {path}; write fit(..., folder=...) or pop.save(folder) first")
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(known, dict) or not str(known.get("format", "")).startswith("jaxnn-"):
        raise ValueError(f"{path} is no file of jaxnn")
    return known


def swept(folder: Path) -> None:
    """Remove what a killed process left half written beside the files."""
    for path in folder.glob(".*.tmp") if folder.is_dir() else ():
        path.unlink(missing_ok=True)


def group_file(folder: Path, number: int) -> Path:
    """Where the members of a group stand."""
    return folder / f"members_{number:03d}.safetensors"
