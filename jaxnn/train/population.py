"""A population: members of one structure that train together, can be taken apart, saved and gone on with."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxnn.core.tree import member as one_of
from jaxnn.data.source import Source
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.engine import Member
from jaxnn.train.enrol import Entry
from jaxnn.train.exchange import put, replaced
from jaxnn.train.group import Group, Standing, shared
from jaxnn.train.layout import Layout, of_members
from jaxnn.train.outcome import Outcome, bare, chosen, columns, joined, shown
from jaxnn.train.program import needed, programs
from jaxnn.train.result import Run
from jaxnn.train.shortage import in_groups
from jaxnn.train.stream_programs import stream_programs
from jaxnn.train.streamed import groups_of
from jaxnn.train.taken import Taken


class Population:
    """Members of one structure that train together, in one compiled program. `jaxnn.population` makes one.

    It advances by epochs, all members side by side in time; between two calls members can be taken out, put in the
    place of others, with other hyperparameters, saved and loaded. Whoever stopped, diverged or came to its own end
    stays as it is.

    **A search of one's own** is a few lines. Population-based training, say: every five epochs the worse half goes on
    from the better half, with learning rates a little off::

        pop = nn.population(trial, data, dict(lr=nn.logspace(1e-4, 1e-1, 16)), validation=0.2)
        for _ in range(10):
            pop.advance(5)
            order = np.argsort(pop.table["val_loss"])
            winners, losers = order[:8], order[8:]
            rates = np.array(pop.table["lr"])[winners] * rng.choice([0.8, 1.25], 8)
            pop.put(losers, pop.take(winners), lr=rates)
        best = pop.run(int(np.argmin(pop.table["val_loss"])))

    Successive halving is ``pop = pop.take(order[: len(pop) // 3])`` in such a loop; a race against the clock is a loop
    over ``pop.advance(1)``; ``pop.save(folder)`` in it survives a kill, and ``nn.Population.load(folder, trial, data)``
    goes on. A member is, whatever happens to the others, what it would be alone.

    Args:
        source: the rows.
        entries: one for each member.
        layout: how they lie on the machine.
        taken: which weights came from elsewhere, or None.
        given: these weights, stacked.

    Example:
        >>> import optax, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> pop = nn.population(line, (x, 2 * x[:, 0]), dict(lr=[0.3, 0.1, 0.01]))
        >>> pop.advance(3)
        >>> best = pop.take([int(np.argmin(pop.table["loss"]))])
        >>> best.advance(2)
        >>> best.table["lr"], best.table["epochs_done"]
        ([0.3], [5])
    """

    def __init__(
        self, source: Source, entries: Sequence[Entry], layout: Layout, *, taken: Taken | None = None, given: Any = None
    ):
        self.source, self.entries, self.layout, self.taken = source, list(entries), layout, taken
        self.recipe, self.shuffle, self.given = entries[0].recipe, entries[0].shuffle, {} if given is None else given
        self.timing, self.compiled_bytes, self.halvings = {"compile": 0.0, "run": 0.0, "compiles": 0}, 0, 0
        self.groups = groups_of(source, entries, layout.chunk)
        self.numbers, self.name = np.arange(len(entries)), ""
        self.visits: list[Callable[[int, Group, bool], None]] = []
        self.placed: Any = None
        self._outcome: Outcome | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        active = int(self.going.sum())
        return f"Population({len(self)} members, {self.epoch} epochs, {active} go on)"

    @property
    def epoch(self) -> int:
        """Epochs done by members that never stopped."""
        return min(group.standing.epoch for group in self.groups)

    @property
    def going(self) -> np.ndarray:
        """Which members still train, ``(members,)`` bool."""
        return np.concatenate([self._going(group) for group in self.groups])

    def _going(self, group: Group) -> np.ndarray:
        if group.standing.state is None:
            return np.ones(len(group.members), bool)
        return group.going(self._of(self._member(), group.members), self.layout)

    def advance(
        self, epochs: int, callbacks: Sequence[Callable] = (), visited: Callable[[int], Any] = lambda weight: None
    ) -> None:
        """Train all members for so many more epochs, or until none goes on.

        Args:
            epochs: how many.
            callbacks: functions ``(population, epoch, row)``, called after each epoch, or after each ``f.every``
                epochs; ``row`` holds the metrics of that epoch by name, ``(members,)``.
            visited: called between calls of the program, with the epochs times members that were done.

        Raises:
            KeyboardInterrupt: on Ctrl-C, within a second; what the device finished until then is kept.
        """
        target = self.epoch + epochs
        while self.epoch < target:
            stops = [self.epoch - self.epoch % _every(f) + _every(f) for f in callbacks]
            until = min([target, *stops])
            in_groups(self, lambda number, until=until: self._train(number, self.groups[number], until, visited))
            for f in (f for f in callbacks if until % _every(f) == 0):
                f(self, until, self.row(until - 1))
            if not self.going.any():
                for group in self.groups:
                    group.standing = group.standing._replace(epoch=target)

    def _train(self, number: int, group: Group, target: int, visited: Callable[[int], None]) -> None:
        if group.standing.epoch < target and not self._going(group).any():
            group.standing = group.standing._replace(epoch=target)
        if group.standing.epoch >= target:
            return
        train, member = self.ready(group)
        began = time.perf_counter()

        def after(count: int) -> None:
            self._outcome = None
            visited(count * len(group.members))
            for visit in self.visits:
                visit(number, group, not self._going(group).any())

        try:
            group.train(train, member, self.layout, self.source, self.placed, target, self.shuffle, after)
        except KeyboardInterrupt:
            for visit in self.visits:
                visit(number, group, True)
            raise
        finally:
            self._outcome = None
            if len(self.groups) > 1 and group.standing.state is not None:
                group.standing = group.home(self.layout)
            self.timing["run"] += time.perf_counter() - began

    def ready(self, group: Group) -> tuple[Callable, Member]:
        """The program of a group and its members; its weights are drawn if it has none."""
        if self.placed is None:
            self.placed = self.layout.place(shared(self.source, self.entries[0].trial()))
        pair = (programs if self.source.whole else stream_programs)(self.recipe, self.layout)
        own = self._of((self._member(), self.given), group.members)
        with naming_culprits(self.entries[int(group.members[0])], self.source):
            train, member, seconds, compiles = group.start(pair, self.layout, own, self.source, self.placed)
        self.timing["compile"] += seconds
        self.timing["compiles"] += compiles
        self.compiled_bytes = max(self.compiled_bytes, needed(getattr(train, "go", train)))
        return train, member

    def _member(self) -> Member:
        """All members stacked, on the host."""
        names = self.entries[0].inside
        numbers = {n: tuple(map(np.stack, zip(*(e.inside[n] for e in self.entries), strict=True))) for n in names}
        own = [e._replace(inside={}).member({}) for e in self.entries]
        return jax.tree.map(lambda *a: np.stack(a), *own)._replace(hparams=numbers)

    def _of(self, tree: Any, members: Any) -> Any:
        return of_members(tree, members)

    def state(self, settled: bool = False) -> Any:
        """The stacked `TrainState` of all members, NumPy arrays, as it lies where devices share its weights; settled
        that between two epochs of a stream.

        Raises:
            ValueError: before the first epoch.
        """
        if any(group.standing.state is None for group in self.groups):
            raise ValueError("the population has no weights yet; write pop.advance(1) first")
        states = [group.state(self.layout, settled) for group in self.groups]
        return states[0] if len(states) == 1 else jax.tree.map(lambda *a: np.concatenate(a), *states)

    def begin(self, state: Any, history: dict[str, np.ndarray], epoch: int) -> None:
        """Go on from a stacked state on the host, with the history of ``epoch`` epochs."""
        for group in self.groups:
            own, curves = self._of(state, group.members), self._of(history, group.members)
            group.standing = Standing(own, False, epoch, {name: [v] for name, v in curves.items()})
        self._outcome = None

    @property
    def outcome(self) -> Outcome:
        """What came of the members so far: chosen weights and curves, stacked, on the host."""
        if self._outcome is None:
            state = self.state()
            curves = joined([group.history() for group in self.groups])
            best = None if state.best is None else state.best.epoch
            self._outcome = Outcome.of(state, *chosen(state), best, curves)
        return self._outcome

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The curves by metric, ``(members, epochs)``, NaN where an epoch was not done."""
        return self.outcome.history

    def row(self, epoch: int) -> dict[str, np.ndarray]:
        """The metrics of one epoch by name, ``(members,)``."""
        return {name: v[:, epoch] for name, v in self.history.items() if epoch < v.shape[1]}

    @property
    def table(self) -> dict[str, list]:
        """One row for each member, as columns: hyperparameters, then metrics at its chosen epoch."""
        return columns([e.point for e in self.entries], list(self.entries[0].point), self.outcome)

    def run(self, i: int) -> Run:
        """Member ``i`` as a `Run`."""
        if not -len(self) <= i < len(self):
            raise IndexError(f"there are {len(self)} members; write pop.run({len(self) - 1}) for the last")
        i = i % len(self)
        entry, last = self.entries[i], one_of(self.state(), i)
        hparams = {name: shown(v) for name, v in entry.hparams.items()}
        return self.outcome.run(i, bare(entry, self.source), hparams, entry.seed, last, self.taken, self.timing)

    def take(self, members: Any) -> "Population":
        """A population of some of the members, in this order; both go on independently."""
        members = self._numbers(members)
        layout = getattr(self.layout, "fitted", lambda count: self.layout)(len(members))
        given = self._of(self.given, members)
        new = Population(self.source, [self.entries[i] for i in members], layout, taken=self.taken, given=given)
        if self.groups[0].standing.state is not None:
            new.begin(self._of(self.state(True), members), self._of(self.history, members), self.epoch)
        return new

    def put(self, members: Any, other: "Population", **changes: Any) -> None:
        """Let members go on from those of another population, weights, optimizer, curves and all.

        Each keeps its own seed, and so draws other dropout masks.

        Args:
            members: whose places are taken, as many as ``other`` has.
            other: of the same structure and as many epochs, such as ``pop.take(winners)``.
            **changes: new values of hyperparameters, one for all or a sequence with one for each.

        Raises:
            ValueError: if numbers, structures or epochs differ, or a change would be another structure.
        """
        put(self, self._numbers(members), other, changes)

    def stop(self, members: Any) -> None:
        """Let members stay as they are from now on."""
        state, places = self.state(True), np.asarray(self._numbers(members))
        stopped = replaced(state.stopped, places, True)
        self.begin(state._replace(stopped=stopped), self.history, self.epoch)

    def _numbers(self, members: Any) -> list[int]:
        own = list(members) if isinstance(members, tuple) else members
        numbers = np.reshape(np.arange(len(self))[own], -1).tolist()
        if not numbers:
            raise ValueError("no member is chosen; write pop.take([0])")
        return numbers

    def save(self, folder: str | os.PathLike) -> None:
        """Write all of it into a folder of plain files, each whole or not at all; `load` reads it.

        Raises:
            ValueError: if the folder holds another population.
        """
        from jaxnn.io.folder import save

        save(folder, self)

    @staticmethod
    def load(
        folder: str | os.PathLike, trial: Any = None, data: Any = None, validation: Any = None,
        layout: Layout | None = None, prepare: Any = None, groups: Any = None, folds: Any = None, bootstrap: Any = None,
    ) -> "Population":  # fmt: skip
        """Read what `save` wrote, to go on where it was.

        Args:
            folder: what `save` wrote, or ``fit(..., folder=)``.
            trial, data, validation, prepare, groups, folds, bootstrap: as in the training; of validations only a pair.
            layout: how the members lie on this machine; None for one after the other.

        Raises:
            ValueError: if there is none, or it is of another trial or other data, with the first difference.
        """
        from jaxnn.io.folder import load

        return load(folder, trial, data, validation, layout, prepare, groups, folds, bootstrap)


def _every(callback: Callable) -> int:
    return getattr(callback, "every", 1)
