"""The points of a search as they come, batch after batch: rows read once, few programs, all runs at the end."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypedDict

import jax
import numpy as np

from jaxnn.data.source import Source
from jaxnn.data.streamed import read
from jaxnn.grid import plan as plans
from jaxnn.grid.cohort import Cohort, Report
from jaxnn.grid.engine import cohorts_of
from jaxnn.grid.filled import filled
from jaxnn.grid.results import Runs
from jaxnn.grid.space import Space
from jaxnn.search.batch import Batch, Part
from jaxnn.train.begin import begin, shapes
from jaxnn.train.enrol import Entry, task_of
from jaxnn.train.options import check_options, whole
from jaxnn.train.outcome import Outcome, bare, merged, shown
from jaxnn.train.population import Population
from jaxnn.train.result import Run
from jaxnn.train.trial import TrialLike

LEAST = 8
"""Places that a program has at least, where members go side by side."""


class Options(TypedDict, total=False):
    """What a search takes as `jaxnn.grid` does, with the same defaults."""

    batch_size: int | None
    validation: Any
    stop: Any
    plan: Any
    shuffle_seed: int
    shuffle: bool
    standardise: bool
    prepare: Any
    groups: Any
    compute_dtype: Any


OF_POINTS = {"batch_size": 32, "stop": None, "shuffle": True, "compute_dtype": None}
OF_ROWS = {"validation": None, "shuffle_seed": 0, "standardise": False, "prepare": None, "groups": None}


class Done(NamedTuple):
    """Members of one structure that train no more.

    Args:
        numbers: of their points.
        entries: one for each.
        outcome: what came of them.
        plan: how they lay on the machine.
        timing: seconds to compile and to run, and compilations.
    """

    numbers: np.ndarray
    entries: list[Entry]
    outcome: Outcome
    plan: Any
    timing: dict[str, float]


class Batches:
    """Trains the points that a search asks for.

    All batches see the same rows. Members of one structure share one program, whatever their number: a call of it has
    places for a whole batch where members follow one another, else for the next power of two.

    Args:
        trial: a function from hyperparameters to a `Trial`.
        data: as in `jaxnn.grid`.
        epochs: passes over the data, at most.
        full: points of a whole batch.
        seeds: with how many seeds each point is trained.
        options: as in `jaxnn.grid`.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> batches = Batches(line, (np.ones((4, 1)), np.ones(4)), epochs=2, full=2)
        >>> batch = batches.begin([dict(lr=0.1), dict(lr=0.2)])
        >>> batch.advance(2)
        >>> batches.close(batch)
        >>> batches.runs().table["epochs_done"]
        [2, 2]
    """

    def __init__(
        self, trial: TrialLike, data: Any, *, epochs: int, full: int, seeds: int = 1, options: Any = None
    ):  # fmt: skip
        known = {**OF_POINTS, **OF_ROWS, "plan": "auto"}
        unknown = next((name for name in options or {} if name not in known), None)
        if unknown is not None:
            raise ValueError(f"a search has no argument {unknown!r}; write one of {', '.join(known)}")
        self.options: dict[str, Any] = known | dict(options or {})
        for name, value in {"epochs": epochs, "batch": full, "seeds": seeds}.items():
            whole(name, value)
        check_options(**{n: self.options[n] for n in (*OF_POINTS, "shuffle_seed", "standardise")})
        self.trial, self.data, self.epochs, self.seeds, self.full = trial, data, epochs, seeds, full * seeds
        self.points: list[dict[str, Any]] = []
        self.axes: tuple[str, ...] = ()
        self._done: list[Done] = []
        self.source: Any = None  # a `Source`, once there is a point
        self._known: dict[Any, dict[int, plans.Plan]] = {}  # by structure, the plans that were compiled, by their room
        self._work: dict[Any, tuple[int, int]] = {}

    def begin(self, points: Sequence[dict[str, Any]]) -> Batch:
        """Members for these points, ready to train: each built and checked, those of one structure together.

        Raises:
            ValueError: for a point that does not fit, as in `jaxnn.grid`.
        """
        new = self._with_seeds([dict(point) for point in points])
        if self.source is None:
            own = {name: v for name, v in self.options.items() if name in OF_ROWS and name != "standardise"}
            scale, task = self.options["standardise"], task_of(self.trial, new[0], self.epochs)
            self.source = read(self.data, task=task, scale=scale, shuffle=self.options["shuffle"], **own)
        self.axes = tuple(dict.fromkeys([*self.axes, *(name for point in new for name in point)]))
        own = {name: self.options[name] for name in OF_POINTS}
        entries, cohorts = cohorts_of(
            self.trial, self.source, self._space(new), self._work, epochs=self.epochs, **own
        )  # fmt: skip
        batch = Batch(len(self.points), len(new), [])
        self.points += new
        for members in cohorts:
            of_one = [entries[i] for i in members]
            population = begin(of_one, self.source, self._layout(of_one[0], len(of_one)))
            batch.parts.append(Part(np.array(members), population))
        return batch

    def _with_seeds(self, points: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if self.seeds == 1:
            return points
        if any("seed" in point for point in points):
            raise ValueError("the points have seeds of their own, and seeds= gives others; write one of the two")
        return [{**point, "seed": seed} for point in points for seed in range(self.seeds)]

    def _space(self, points: list[dict[str, Any]]) -> Space:
        own = {"seed": 0, "batch_size": self.options["batch_size"], "epochs": self.epochs}
        return filled(Space(tuple(points), self.axes), self.trial, **own)

    def _layout(self, entry: Entry, members: int) -> plans.Plan:
        """Where members of a structure lie: in a program that there is, or in a new one with some room."""
        structure, source = entry.structure, self.source
        if structure not in self._work:
            state, size = shapes(entry, source), entry.recipe.batch_size
            self._work[structure] = plans.work_of(state.params, size), plans.bytes_of(state, source.first_row, size)
        known = self._known.setdefault(structure, {})
        room = min((room for room in known if room >= members), default=0)
        if room:
            return known[room]
        full = max(self.full, members)
        found = self._chosen(structure, full)
        if found.width > 1:
            found = self._chosen(structure, min(full, max(LEAST, 1 << (members - 1).bit_length())))
        return known.setdefault(found.room or 1, found)

    def _chosen(self, structure: Any, room: int) -> plans.Plan:
        found = plans.choose(self.options["plan"], room, *self._work[structure], self.source.device)
        return replace(found, room=room)

    def metrics(self, batch: Batch, names: Any) -> tuple[str, ...]:
        """The columns of the history that a search goes by: those asked for, or the first of the usual ones.

        Raises:
            ValueError: for one that the history of a structure will not have.
        """
        for part in batch.parts:
            known = [n for n in part.population.entries[0].trial().directions if self._has(n)]
            if names is None:
                names = next(name for name in ("val_accuracy", "val_loss", "loss") if name in known)
            names = (names,) if isinstance(names, str) else tuple(names)
            missing = next((name for name in names if name not in known), None)
            if missing is not None:
                held = "" if self._has(missing) else "; there is no validation part: write validation=0.2"
                raise ValueError(f"the history has no {missing!r}; write metric= one of {', '.join(known)}{held}")
        return names

    def _has(self, name: Any) -> bool:
        return self.source.holds_out or not str(name).startswith("val_")

    def drop(self, batch: Batch, gone: np.ndarray) -> None:
        """Take members out of a batch, ``(size,)`` bool; the others lie closer together, in the same program."""
        parts = []
        for part in batch.parts:
            out = gone[part.members]
            if not out.any():
                parts.append(part)
                continue
            self._keep(batch.first + part.members[out], part.population.take(out), part.timing if out.all() else {})
            if not out.all():
                parts.append(Part(part.members[~out], part.population.take(~out), part.timing))
        batch.parts = parts

    def close(self, batch: Batch) -> None:
        """Put down what came of the members that are left of a batch."""
        for part in batch.parts:
            self._keep(batch.first + part.members, part.population, part.timing)
        batch.parts = []

    def _keep(self, numbers: np.ndarray, population: Population, timing: dict[str, float]) -> None:
        self._done.append(Done(numbers, population.entries, population.outcome, population.layout, timing))

    def runs(self) -> Runs:
        """All members that train no more, in the order in which their points were asked for."""
        by_structure: dict[Any, list[Done]] = {}
        for done in self._done:
            by_structure.setdefault(done.entries[0].structure, []).append(done)
        again = {name: v for name, v in self.options.items() if name != "plan"} | {"epochs": self.epochs}
        cohorts = tuple(_cohort(found, self.source) for found in by_structure.values())
        return Runs(self.trial, self.data, self._space(self.points), self.source, cohorts, again)


def _cohort(found: list[Done], source: Source) -> Cohort:
    """All members of one structure, in the order of their points."""
    numbers = np.concatenate([done.numbers for done in found])
    order = np.argsort(numbers)
    entries: list[Entry] = [entry for done in found for entry in done.entries]
    entries = [entries[i] for i in order]
    outcome = jax.tree.map(lambda a: a[order], merged([done.outcome for done in found]))
    trial, first = entries[0].trial(), entries[0]
    fixed = {s.name: first.hparams[s.name] for s in first.recipe.structure if s.is_fixed}
    compiling, running, compiles = (
        sum(done.timing.get(n, 0) for done in found) for n in ("compile", "run", "compiles")
    )
    report = Report(fixed, len(order), found[0].plan, compiling, running, int(compiles))
    return Cohort(
        numbers[order], outcome, partial(_made, entries, outcome, source), report, trial.stop, trial.directions
    )


def _made(entries: list[Entry], outcome: Outcome, source: Source, k: int) -> Run:
    hparams = {name: shown(v) for name, v in entries[k].hparams.items()}
    return outcome.run(k, bare(entries[k], source), hparams, entries[k].seed)
