"""Members that train on a stream: block after block, and to the middle of an epoch.

A member's epoch on a stream is the epoch of `jaxnn.train.engine` in three programs instead of one: ``go`` takes the
steps of a block, ``judge`` evaluates a block of validation rows, ``end`` closes the epoch. Between two blocks the
members stand in the middle of an epoch; what they need to go on from there is a `Middle`.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.ahead import Ahead
from jaxnn.core.waiting import Task
from jaxnn.data.blocks import Chunk
from jaxnn.train.engine import Member
from jaxnn.train.enrol import Entry
from jaxnn.train.group import PATIENCE_SECONDS, VISIT_SECONDS, Group, Standing, going, placed
from jaxnn.train.layout import Layout, agreed, of_members
from jaxnn.train.middle import Middle, Piece, nothing
from jaxnn.train.program import settings
from jaxnn.train.stream_labels import in_range, label_bounds
from jaxnn.train.stream_programs import StreamPrograms, judged_size, steps_of_a_block


class StreamGroup(Group):
    """Members that go through the calls of a stream's programs together; as `Group`."""

    def __init__(self, members: np.ndarray, standing: Standing | None, entry: Entry):
        super().__init__(members, standing)
        self.entry = entry
        self.ahead: Ahead | None = None
        self.blocks: Any = None
        self.structure: Any = None
        self.at: tuple[int, int] | None = None

    @property
    def middle(self) -> Middle:
        """Where in an epoch the members stand."""
        return self.standing.middle or Middle()

    def state(self, layout: Layout, settled: bool = False) -> Any:
        """The state on the host; settled that of the epoch's beginning, where it is known."""
        found = self.standing
        if settled and self.middle.step and not nothing(self.middle.before):
            found = found._replace(state=self.middle.before)
        return Group(self.members, found).state(layout)

    def home(self, layout: Layout) -> Standing:
        """Where the members stand, on the host."""
        found = self.standing
        middle = self.middle.at(self._back(layout)) if found.laid else self.middle
        return found._replace(state=self.state(layout), laid=False, middle=middle)

    def fall_back(self, layout: Layout) -> None:
        """To the host; to where the members stood when they began, if a call has taken their state."""
        try:
            self.standing = self.home(layout)
        except RuntimeError:
            self.standing = self.kept

    def start(self, programs: Any, layout: Layout, own: tuple, source: Any, shared: tuple) -> tuple:
        """As `Group.start`."""
        given, standing, order = (
            placed(own, layout, len(self.members)),
            self.standing,
            layout.arrange(len(self.members)),
        )
        if standing.state is not None and not standing.laid:
            laid = lambda tree: layout.place(of_members(tree, order), by_member=True)  # noqa: E731
            middle = self.middle.at(order)._replace(before=laid(self.middle.before))
            self.standing = standing._replace(state=laid(standing.state), laid=True, middle=middle)
        row = layout.place(source.first_row)
        state = jax.eval_shape(programs.start.function, given, row)
        steps = steps_of_a_block(source, programs.recipe, layout.platform, state.params, len(order))
        blank = layout.place(source.blank(programs.recipe.batch_size, steps))
        block = blank, layout.place(np.int32(0)), shared[2]
        begin, go, seconds, compiles = programs.compile(given, row, block, self.standing.state)
        if self.standing.state is None:
            self.standing = Standing(begin(given, row), True, 0, {})
        checked = partial(in_range, label_bounds(self.entry, source))
        return Call(programs, go, steps, layout, source, shared, checked), given[0], seconds, compiles

    def train(
        self, program: Any, member: Member, layout: Layout, source: Any, shared: tuple, target: int,
        shuffle: bool, visited: Callable[[int], None],
    ) -> None:  # fmt: skip
        """As `Group.train`; ``visited`` is called in the middle of an epoch too."""
        try:
            self._through(program, member, layout, target, shuffle, visited)
        except RuntimeError:  # such as too little memory
            self.fall_back(layout)
            raise

    def _through(
        self, call: "Call", member: Member, layout: Layout, target: int, shuffle: bool, visited: Callable[[int], None]
    ) -> None:
        seen = time.monotonic()
        while (epoch := self.standing.epoch) < target:
            if not self.middle.ended:
                chunk = self._next(call, target, shuffle)
                if self.middle.step == 0 and call.programs.goes_back:
                    before = jax.tree.map(lambda a: a.copy(), self.standing.state)
                    self.standing = self.standing._replace(middle=self.middle._replace(before=before))
                heard(partial(self._go, call, member, chunk))
                if self.middle.ended or not agreed(layout, time.monotonic() - seen >= VISIT_SECONDS):
                    continue
            else:
                self._end(call, member)
                if not going(member, self.standing.state).any():
                    self.standing = self.standing._replace(epoch=target)
            visited(self.standing.epoch - epoch)
            seen = time.monotonic()

    def _next(self, call: "Call", target: int, cut: bool) -> Chunk:
        """The next block; it is read ahead while another one trains."""
        middle, at = self.middle, (self.standing.epoch, self.middle.step)
        if self.ahead is None or self.at != at:
            self.blocks = call.source.blocks(
                call.programs.recipe.batch_size, call.steps, cut, epoch=at[0], step=at[1], mark=middle.mark,
                place=lambda batch: call.layout.place(call.checked(batch)),
            )  # fmt: skip
            self.ahead, self.at = Ahead(self.blocks, call.source.prefetch), at
        self.blocks.until = target
        try:
            chunk = self.ahead.get() or self.ahead.get()  # the first may tell of the end that there was before
        except Exception:
            self.ahead = None
            raise
        self.at = (chunk.epoch + 1, 0) if chunk.ends else (chunk.epoch, chunk.step + chunk.count)
        return chunk

    def _go(self, call: "Call", member: Member, chunk: Chunk) -> None:
        """The steps of a block; returns when those of the block before are done."""
        standing, middle = self.standing, self.middle
        count = call.layout.place(np.int32(chunk.count))
        state, sums = call.go(member, standing.state, (chunk.batches, count, call.shared[2]))
        self.structure = jax.tree.structure(sums)
        pieces = (*middle.pieces, Piece(jax.tree.leaves(sums), chunk.count))
        new = Middle(middle.before, pieces, middle.step + chunk.count, chunk.mark, chunk.ends)
        self.standing = standing._replace(state=state, middle=new)
        done = tuple(piece.fetched() for piece in pieces[:-1])
        self.standing = standing._replace(state=state, middle=new._replace(pieces=(*done, pieces[-1])))

    def _end(self, call: "Call", member: Member) -> None:
        """The end of an epoch."""
        standing, middle = self.standing, self.middle
        heard(partial(jax.block_until_ready, standing.state.step))
        judged = None if call.source.judged is None else self._judged(call, member)
        blank = call.source.blank(call.programs.recipe.batch_size, call.steps)
        like = jax.eval_shape(
            call.programs.train.function, member, standing.state, (blank, np.int32(0), call.shared[2])
        )
        sums = call.whole(middle.pieces, jax.tree.structure(like[1]))
        args = member, standing.state, middle.before, sums, judged, call.shared[1]
        end = call.programs.end.ready(*args)()[0]

        def work() -> None:
            state, row = jax.block_until_ready(end(*args))
            back = self._back(call.layout)
            new = {n: [*standing.history.get(n, []), np.asarray(v)[back][:, None]] for n, v in row.items()}
            rest = Middle(mark=middle.mark) if call.source.steps_per_epoch is not None else None
            self.standing = Standing(state, True, standing.epoch + 1, new, rest)

        heard(work)

    def _judged(self, call: "Call", member: Member) -> Any:
        """What the validation stream leaves behind, from its first batch to its last."""
        source, state = call.source.judged, self.standing.state
        size, steps = judged_size(source, call.programs.recipe.batch_size)
        blocks = source.blocks(size, steps, True, place=call.layout.place)
        ahead, pieces, structure = Ahead(blocks, source.prefetch), [], None
        blocks.until = 1
        while (chunk := ahead.get()) is not None:
            args = member, state, (chunk.batches, call.layout.place(np.int32(chunk.count)))
            judge = call.programs.judge.ready(*args)()[0]
            found = judge(*args)
            structure = jax.tree.structure(found)
            pieces.append(Piece(jax.tree.leaves(found), chunk.count))
            heard(partial(jax.block_until_ready, pieces[-1].leaves))
        return call.whole(pieces, structure)


