"""A folder that few workers began, gone on with by more of them: its parts are cut into smaller ones."""

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxnn.data.source import Source
from jaxnn.grid.job import Job, begun
from jaxnn.grid.parts import Part, divided
from jaxnn.grid.stored import write_grid
from jaxnn.train.enrol import Entry
from jaxnn.train.population import Population


def recut(
    job: Job, source: Source, entries: Sequence[Entry], parts: list[Part], costs: Sequence[float], workers: int
) -> list[Part]:
    """The parts of a folder, cut where fewer of them are unfinished than there are workers.

    Every member stays as far as it came. The smaller parts are written first, then the list of parts changes over to
    them at once, then the larger ones are removed: at any moment the folder is one from which to go on.

    Args:
        job, source, entries: of the grid.
        parts: those of its folder.
        costs: of each point, from the beginning to the end.
        workers: how many there are now.
    """
    from jaxnn.io.folder import divide

    folder = Path(job.folder or "")
    left = [0.0] * len(entries)
    for part in parts:
        population = _population(job, source, entries, part, part.name)
        for k, i in enumerate(part.points):
            left[i] = costs[i] * float(population.going[k]) * max(1 - population.epoch / entries[i].epochs, 0.01)
    rest = [part for part in parts if any(left[i] for i in part.points)]
    if len(rest) >= workers:
        return parts
    pieces = divided([part.points for part in rest], left, workers)
    new, old = [part for part in parts if part not in rest], []
    for k, part in enumerate(rest):
        smaller = [piece.points for piece in pieces if piece.structure == k]
        if len(smaller) == 1:
            new.append(part)
            continue
        old.append(part)
        population = _population(job, source, entries, part, part.name)
        for points in smaller:
            piece = Part(part.structure, points, _new_name(part, {p.name for p in (*parts, *new)}))
            new.append(piece)
            shutil.rmtree(folder / piece.name, ignore_errors=True)  # of a cut that was killed
            if (folder / part.name / "population.json").exists():
                own = _population(job, source, entries, piece, None)
                divide(folder / piece.name, population, np.searchsorted(part.points, points), own)
    if old:
        write_grid(folder, job.points, new)
    for part in old:
        shutil.rmtree(folder / part.name, ignore_errors=True)
    return new


def _new_name(part: Part, taken: set[str]) -> str:
    names = (f"structure_{part.structure:03d}_{k:03d}" for k in itertools.count(1))
    return next(name for name in names if name not in taken)


def _population(job: Job, source: Source, entries: Sequence[Entry], part: Part, name: str | None) -> Population:
    """The members of a part, as far as they came where it has a name and was begun."""
    there = name is not None and (Path(job.folder or "") / name / "population.json").exists()
    return begun(job if there else job._replace(folder=None), source, entries, part)
