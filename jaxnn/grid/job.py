"""A grid as its workers see it: what its parts have in common, and how one part trains."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.layer import REGISTRY, known_to_jax
from jaxnn.data.source import Source
from jaxnn.grid.came import Came
from jaxnn.grid.choose import TINY, choose, work_of
from jaxnn.grid.memory import Gauge
from jaxnn.grid.parted import source_of
from jaxnn.grid.parts import Part
from jaxnn.grid.plan import Plan
from jaxnn.grid.space import Space
from jaxnn.train.begin import begin, shapes
from jaxnn.train.enrol import Entry, enrol
from jaxnn.train.population import Population
from jaxnn.train.trial import TrialLike

SETTINGS = ("jax_enable_x64", "jax_default_matmul_precision", "jax_threefry_partitionable", "jax_compilation_cache_dir",
            "jax_persistent_cache_min_compile_time_secs", "jax_persistent_cache_min_entry_size_bytes",
            "jax_numpy_dtype_promotion", "jax_numpy_rank_promotion")  # fmt: skip
"""Those of JAX that a worker takes over: a member is then what it would be here."""


class Job(NamedTuple):
    """What the parts of a grid have in common.

    Args:
        trial, data, points, epochs: as the grid was given them.
        reading: options of `jaxnn.grid.parted.source_of`.
        options: options of `enrol`.
        start: for all members, or a list with one for each point.
        plan, folder, states: as in `grid`.
    """

    trial: TrialLike
    data: Any
    points: Space
    epochs: int | None
    reading: dict[str, Any]
    options: dict[str, Any]
    start: Any
    plan: Any
    folder: str | os.PathLike | None
    states: bool


class Parcel(NamedTuple):
    """A job on its way to other processes.

    Args:
        job: of them all.
        settings: of JAX.
        specs: classes that no module holds, as those of a notebook.
        token: its name, by which a worker that has read the data knows it again.
    """

    job: Job
    settings: dict[str, Any]
    specs: list[type]
    token: str


def layout_of(plan: Any, entries: Sequence[Entry], source: Source) -> Plan:
    """How members of one structure lie on the devices of this process."""
    found = choose(plan, len(entries), Gauge(entries[0], source), source.device)
    return replace(found, precision=entries[0].recipe.precision)


def costs_of(cohorts: Sequence[Sequence[int]], entries: Sequence[Entry], source: Source) -> list[float]:
    """What each point costs: its steps, each as dear as its arithmetic and one dispatch."""
    costs = [0.0] * len(entries)
    for own in cohorts:
        recipe = entries[own[0]].recipe
        work = work_of(shapes(entries[own[0]], source).params, recipe.batch_size)
        for i in own:
            costs[i] = float(entries[i].epochs * max(1, entries[i].steps_per_epoch) * (TINY + work))
    return costs


def begun(
    job: Job, source: Source, entries: Mapping[int, Entry] | Sequence[Entry], part: Part, name: str = "",
    steady: bool = False,
) -> Population:  # fmt: skip
    """The members of a part on the devices of this process, ready to train; steady where a search thins them out."""
    own = [entries[i] for i in part.points]
    given = [job.start[i] for i in part.points] if isinstance(job.start, list) else job.start
    place = None if job.folder is None else Path(job.folder) / part.name
    layout = layout_of(job.plan, own, source)
    population = begin(own, source, layout.steady(len(own)) if steady else layout, given, place)
    population.numbers, population.name = np.array(part.points), name
    return population


def train(
    job: Job, source: Source, entries: Mapping[int, Entry] | Sequence[Entry], part: Part, found: list[Came],
    callbacks: Sequence[Callable] = (), visited: Callable[[int], Any] = lambda weight: None, name: str = "",
) -> None:  # fmt: skip
    """Train a part on the devices of this process; what came of it is put to what was found before.

    Raises:
        KeyboardInterrupt: on Ctrl-C; the members that had finished are among what was found.
    """
    population = None
    try:
        population = begun(job, source, entries, part, name)
        population.advance(max(e.epochs for e in population.entries) - population.epoch, callbacks, visited)
        found.append(Came.of(part.points, population, job.states))
    except KeyboardInterrupt:
        found.extend([] if population is None else finished(population))
        raise


def parcel(job: Job) -> Parcel:
    """A job to be sent, with what another process must know to do it alike."""
    settings: Any = jax.config
    taken = {name: getattr(settings, name) for name in SETTINGS if hasattr(settings, name)}
    specs = [cls for cls in REGISTRY.values() if cls.__module__ == "__main__"]
    return Parcel(job, taken, specs, os.urandom(8).hex())


def work(sent: Parcel, part: Part) -> Came:
    """Train a part in a worker: the function that an executor is given."""
    for name, value in sent.settings.items():
        jax.config.update(name, value)
    known = _READ.get(sent.token)
    if known is None:
        for cls in sent.specs:
            known_to_jax(cls)
        known = sent.job, source_of(*sent.job[:4], **sent.job.reading)
        _READ.clear()
        _READ[sent.token] = known
    job, source = known
    entries = {i: enrol(job.trial, source, job.points.points[i], **job.options) for i in part.points}
    found: list[Came] = []
    train(job, source, entries, part, found)
    return found[0]


_READ: dict[str, tuple[Job, Source]] = {}
"""The job that this worker did last, with its data."""


def finished(population: Population, all_begun: bool = False) -> list[Came]:
    """The members that had finished when the others were interrupted, of each group that had begun; or all of these."""
    ended, found = ~population.going, []
    for group in population.groups:
        if group.standing.state is None:
            continue
        done = np.asarray(group.state(population.layout).epoch) > 0
        own = np.flatnonzero(done if all_begun else ended[group.members])
        if len(own):
            entries, layout = [population.entries[i] for i in group.members], population.layout
            part = Population(population.source, entries, layout, taken=population.taken)
            part.begin(group.state(layout), group.history(), group.standing.epoch)
            found.append(Came.of(population.numbers[group.members[own]], part.take(own), False))
    return found
