"""A population as a folder of plain files: written at visits, gone on with after a kill.

``population.json`` says what trains: versions, the points, digests of the data and of what the trial reads, and which
members stand in which file. ``members_000.safetensors`` and its siblings hold the states and the curves; each is whole
by itself, written beside and then renamed, so that at any moment the folder is one from which to go on. Where a whole
population is saved over another one, its files get other names, and ``population.json`` changes over to them at once.
States that several devices share stand in ``members_000.orbax`` in their place, see `jaxnn.io.orbax`.
"""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core import files
from jaxnn.data.folded import read_parts
from jaxnn.data.source import Source
from jaxnn.data.streamed import read
from jaxnn.io import middles, orbax
from jaxnn.io.described import FILE, compare, describe, opened, refuse, started, trains
from jaxnn.io.groups import group_file, read_group, read_into, write
from jaxnn.io.values import decode, unread
from jaxnn.train.begin import shapes
from jaxnn.train.enrol import Entry, enrol, task_of
from jaxnn.train.group import Group, Standing
from jaxnn.train.layout import Layout, agreed
from jaxnn.train.population import Population
from jaxnn.train.streamed import group_of

SAVE_SECONDS = 3.0
"""Between two visits that write, at least."""
GRID = "grid.json"
OURS = (FILE, GRID, "table.csv", "rungs.json", "members_*.safetensors")


def save(folder: str | os.PathLike, population: Population) -> None:
    """Write a population; see `Population.save`."""
    folder = Path(folder)
    _alone(folder)
    about = describe(population)
    if (folder / FILE).exists():
        known = opened(folder)
        compare(folder, known, about, points=False)
        about |= {"turn": known["turn"] + 1, "start": known.get("start")}
    _change_over(folder, population, about)


def _change_over(folder: Path, population: Population, about: dict[str, Any]) -> None:
    """Write all groups under the names of a new turn, then the file that says so: the change is made at once."""
    swept(folder)
    old = set(folder.glob("members_*"))
    turned = [group_file(folder, number, about["turn"]) for number in range(len(population.groups))]
    new = {path.with_suffix(kind) for path in turned for kind in orbax.KINDS}
    for path in old & new:
        orbax.remove(path)  # of a save that was killed
    for number, group in enumerate(population.groups):
        write(folder, population, number, group, about["turn"])
    _put(folder, about)
    for path in old - new:
        orbax.remove(path)


def attach(folder: str | os.PathLike, population: Population) -> None:
    """Go on from a folder if it holds this population, and write into it at visits from now on.

    Raises:
        ValueError: if it holds another one, with the first difference.
    """
    folder = Path(folder)
    _alone(folder)
    about: dict[str, Any] = describe(population) | {"start": started(population)}
    if (folder / FILE).exists():
        known = opened(folder)
        compare(folder, known, about)
        _same_beginning(folder, known, about)
        population.groups = _groups(folder, known, population)
        _not_past(folder, population)
        about |= {"groups": known["groups"], "turn": known["turn"]}
    elif any(folder.glob("members_*")):
        raise ValueError(f"the folder {folder} holds weights and no {FILE} that says of what; write another folder")
    swept(folder)
    _put(folder, about)
    last = [time.monotonic()]

    def visit(number: int, group: Group, ended: bool) -> None:
        if _bounds(population.groups) != about["groups"]:  # smaller ones, as memory was short
            about.update(groups=_bounds(population.groups), turn=about["turn"] + 1)
            _change_over(folder, population, about)
        elif agreed(population.layout, ended or time.monotonic() - last[0] >= SAVE_SECONDS):
            write(folder, population, number, group, about["turn"])
            last[0] = time.monotonic()

    population.visits.append(visit)


def divide(folder: Path, population: Population, members: np.ndarray, own: Population) -> None:
    """Write some members of a population that stand as they do there.

    Args:
        folder: a new one.
        population: as it was read.
        members: which of them, in order.
        own: these members, as they began.
    """
    about = describe(own) | {"start": started(own)}
    groups: list[Group] = []
    for group in population.groups:
        first, standing = sum(len(g.members) for g in groups), group.standing
        inside = np.flatnonzero(np.isin(group.members, members))
        if len(inside):
            whole = None if standing.state is None else group.state(population.layout, True)
            state = None if whole is None else jax.tree.map(lambda a, i=inside: np.asarray(a)[i], whole)
            history = {name: [v[inside] for v in values] for name, values in standing.history.items()}
            new = Standing(state, False, standing.epoch, history)
            groups.append(Group(np.arange(first, first + len(inside)), new))
            write(folder, own, len(groups) - 1, groups[-1], 0)
    _put(folder, about | {"groups": _bounds(groups)})


def _bounds(groups: list[Group]) -> list[list[int]]:
    return [[int(g.members[0]), int(g.members[-1]) + 1] for g in groups]


def _put(folder: Path, about: dict[str, Any]) -> None:
    files.replace(folder / FILE, (json.dumps(about, indent=1) + "\n").encode())


def _alone(folder: Path) -> None:
    if (folder / GRID).exists():
        raise ValueError(f"the folder {folder} holds a grid, and not one population; write another folder")


def _same_beginning(folder: Path, known: dict[str, Any], ours: dict[str, Any]) -> None:
    if known.get("start") != ours["start"]:
        refuse(folder, "start= gave other weights")
    for i, (a, b) in enumerate(zip(known["epochs"], ours["epochs"], strict=True)):
        if ours["clock"] and a != b:
            refuse(folder, f"epochs was {a} for its point {i}, and not {b}, and the trial reads its clock")


