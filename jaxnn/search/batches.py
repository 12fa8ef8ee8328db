"""The points of a search as they come, batch after batch: rows read once, few programs, all runs at the end."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypedDict

import numpy as np

from jaxnn.core.precision import precision_of
from jaxnn.core.registry import usual
from jaxnn.data.streamed import read
from jaxnn.grid.came import TIMES, Came, joined
from jaxnn.grid.choose import choose
from jaxnn.grid.cohort import Cohort
from jaxnn.grid.engine import cohorts_of
from jaxnn.grid.filled import filled
from jaxnn.grid.memory import Gauge
from jaxnn.grid.plan import Plan
from jaxnn.grid.results import Runs
from jaxnn.grid.space import Space
from jaxnn.search.batch import Batch, Part
from jaxnn.train.begin import begin
from jaxnn.train.enrol import Entry, task_of
from jaxnn.train.options import check_options, whole
from jaxnn.train.population import Population
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
    precision: Any
    micro: int | None


OF_POINTS = {"batch_size": 32, "stop": None, "shuffle": True, "precision": None, "micro": None}
OF_ROWS = {"validation": None, "shuffle_seed": 0, "standardise": False, "prepare": None, "groups": None}


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
        self._done: dict[Any, list[Came]] = {}  # by structure
        self._entries: dict[int, Entry] = {}  # of the members that train no more, by their numbers
        self.source: Any = None  # a `Source`, once there is a point
        self._known: dict[Any, dict[int, Plan]] = {}  # by structure, the plans that were compiled, by their room
        self._gauges: dict[Any, Gauge] = {}

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
            self.trial, self.source, self._space(new), self._gauges, epochs=self.epochs, **own
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

    def _layout(self, entry: Entry, members: int) -> Plan:
        """Where members of a structure lie: in a program that there is, or in a new one with some room."""
        structure = entry.structure
        if structure not in self._gauges:
            self._gauges[structure] = Gauge(entry, self.source)
        known = self._known.setdefault(structure, {})
        room = min((room for room in known if room >= members), default=0)
        if room:
            return known[room]
        full = max(self.full, members)
        found = self._chosen(structure, full)
        if found.width > 1:
            found = self._chosen(structure, min(full, max(LEAST, 1 << (members - 1).bit_length())))
        return known.setdefault(found.room or 1, found)

    def _chosen(self, structure: Any, room: int) -> Plan:
        found = choose(self.options["plan"], room, self._gauges[structure], self.source.device)
        return replace(found, room=room, precision=precision_of(self.options["precision"]))

    def metrics(self, batch: Batch, names: Any) -> tuple[str, ...]:
        """The columns of the history that a search goes by: those asked for, or the first of the usual ones.

        Raises:
            ValueError: for one that the history of a structure will not have.
        """
        for part in batch.parts:
            known = part.population.entries[0].columns
            names = usual(known) if names is None else names
            names = (names,) if isinstance(names, str) else tuple(names)
            missing = next((name for name in names if name not in known), None)
            if missing is not None:
                lacking = not self.source.holds_out and str(missing).startswith("val_")
                held = "; there is no validation part: write validation=0.2" * lacking
                raise ValueError(f"the history has no {missing!r}; write metric= one of {', '.join(known)}{held}")
        return names

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
        came = Came.of(numbers, population, False)._replace(timing=dict.fromkeys(TIMES, 0) | timing, taken=None)
        self._done.setdefault(population.entries[0].structure, []).append(came)
        self._entries |= dict(zip(numbers.tolist(), population.entries, strict=True))

    def runs(self) -> Runs:
        """All members that train no more, in the order in which their points were asked for."""
        cohorts = []
        for parts in self._done.values():
            came = joined(parts)._replace(parts=1)
            cohorts.append(Cohort.of(came, [self._entries[i] for i in came.points], self.source))
        again = {name: v for name, v in self.options.items() if name != "plan"} | {"epochs": self.epochs}
        return Runs(self.trial, self.data, self._space(self.points), self.source, tuple(cohorts), again)
