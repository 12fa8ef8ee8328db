"""Runs in memory, written into a folder that `load_runs` reads as it reads that of a training."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.core import files
from jaxnn.data.preparation import Preparation
from jaxnn.grid.cohort import Cohort
from jaxnn.grid.parts import Part
from jaxnn.grid.recorded import write_rungs
from jaxnn.grid.stored import FORMAT, GRID, NAME, read_grid, write_table


def save(runs: Any, folder: str | os.PathLike) -> None:
    """See `Runs.save`."""
    from jaxnn.io.folder import swept
    from jaxnn.io.values import encode

    folder = Path(folder)
    before = _before(folder)
    turn = 0 if before is None else before["turn"] + 1
    swept(folder)
    begun: list[list[int]] = [cohort.indices.tolist() for cohort in runs.cohorts]
    missing = sorted(set(range(len(runs))) - {i for own in begun for i in own})
    begun += [missing] if missing else []
    parts = [Part(k, own, _name(k, turn)) for k, own in enumerate(begun)]
    for part, cohort in zip(parts, runs.cohorts, strict=False):
        _write(folder / part.name, cohort, [runs.space.points[i] for i in cohort.indices])
    about = {
        "format": FORMAT,
        "axes": list(runs.space.axes),
        "points": [{name: encode(v) for name, v in point.items()} for point in runs.space.points],
        "parts": [part._asdict() for part in parts],
        "turn": turn,
        "results": True,
    }
    files.replace(folder / GRID, (json.dumps(about, indent=1) + "\n").encode())
    write_table(folder, runs)
    write_rungs(folder, runs.record)
    kept = {part.name for part in parts}
    for place in [] if before is None else sorted(folder.glob("structure_*")):
        if NAME.fullmatch(place.name) and place.name not in kept:
            shutil.rmtree(place, ignore_errors=True)


def _name(number: int, turn: int) -> str:
    """Where the members of a structure stand, at the ``turn``-th time that runs were saved over others."""
    return f"structure_{number:03d}{f'_{turn:03d}' if turn else ''}"


def _before(folder: Path) -> dict[str, Any] | None:
    """What was saved into this folder before, or None; ``grid.json`` changes over from one save to the next at once.

    Raises:
        ValueError: if the folder holds a training, which could not go on any more.
    """
    from jaxnn.io.described import FILE

    if (folder / FILE).exists():
        raise ValueError(f"the folder {folder} holds a population that can go on; write another folder")
    if not (folder / GRID).exists():
        return None
    known = read_grid(folder)
    if not known.get("results"):
        raise ValueError(
            f"the folder {folder} holds a grid that can go on, and results could not; write another folder"
        )
    return known


def _write(place: Path, cohort: Cohort, points: list[dict[str, Any]]) -> None:
    """The members of one structure as `load_runs` reads them: what they are, their chosen weights and their curves."""
    from jaxnn.io.described import FILE, results
    from jaxnn.io.groups import group_file

    models, seeds = [], []
    for k in range(len(cohort.indices)):
        run = cohort.make(k)
        models.append(replace(run.model, params=None, state=None))
        seeds.append(run.seed)
    prepare = models[0].prepare
    if not (prepare is None or isinstance(prepare, Preparation)):
        raise ValueError(
            f"a {type(prepare).__name__} can be written by pickle alone, which no file of ours holds; train with "
            "prepare=nn.data.Preparation(), or keep it beside and train on what it gives"
        )
    about = results(models, points, seeds, cohort.stop, cohort.directions)
    out = cohort.outcome
    weights = {"params": out.params, "model_state": out.state}
    chosen = weights if cohort.stop is None else {"best": {**weights, "epoch": np.asarray(out.best_epoch)}}
    state = {"epoch": out.epochs, "diverged": out.diverged, "stopped": out.stopped, **chosen}
    files.write(group_file(place, 0, 0), {"state": state, "history": out.history}, {"epoch": int(out.epochs.max())})
    files.replace(place / FILE, (json.dumps(about, indent=1) + "\n").encode())
