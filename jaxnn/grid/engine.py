"""`grid` and `population`: many networks, one compiled program for every structure."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.data.source import Source, read
from jaxnn.grid import plan as plans
from jaxnn.grid.record import PLAIN, Search, check_search
from jaxnn.grid.recorded import write_rungs
from jaxnn.grid.results import Cohort, Runs
from jaxnn.grid.space import Space, as_space
from jaxnn.grid.stored import open_grid, write_table
from jaxnn.train.begin import begin, shapes
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.ending import Interrupted, told
from jaxnn.train.enrol import Entry, check, enrol, task_of
from jaxnn.train.options import check_options, whole
from jaxnn.train.population import Population
from jaxnn.train.progress import progress_bar
from jaxnn.train.trial import TrialLike

FOREVER = 2**30
"""Epochs of a population that is given no end."""


def grid(
    trial: TrialLike,
    data: Any,
    space: Any,
    *,
    epochs: int | None = None,
    batch_size: int | None = 32,
    validation: Any = None,
    stop: Any = None,
    plan: Any = "auto",
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    prepare: Any = None,
    groups: Any = None,
    compute_dtype: Any = None,
    start: Any = None,
    search: Search | None = None,
    folder: str | os.PathLike | None = None,
    callbacks: Sequence[Callable] = (),
    states: bool = False,
    progress: bool = True,
) -> Runs:
    """Train every point of a space; members of one structure share one compiled program.

    Floats ride inside the program as one more array axis; sizes, names and functions split the points into
    populations, one program each. All members see the rows in the same order, so the comparison is paired. A member
    that diverges goes back to the beginning of that epoch, is marked, and changes nothing for the others.

    Args:
        trial: a function from hyperparameters to a `Trial`, or a `Trial` where only seeds vary.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        space: a dict of axes (their product), or a space of `jaxnn.space`. ``seed``, ``batch_size`` and
            ``epochs`` are axes too; `jaxnn.traced` takes whole numbers inside.
        epochs: passes over the data, at most; None where ``epochs`` is an axis.
        batch_size: rows of a step, where ``batch_size`` is no axis; None for all rows in one step, in their own order.
        validation, stop, shuffle_seed, shuffle, standardise, prepare, groups, compute_dtype: as in `fit`, for all
            members.
        plan: ``"auto"``, ``"map"``, ``"vmap"`` or a `Plan`. Under ``"map"`` a member equals its solo `fit` to the bit.
        start: as in `fit`, for all members, or a list or `Runs` with one for each.
        search: how epochs are spent where not every point is trained to its end: `Halving`, `Hyperband`,
            `PopulationBased`, or None.
        folder: where to write every few seconds, and from where to go on after a kill; `jaxnn.load_runs` reads it.
        callbacks: as in `fit`; a grid of several structures calls them for one population after the other.
        states: keep the last state of every member, optimizer and all, for ``start=``.
        progress: a bar for work longer than a second.

    Returns:
        `Runs`, one for each point, in the order of the space.

    Raises:
        ValueError: for data, axes or a plan that do not fit, at any point, before anything is compiled.
        KeyboardInterrupt: on Ctrl-C, within a second; ``error.runs`` holds the members that had finished, and under a
            search all that had begun.

    Example:
        >>> import optax, numpy as np, jaxnn as nn
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> runs = nn.grid(line, (x, 2 * x[:, 0]), dict(lr=[0.3, 0.1], seed=range(2)), epochs=5)
        >>> len(runs), runs.best("loss").hparams
        (4, {'lr': 0.3})
    """
    points = as_space(space)
    check_search(search)
    if epochs is not None:
        whole("epochs", epochs)
    elif not all("epochs" in point for point in points.points):
        raise ValueError("a grid needs a number of epochs; write grid(..., epochs=100), or an axis epochs=[10, 100]")
    check_options(batch_size=batch_size, compute_dtype=compute_dtype, stop=stop, shuffle_seed=shuffle_seed,
                  callbacks=callbacks, folder=folder, shuffle=shuffle, standardise=standardise, states=states,
                  progress=progress)  # fmt: skip
    source = _source(trial, data, points, epochs, validation=validation, shuffle_seed=shuffle_seed, shuffle=shuffle,
                     scale=standardise, prepare=prepare, groups=groups)  # fmt: skip
    options = dict(batch_size=batch_size, stop=stop, shuffle=shuffle, compute_dtype=compute_dtype)
    starts = list(start) if isinstance(start, (list, tuple, Runs)) and not hasattr(start, "_fields") else None
    if starts is not None and len(starts) != len(points):
        raise ValueError(f"start= holds {len(starts)} and there are {len(points)} members; write one, or one for each")
    done = _done(starts if starts is not None else [start])
    entries, cohorts = _cohorts(trial, source, points, epochs=None if epochs is None else done + epochs, **options)
    if search is not None:
        search.check(entries, folder)
    if folder is not None:
        open_grid(folder, points, cohorts, search)

    def begun(number: int, indices: list[int]) -> Population:
        own = [entries[i] for i in indices]
        layout, given = _layout(plan, own, source), start if starts is None else [starts[i] for i in indices]
        layout = layout if search is None else layout.steady(len(own))
        place = None if folder is None else Path(folder) / f"structure_{number:03d}"
        population = begin(own, source, layout, given, place)
        population.numbers = np.array(indices)
        population.name = f"structure_{number:03d}" if len(cohorts) > 1 else ""
        return population

    found, record, populations = [], PLAIN, []
    work = sum(len(own) * (max(entries[i].epochs for i in own) - done) for own in cohorts)
    work = work if search is None else search.work(len(points), max(e.epochs for e in entries))
    with progress_bar(work, progress, f"grid of {len(points)}") as bar:
        try:
            for number, indices in enumerate(cohorts):
                populations.append(begun(number, indices))
                if search is None:
                    (own,) = populations
                    own.advance(max(e.epochs for e in own.entries) - own.epoch, callbacks, bar.update)
                    found.append(Cohort.of(own.numbers, own, states))
                    populations.clear()
                    bar.refresh()
            if search is not None:
                record = search.train(populations, callbacks, bar.update)
                found = [Cohort.of(own.numbers, own, states, record) for own in populations]
        except KeyboardInterrupt as error:
            part = [c for own in populations for c in _finished(own, begun=search is not None)]
            raise Interrupted(Runs(trial, data, points, source, (*found, *part), {}).finished) from error
    again = dict(batch_size=batch_size, validation=validation, stop=stop, shuffle_seed=shuffle_seed, shuffle=shuffle,
                 standardise=standardise, prepare=prepare, groups=groups, compute_dtype=compute_dtype, epochs=epochs,
                 start=start if starts is None else starts)  # fmt: skip
    runs = Runs(trial, data, points, source, tuple(found), again, record)
    if folder is not None:
        write_table(folder, runs)
        write_rungs(Path(folder), record)
    told(np.concatenate([c.outcome.diverged for c in found]), source)
    return runs


def population(
    trial: TrialLike,
    data: Any,
    space: Any,
    *,
    epochs: int | None = None,
    batch_size: int | None = 32,
    validation: Any = None,
    stop: Any = None,
    plan: Any = "auto",
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    prepare: Any = None,
    groups: Any = None,
    compute_dtype: Any = None,
    start: Any = None,
) -> Population:
    """Members of one structure, ready to train: advance them, take some, put others in their place, save them.

    Args:
        trial, data, batch_size, validation, stop, plan, shuffle_seed, shuffle: as in `grid`.
        standardise, prepare, groups, compute_dtype, start: as in `grid`.
        space: as in `grid`, of one structure: axes of floats, seeds and `jaxnn.traced` numbers.
        epochs: after how many a member ends, where ``epochs`` is no axis; None for no end. A trial function that asks
            for its ``clock`` needs one.

    Returns:
        A `Population`; see there how to write a search in ten lines.

    Raises:
        ValueError: as `grid`, and for points of several structures.

    Example:
        >>> import optax, numpy as np, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> pop = nn.population(line, (np.ones((4, 1)), np.ones(4)), dict(lr=[0.3, 0.1]))
        >>> pop.advance(2)
        >>> pop
        Population(2 members, 2 epochs, 2 go on)
    """
    points = as_space(space)
    check_options(batch_size=batch_size, compute_dtype=compute_dtype, stop=stop, shuffle_seed=shuffle_seed,
                  shuffle=shuffle, standardise=standardise)  # fmt: skip
    source = _source(trial, data, points, epochs, validation=validation, shuffle=shuffle,
                     shuffle_seed=shuffle_seed, scale=standardise, prepare=prepare, groups=groups)  # fmt: skip
    options = dict(batch_size=batch_size, stop=stop, shuffle=shuffle, compute_dtype=compute_dtype)
    entries, cohorts = _cohorts(trial, source, points, epochs=FOREVER if epochs is None else epochs, **options)
    if len(cohorts) != 1:
        raise ValueError(
            f"a population has one structure, and this space has {len(cohorts)}; write nn.grid(trial, data, space, "
            "epochs=...) for all of them, or one nn.population for each"
        )
    return begin(entries, source, _layout(plan, entries, source), start)


def _source(trial: TrialLike, data: Any, points: Space, epochs: int | None, **options: Any) -> Source:
    """The data as the loss of the first point reads them."""
    return read(data, task=task_of(trial, points.points[0], epochs or 1), **options)


def _cohorts(trial: TrialLike, source: Source, points: Space, **options: Any) -> tuple[list[Entry], list[list[int]]]:
    """Every point sorted, built and checked; and their numbers, a list for each structure."""
    entries: list[Entry] = []
    cohorts: dict[Any, list[int]] = {}
    for i, point in enumerate(points.points):
        with _numbered(i, point):
            entry = enrol(trial, source, point, **options)
            own = cohorts.setdefault(entry.structure, [])
            with naming_culprits(entry, source):
                built = entry.trial()
                if not own:  # what only structure decides
                    check(entry, built, source)
        entries.append(entry)
        own.append(i)
    return entries, list(cohorts.values())


@contextmanager
def _numbered(i: int, point: dict[str, Any]) -> Iterator[None]:
    """Around what checks a point: an error says which one."""
    try:
        yield
    except (ValueError, TypeError) as error:
        if len(error.args) == 1 and isinstance(error.args[0], str):
            error.args = (f"point {i} of the space, {point}: {error.args[0]}",)
        raise


def _layout(plan: Any, entries: Sequence[Entry], source: Source) -> plans.Plan:
    state, size = shapes(entries[0], source), entries[0].recipe.batch_size
    work, taken = plans.work_of(state.params, size), plans.bytes_of(state, source.first_row, size)
    return plans.choose(plan, len(entries), work, taken, source.device)


def _done(starts: list[Any]) -> int:
    return max((s.epochs for s in starts if hasattr(s, "epochs") and hasattr(s, "last")), default=0)


def _finished(population: Population, begun: bool = False) -> list[Cohort]:
    """The members that had finished when the others were interrupted, of each group that had begun; or all of these."""
    ended, found = ~population.going, []
    for group in population.groups:
        if group.standing.state is None:
            continue
        done = np.asarray(group.state(population.layout).epoch) > 0
        own = np.flatnonzero(done if begun else ended[group.members])
        if len(own):
            entries, layout = [population.entries[i] for i in group.members], population.layout
            part = Population(population.source, entries, layout, taken=population.taken)
            part.begin(group.state(layout), group.history(), group.standing.epoch)
            found.append(Cohort.of(population.numbers[group.members[own]], part.take(own), False))
    return found