def group_of(source: Any, entry: Entry, members: np.ndarray, standing: Standing | None = None) -> Group:
    """Members that go through one call together, on rows in memory or on a stream; ``entry`` is one of them."""
    return Group(members, standing) if source.whole else StreamGroup(members, standing, entry)


def groups_of(source: Any, entries: Sequence[Entry], chunk: int | None) -> list[Group]:
    """All members, so many to a call; each call reads the whole stream.

    Raises:
        ValueError: where it can be read once, and there are several.
    """
    chunk = chunk or len(entries)
    bounds = range(0, len(entries), chunk)
    source.admits(1, len(bounds))
    return [group_of(source, entries[0], np.arange(i, min(i + chunk, len(entries)))) for i in bounds]


class Call(NamedTuple):
    """What the calls of a group's programs need beside its members."""

    programs: StreamPrograms
    go: Callable
    steps: int
    layout: Layout
    source: Any
    shared: tuple
    checked: Callable[[Any], Any]

    def whole(self, pieces: Sequence[Piece], structure: Any) -> Any:
        """The sums of all blocks one behind the other, on the devices."""
        leaves = zip(*(piece.fetched().leaves for piece in pieces), strict=True)
        return self.layout.place(jax.tree.unflatten(structure, [np.concatenate(a, 1) for a in leaves]), by_member=True)


def heard(work: Callable[[], Any]) -> None:
    """Do it in another thread, so that Ctrl-C is heard meanwhile."""
    task = Task(work, now=False)
    try:
        task.begin(here=settings().jax_disable_jit or settings().jax_debug_nans)
        task.result()
    except KeyboardInterrupt:
        task.ready(PATIENCE_SECONDS)
        raise
