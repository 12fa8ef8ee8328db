"""`grid` and `population`: many networks, one compiled program for every structure."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np

from jaxnn.data.source import Source
from jaxnn.grid import crew, remote
from jaxnn.grid.came import Came, joined
from jaxnn.grid.cohort import Cohort
from jaxnn.grid.filled import filled
from jaxnn.grid.job import Job, layout_of
from jaxnn.grid.parted import parted
from jaxnn.grid.record import Search, check_search
from jaxnn.grid.recorded import write_rungs
from jaxnn.grid.results import Runs
from jaxnn.grid.space import Space, as_space
from jaxnn.grid.stored import write_table
from jaxnn.train.begin import begin
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.ending import Interrupted, told
from jaxnn.train.enrol import Entry, check, enrol
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
    folds: Any = None,
    bootstrap: int | None = None,
    stop: Any = None,
    plan: Any = "auto",
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    prepare: Any = None,
    groups: Any = None,
    precision: Any = None,
    micro: int | None = None,
    start: Any = None,
    search: Search | None = None,
    folder: str | os.PathLike | None = None,
    callbacks: Sequence[Callable] = (),
    states: bool = False,
    on: Any = None,
    progress: bool = True,
) -> Runs:
    """Train every point of a space; members of one structure share one compiled program.

    Floats ride inside the program as one more array axis; sizes, names and functions split the points into
    populations, one program each. All members see the rows in the same order, so the comparison is paired. A member
    that diverges goes back to the beginning of that epoch, is marked, and changes nothing for the others.

    Args:
        trial: a function from hyperparameters to a `Trial`, or a `Trial` where only seeds vary.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set; or batches of them, as `jaxnn.stream` says, which are read
            once for each structure and each chunk of members.
        space: a dict of axes (their product), a list of dicts (its points), or a space of `jaxnn.space`. ``seed``,
            ``batch_size`` and ``epochs`` are axes too; `jaxnn.traced` takes whole numbers inside. A name that a point
            lacks takes the default of the trial function.
        epochs: passes over the data, at most; None where ``epochs`` is an axis.
        batch_size: rows of a step, where ``batch_size`` is no axis; None for all rows in one step, in their own order.
        validation, stop, shuffle_seed, shuffle, standardise, prepare, groups, precision, micro: as in `fit`, for all
            members; with folds what is fitted is fitted on the training rows of each.
        folds: cross-validation, in the place of ``validation``: a number of folds, `jaxnn.folds`, a splitter of
            scikit-learn, or a list of ``(train_rows, test_rows)``. Each point is trained once for each fold on its
            rows, by number, and the ``val_`` metrics are those of the rows it holds out; ``fold`` is the last axis of
            the space, and `Runs.cv` sums up. Classes are held out in proportion.
        bootstrap: how many bootstrap draws of the rows, in the place of folds; scored on those that were not drawn.
        plan: ``"auto"``, ``"map"``, ``"vmap"`` or a `Plan`. Under ``"map"`` a member equals its solo `fit` to the bit.
        start: as in `fit`, for all members, or a list or `Runs` with one for each.
        search: how epochs are spent where not every point is trained to its end: `Halving`, `Hyperband`,
            `PopulationBased`, or None.
        folder: where to write every few seconds, and from where to go on after a kill; `jaxnn.load_runs` reads it.
        callbacks: as in `fit`; a grid of several structures calls them for one population after the other.
        states: keep the last state of every member, optimizer and all, for ``start=``.
        on: None for the devices of this process, or of all processes where `jax.distributed` runs; or who trains the
            parts elsewhere: `jaxnn.ray`, or any executor of `concurrent.futures`, of Dask or of MPI.
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
        >>> runs = nn.grid(line, (x, 2 * x[:, 0]), dict(lr=[0.3, 0.1]), epochs=5, folds=4)
        >>> len(runs), runs.cv().best
        (8, {'lr': 0.3})
    """
    points = as_space(space)
    check_search(search)
    if epochs is not None:
        whole("epochs", epochs)
    elif not all("epochs" in point for point in points.points):
        without = "a grid" if "epochs" not in points.axes else "a point without epochs"
        raise ValueError(
            f"{without} needs a number of epochs; write grid(..., epochs=100), or an axis epochs=[10, 100]"
        )
    check_options(batch_size=batch_size, micro=micro, precision=precision, stop=stop, shuffle_seed=shuffle_seed,
                  callbacks=callbacks, folder=folder, shuffle=shuffle, standardise=standardise, states=states,
                  progress=progress)  # fmt: skip
    _check_where(on, search, callbacks, plan)
    reading = dict(validation=validation, folds=folds, bootstrap=bootstrap, shuffle_seed=shuffle_seed, shuffle=shuffle,
                   scale=standardise, prepare=prepare, groups=groups)  # fmt: skip
    source, points = parted(trial, data, points, epochs, **reading)
    if on is not None and not source.whole:
        raise ValueError("on= sends the data to other processes, and a stream is read by this one; leave on= out")
    starts = list(start) if isinstance(start, (list, tuple, Runs)) and not hasattr(start, "_fields") else None
    if starts is not None and len(starts) != len(points):
        raise ValueError(f"start= holds {len(starts)} and there are {len(points)} members; write one, or one for each")
    done = _done(starts if starts is not None else [start])
    last = None if epochs is None else done + epochs
    options: dict[str, Any] = dict(epochs=last, batch_size=batch_size, stop=stop, shuffle=shuffle, precision=precision,
                                   micro=micro)  # fmt: skip
    points = filled(points, trial, seed=0, batch_size=batch_size, epochs=last)
    entries, cohorts = cohorts_of(trial, source, points, **options)
    source.admits(max(e.epochs for e in entries) - done, len(cohorts) + (search is not None), folder)
    if search is not None:
        search.check(entries, folder)
    job = Job(trial, data, points, epochs, reading, options, start if starts is None else starts,
              plan, folder, states)  # fmt: skip
    work = sum(len(own) * (max(entries[i].epochs for i in own) - done) for own in cohorts) // jax.process_count()
    work = work if search is None else search.work(len(points), max(e.epochs for e in entries))
    found: list[Came] = []
    with progress_bar(work, progress and jax.process_index() == 0, f"grid of {len(points)}") as bar:
        try:
            record = crew.train_all(on, job, source, entries, cohorts, found, callbacks, bar.update, search)
        except KeyboardInterrupt as error:
            part = tuple(Cohort.of(came, [entries[i] for i in came.points], source) for came in found)
            raise Interrupted(Runs(trial, data, points, source, part, {}).finished) from error
    by = [joined([came for came in found if came.points[0] in own]) for own in map(set, cohorts)]
    again = dict(batch_size=batch_size, validation=validation, stop=stop, shuffle_seed=shuffle_seed, shuffle=shuffle,
                 standardise=standardise, prepare=prepare, groups=groups, precision=precision, epochs=epochs,
                 micro=micro, start=job.start)  # fmt: skip
    runs = Runs(trial, data, points, source, tuple(Cohort.of(c, [entries[i] for i in c.points], source) for c in by),
                again, record)  # fmt: skip
    if folder is not None and jax.process_index() == 0:
        write_table(folder, runs)
        write_rungs(folder, record)
    told(np.concatenate([c.outcome.diverged for c in by]), source)
    return runs


def _check_where(on: Any, search: Any, callbacks: Sequence[Callable], plan: Any) -> None:
    """Raise for an executor that is none, and for a search in more than one process."""
    if on is not None:
        remote.check_executor(on, callbacks)
    if search is not None and (on is not None or jax.process_count() > 1):
        raise ValueError("search= compares its members in one process; leave on= out and search in one process, or "
                         "write nn.grid(..., on=) without search=")  # fmt: skip
    if getattr(plan, "each", 1) > 1 and jax.process_count() > 1:
        raise ValueError("each process of a grid trains members of its own, and this plan lays a member "
                         "over all of them; write nn.fit(..., plan=plan) for one network")  # fmt: skip


def population(
    trial: TrialLike,
    data: Any,
    space: Any,
    *,
    epochs: int | None = None,
    batch_size: int | None = 32,
    validation: Any = None,
    folds: Any = None,
    bootstrap: int | None = None,
    stop: Any = None,
    plan: Any = "auto",
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    prepare: Any = None,
    groups: Any = None,
    precision: Any = None,
    micro: int | None = None,
    start: Any = None,
) -> Population:
    """Members of one structure, ready to train: advance them, take some, put others in their place, save them.

    Args:
        trial, data, batch_size, validation, folds, bootstrap, stop, plan, shuffle_seed, shuffle: as in `grid`.
        standardise, prepare, groups, precision, micro, start: as in `grid`.
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
    check_options(batch_size=batch_size, micro=micro, precision=precision, stop=stop, shuffle_seed=shuffle_seed,
                  shuffle=shuffle, standardise=standardise)  # fmt: skip
    source, points = parted(trial, data, points, epochs, validation, folds, bootstrap, shuffle_seed=shuffle_seed,
                            shuffle=shuffle, scale=standardise, prepare=prepare, groups=groups)  # fmt: skip
    options: dict[str, Any] = dict(batch_size=batch_size, stop=stop, shuffle=shuffle, precision=precision, micro=micro)
    points = filled(points, trial, seed=0, batch_size=batch_size, **({} if epochs is None else {"epochs": epochs}))
    entries, cohorts = cohorts_of(trial, source, points, epochs=FOREVER if epochs is None else epochs, **options)
    if len(cohorts) != 1:
        raise ValueError(
            f"a population has one structure, and this space has {len(cohorts)}; write nn.grid(trial, data, space, "
            "epochs=...) for all of them, or one nn.population for each"
        )
    return begin(entries, source, layout_of(plan, entries, source), start)


def cohorts_of(
    trial: TrialLike, source: Source, points: Space, known: Collection = (), **options: Any
) -> tuple[list[Entry], list[list[int]]]:
    """Every point sorted, built and checked; and their numbers, a list for each structure.

    Args:
        known: structures that were checked against these rows before.
        **options: of `jaxnn.train.enrol.enrol`.
    """
    entries: list[Entry] = []
    cohorts: dict[Any, list[int]] = {}
    for i, point in enumerate(points.points):
        with _numbered(i, point):
            entry = enrol(trial, source, point, **options)
            own = cohorts.setdefault(entry.structure, [])
            with naming_culprits(entry, source):
                built = entry.trial()
                if not own and entry.structure not in known:  # what only structure decides
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


def _done(starts: list[Any]) -> int:
    return max((s.epochs for s in starts if hasattr(s, "epochs") and hasattr(s, "last")), default=0)
