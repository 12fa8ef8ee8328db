"""The members of one call: their state, on the devices or on the host, and how far they have come."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.waiting import Task
from jaxnn.data.source import Block, Source
from jaxnn.train.class_weight import counted
from jaxnn.train.engine import Member
from jaxnn.train.layout import Layout, agreed, lies_split, of_members
from jaxnn.train.program import Programs, settings
from jaxnn.train.trial import Trial

VISIT_SECONDS = 0.4
"""How long the device works between two visits of the host."""
KEEP_SECONDS = 10.0
"""Between two copies of the state to the host, at least: a call that fails may have lost it."""
KEEP_SHARE = 0.02
"""The part of the time that these copies may take."""
PATIENCE_SECONDS = 0.7
"""How long Ctrl-C waits for the device to finish what it is at, so that this is not lost."""


class Standing(NamedTuple):
    """Where members stand after a visit.

    Args:
        state: a stacked `TrainState`, as the layout laid it or on the host.
        laid: whether it is as the layout laid it.
        epoch: epochs done by whoever still goes on.
        history: metric names to lists of arrays ``(members, epochs of a visit)``.
        middle: where in an epoch of a stream they stand, a `jaxnn.train.streamed.Middle`; or None.
    """

    state: Any
    laid: bool
    epoch: int
    history: dict[str, list[np.ndarray]]
    middle: Any = None


class Group:
    """Members that go through one call of a program together.

    Args:
        members: their numbers in the population.
    """

    def __init__(self, members: np.ndarray, standing: Standing | None = None):
        self.members = members
        self.standing = standing or Standing(None, False, 0, {})
        self.kept, self.due = self.standing, 0.0
        self.pace = 1

    def state(self, layout: Layout, settled: bool = False) -> Any:
        """The state in the order of the members, settled that between two epochs.

        It is on the host, or where weights are split on the devices as it lies.
        """
        state = self.standing.state
        if not self.standing.laid:
            return state
        back = self._back(layout)
        if layout.spread is None or not layout.spread.splits:
            host = jax.tree.map(lambda a: np.asarray(a)[back], state)
        elif layout.arrange(len(back)).tolist() == list(range(len(back))):  # each where it stands: no copy
            host = jax.tree.map(lambda a: a if lies_split(a) else np.asarray(a)[back], state)
        else:
            host = of_members(state, back)
        if not _splits(layout):
            self.kept = self.standing._replace(state=host, laid=False)
        return host

    def keep(self, layout: Layout) -> None:
        """Now and then take a copy of the state to the host: a call gives its memory away, and may fail."""
        began = time.perf_counter()
        if len(self.members) > 1 and began >= self.due and layout.spread is None:
            self.state(layout)
            now = time.perf_counter()
            self.due = now + max(KEEP_SECONDS, (now - began) / KEEP_SHARE)

    def fall_back(self, layout: Layout) -> None:
        """To the host; and to where the members stood when their state was last there, if a call has taken it."""
        try:
            state = self.state(layout)
            if any(isinstance(a, jax.Array) and a.is_deleted() for a in jax.tree.leaves(state)):
                raise RuntimeError("a call has taken it")
            self.standing = self.standing._replace(state=state, laid=False)
        except RuntimeError:  # it is deleted, or came of a call that failed
            self.standing = self.kept

    def divided(self, size: int) -> "list[Group]":
        """Groups of no more than ``size`` of the members, which stand where they stood on the host."""
        count = len(self.members)
        if count <= size:
            return [self]
        parts = []
        for own in np.array_split(np.arange(count), -(-count // size)):
            state = jax.tree.map(lambda a, i=own: np.asarray(a)[i], self.standing.state)
            history = {name: [v[own] for v in values] for name, values in self.standing.history.items()}
            parts.append(Group(self.members[own], self.standing._replace(state=state, history=history)))
        return parts

    def home(self, layout: Layout) -> Standing:
        """Where the members stand, on the host."""
        return self.standing._replace(state=self.state(layout), laid=False)

    def going(self, member: Member, layout: Layout) -> np.ndarray:
        """Which members still train, ``(members,)`` bool, without a look at the weights."""
        light = self.standing.state._replace(params=(), model_state=(), opt_state=(), metrics={}, best=None)
        return going(member, Group(self.members, self.standing._replace(state=light)).state(layout))

    def _back(self, layout: Layout) -> np.ndarray:
        """In which place of the layout each member stands."""
        return np.unique(layout.arrange(len(self.members)), return_index=True)[1]

    def history(self) -> dict[str, np.ndarray]:
        """The curves, ``(members, epochs)``; those of epochs that a member has not done hold anything."""
        return {name: np.concatenate(parts, 1) for name, parts in self.standing.history.items()}

    def start(self, programs: Programs, layout: Layout, own: tuple, source: Source, shared: tuple) -> tuple:
        """Compile, and draw weights where there are none; returns the program, its members, seconds, compilations."""
        given = placed(own, layout, len(self.members))
        state = self.standing.state
        if not self.standing.laid:
            # What is split is not kept: it would be there twice.
            self.kept = Standing(None, False, 0, {}) if _splits(layout) else self.standing
            self.due = time.perf_counter() + KEEP_SECONDS
        if state is not None and not self.standing.laid:
            order = layout.arrange(len(self.members))
            state = layout.place(of_members(state, order), by_member=True)
            self.standing = self.standing._replace(state=state, laid=True)
        row, block = layout.place(source.first_row), Block(*shared, *layout.place(source.work(0, 0)))
        begin, train, seconds, compiles = programs.compile(given, row, block, state)
        if state is None:
            self.standing = Standing(begin(given, row), True, 0, {})
        return train, given[0], seconds, compiles

    def train(
        self, program: Callable, member: Member, layout: Layout, source: Source, shared: tuple, target: int,
        shuffle: bool, visited: Callable[[int], None],
    ) -> None:  # fmt: skip
        """Go on until ``target`` epochs are done or no member goes on; ``visited(epochs)`` is called between calls."""
        back = self._back(layout)
        while self.standing.epoch < target:
            before = self.standing
            count = min(self.pace, target - before.epoch, source.capacity)
            block = Block(*shared, *layout.place(source.work(before.epoch, count, shuffle)))
            began = time.perf_counter()
            interrupted, task = None, Task(partial(_visit, program, member, before, block, count, back), now=False)
            try:
                task.begin(here=settings().jax_disable_jit or settings().jax_debug_nans)
                self.standing = task.result()
            except KeyboardInterrupt as error:
                interrupted, self.standing = error, Standing(None, False, 0, {})  # its memory is given away
                if not task.ready(PATIENCE_SECONDS):
                    raise
                self.standing = task.result()
            except RuntimeError:
                self.fall_back(layout)
                raise
            if interrupted is not None:
                raise interrupted
            self.pace = agreed(layout, max(1, int(VISIT_SECONDS * count / max(time.perf_counter() - began, 1e-6))))
            if not going(member, self.standing.state).any():
                self.standing = self.standing._replace(epoch=target)
            visited(self.standing.epoch - before.epoch)
            del before
            self.keep(layout)


def _splits(layout: Layout) -> bool:
    """Whether devices share the weights of a member."""
    return layout.spread is not None and layout.spread.splits


def shared(source: Source, trial: Trial) -> tuple:
    """What all calls of a program see of the rows: the first fields of a `Block`."""
    return source.data, source.held_batches, counted(trial.heads, source), source.by_index


def _visit(program: Callable, member: Member, before: Standing, block: Block, count: int, back: np.ndarray) -> Standing:
    """Where members stand after a call of the program; ``back`` says where they lie in its results."""
    state, history = jax.block_until_ready(program(member, before.state, block))
    new = {name: [*before.history.get(name, []), np.asarray(v)[back, :count]] for name, v in history.items()}
    return Standing(state, True, before.epoch + count, new)


def going(member: Member, state: Any) -> np.ndarray:
    """Which members still train; those of `engine.goes_on`, on the host."""
    stopped, diverged, epoch = (np.asarray(a) for a in (state.stopped, state.diverged, state.epoch))
    return ~stopped & (diverged < 0) & (epoch < np.asarray(member.epochs))


def placed(own: tuple, layout: Layout, count: int) -> tuple:
    """Members and the weights given to them on the devices, words turned into keys; idle places have no epochs."""
    order = layout.arrange(count)
    member, given = jax.tree.map(lambda a: np.asarray(a)[order], own)
    member = member._replace(epochs=np.where(layout.idle(count), np.int32(0), member.epochs))
    member, given = layout.place(member, by_member=True), layout.place(given, by_member=True)
    return member._replace(key=jax.random.wrap_key_data(member.key, impl="threefry2x32")), given