def _not_past(folder: Path, population: Population) -> None:
    for group in population.groups:
        done = [0] * len(group.members) if group.standing.state is None else group.standing.state.epoch
        for i, epochs in zip(group.members, done, strict=True):
            if epochs > population.entries[i].epochs:
                refuse(folder, f"its point {i} has done {epochs} epochs, of {population.entries[i].epochs} asked for")


def load(
    folder: str | os.PathLike, trial: Any, data: Any, validation: Any = None, layout: Layout | None = None,
    prepare: Any = None, groups: Any = None, folds: Any = None, bootstrap: Any = None,
) -> Population:  # fmt: skip
    """Read a population; see `Population.load`."""
    folder = Path(folder)
    known = opened(folder)
    if trial is None or data is None:
        raise ValueError(
            "a population goes on with its trial and its data, which no file holds; write "
            "nn.Population.load(folder, trial, data), or nn.load_runs(folder) to look at what came of it"
        )
    trains(folder, known)
    foreign = unread([*known["points"], known["stop"]])
    if foreign is not None:
        raise ValueError(f"a point holds {foreign}, which no file can hold; go on with the same call of fit or grid")
    try:
        return _loaded(
            folder, known, trial, data, validation, layout, (folds, bootstrap), prepare=prepare, groups=groups
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder / FILE} is damaged: {error!r}") from error


def _loaded(
    folder: Path, known: dict[str, Any], trial: Any, data: Any, validation: Any, layout: Layout | None,
    parts: tuple[Any, Any], **options: Any,
) -> Population:  # fmt: skip
    how = known["how"]
    if how["validation"] == "pair" and validation is None:
        raise ValueError("the training had a validation pair; write nn.Population.load(folder, trial, data, (x, y))")
    held = validation if how["validation"] == "pair" else how["validation"]
    stop, point = decode(known["stop"]), decode(known["points"][0])
    options |= dict(shuffle_seed=how["shuffle_seed"], scale=how["standardise"], shuffle=how["shuffle"],
                    task=task_of(trial, point, known["epochs"][0]))  # fmt: skip
    if how["validation"] == "folds" and parts == (None, None):
        raise ValueError("the training had folds or bootstrap draws; write nn.Population.load(folder, trial, data, "
                         "folds=...), as it was")  # fmt: skip
    source = read_parts(data, *parts, **options) if how["validation"] == "folds" else read(data, held, **options)
    entries = [
        enrol(trial, source, decode(point), epochs=epochs, batch_size=how["batch_size"], shuffle=how["shuffle"],
              stop=stop, precision=how["precision"], rewind=how["rewind"],
              micro=how.get("micro"))._replace(seed=seed)
        for point, epochs, seed in zip(known["points"], known["epochs"], known["seeds"], strict=True)
    ]  # fmt: skip
    layout = _layout(known["plan"], entries, source) if layout is None else layout.settled(len(entries), source.device)
    population = Population(source, entries, layout)
    layout.check(entries[0].recipe.batch_size, source.rows)
    compare(folder, known, describe(population))
    population.groups = _groups(folder, known, population)
    return population


def _layout(known: dict[str, Any], entries: list[Entry], source: Source) -> Layout:
    """As the members lay, on as many devices as there are here."""
    from jaxnn.grid.choose import choose
    from jaxnn.grid.plan import Plan

    here = len(jax.local_devices()) if source.device is None else 1
    plan = Plan(min(known["devices"], here), known["width"], known["chunk"])
    return replace(choose(plan, len(entries), device=source.device), precision=entries[0].recipe.precision)


def _groups(folder: Path, known: dict[str, Any], population: Population) -> list[Group]:
    """The groups as they were written; those without a file have not begun."""
    one = shapes(population.entries[0], population.source)
    found = []
    for number, (first, last) in enumerate(known["groups"]):
        members, path = np.arange(first, last), orbax.written(group_file(folder, number, known["turn"]))
        standing = None
        if path is not None:
            state = jax.tree.map(lambda a, n=last - first: jax.ShapeDtypeStruct((n, *a.shape), a.dtype), one)
            tree, epoch = read_group(path, last - first)
            curves = tree.get("history", {})
            if curves.keys() not in (set(), one.metrics.keys()):
                raise ValueError(f"{path} holds the curves {[*curves]}, and these are to be {[*one.metrics]}")
            like = {"state": state, "history": curves, **({"chosen": state.params} if "chosen" in tree else {})}
            back, meta = read_into(path, like | middles.like(tree, state), population.layout)
            middle = middles.read(back, meta, last - first, path)
            standing = Standing(back["state"], False, epoch, {name: [v] for name, v in curves.items()}, middle)
        found.append(group_of(population.source, population.entries[0], members, standing))
    spread, chunk = population.layout.spread, population.layout.chunk
    if spread is None or chunk is None or all(len(group.members) <= chunk for group in found):
        return found
    if not population.source.whole:
        raise ValueError(
            f"members of a stream go on in calls as large as they were; write chunk={known['groups'][0][1]}"
        )
    return [part for group in found for part in group.divided(chunk)]


def swept(folder: Path) -> None:
    """Remove what a killed process left half written beside the files."""
    for pattern in OURS:
        files.swept(folder, pattern)
    for place in folder.glob("members_*.orbax"):
        orbax.swept(place)
