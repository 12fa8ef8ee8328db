"""Who trains the parts of a grid: this process, all processes of `jax.distributed`, or the workers of an executor."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import jax

from jaxnn.data.source import Source
from jaxnn.grid import processes, remote
from jaxnn.grid.came import Came
from jaxnn.grid.job import Job, begun, costs_of, finished, parcel, train, work
from jaxnn.grid.parts import Part, dealt, divided
from jaxnn.grid.plan import Plan
from jaxnn.grid.record import PLAIN, Record, Search
from jaxnn.grid.recut import recut
from jaxnn.grid.stored import open_grid, write_grid
from jaxnn.train.enrol import Entry


def train_all(
    on: Any, job: Job, source: Source, entries: list[Entry], cohorts: list[list[int]], found: list[Came],
    callbacks: Sequence[Callable], visited: Callable[[int], Any], search: Search | None = None,
) -> Record:  # fmt: skip
    """Train every part of a grid; what came of each is put to what was found before, as it comes.

    Args:
        on: an executor, or None.
        job, source, entries: of the grid.
        cohorts: the points of each structure.
        found: is filled.
        callbacks, visited: as `Population.advance` takes them.
        search: who trains all of them together in this process, or None.
    """
    rank, count = jax.process_index(), jax.process_count()
    workers = count if on is None else remote.workers_of(on)
    costs = costs_of(cohorts, entries, source) if workers > 1 else [1.0] * len(entries)
    most = job.plan.chunk if on is not None and isinstance(job.plan, Plan) else None
    parts = divided(cohorts, costs, workers, most)

    def opened() -> list[Part]:
        if job.folder is None:
            return parts
        known = open_grid(job.folder, job.points, parts, search)
        if known is None:
            write_grid(job.folder, job.points, parts, search)
            return parts
        return known if workers == 1 else recut(job, source, entries, known, costs, workers)

    def here(own: list[Part]) -> None:
        for part in own:
            train(job, source, entries, part, found, callbacks, visited, part.name if len(parts) > 1 else "")

    if search is not None:
        return _searched(search, job, source, entries, opened(), found, callbacks, visited)
    if on is not None:
        parts = opened()
        for _, came in remote.tasks_done(on, work, parcel(job), parts):
            found.append(came)
            visited(len(came.points) * max(entries[i].epochs for i in came.points))
    elif count == 1:
        parts = opened()
        here(parts)
    else:
        _together(job, source, entries, found, opened, lambda parts: here(dealt(parts, costs, count)[rank]))
    return PLAIN


def _searched(
    search: Search, job: Job, source: Source, entries: list[Entry], parts: list[Part], found: list[Came],
    callbacks: Sequence[Callable], visited: Callable[[int], Any],
) -> Record:  # fmt: skip
    """Hand the members of all structures to a search; what came of them is put to what was found.

    A search may change hyperparameters on its way: the entries are then those with which each member ended.
    """
    populations = []
    try:
        for part in parts:
            populations.append(begun(job, source, entries, part, part.name if len(parts) > 1 else "", steady=True))
        record = search.train(populations, callbacks, visited)
    except KeyboardInterrupt:
        found.extend(came for own in populations for came in finished(own, all_begun=True))
        raise
    for own in populations:
        for i, entry in zip(own.numbers, own.entries, strict=True):
            entries[i] = entry
        came = Came.of(own.numbers, own, job.states)
        found.append(came._replace(outcome=record.beside(came.outcome, came.points)))
    return record


def _together(
    job: Job, source: Source, entries: Sequence[Entry], found: list[Came], opened: Callable[[], list[Part]],
    here: Callable[[list[Part]], None],
) -> None:  # fmt: skip
    """Train the own share of the parts in each process of `jax.distributed`, and gather what came of all."""
    rank = jax.process_index()

    def begin() -> dict[str, Any] | None:
        if rank:
            return None
        if job.folder is not None:
            processes.swept(job.folder)
        return {"parts": [part._asdict() for part in opened()], "token": os.urandom(6).hex()}

    def end() -> None:
        try:
            here([Part(**part) for part in answers[0]["parts"]])
        except Exception as error:
            failed.append(error)
        if job.folder is not None:
            processes.wait(job.folder, answers[0]["token"])
        if failed:
            raise failed[0]

    failed: list[Exception] = []
    processes.check_alike(processes.in_all(lambda: processes.told(job.points.points, job.trial, source)))
    answers = processes.in_all(begin)
    processes.in_all(end)
    for number, data in enumerate(processes.exchanged(processes.packed(found))):
        if number != rank:
            found.extend(processes.unpacked(data, entries, source))
    if job.folder is not None and rank == 0:
        processes.swept(job.folder)
