"""Memory: what a program of members takes on each device, beside what is free there now.

What a user of small networks waits for is mostly compilation, so nothing is compiled only to be measured where the
answer cannot matter. Under ``plan="auto"``:

1. The program of the plan that is fastest, all members in one call, is traced; that trace is compiled later on, so it
   costs nothing. `jaxnn.grid.live` adds up what is alive in it at once. Nothing is fused there, which makes it more
   than the compiler's figure, and products and layouts have arrays of their own, which makes it less. Where `SURE`
   times as much and `SCRATCH` beside are free, the plan stays as it is.
2. Else two small programs are compiled for the very device, of 16 and 32 members side by side or fewer (one of a
   single member where they follow one another), and the compiler's figures for them give a line: what a program takes
   once, for its rows and the batches of an epoch that it gathers beside them, and what each member adds. Width and
   chunk are the largest for which the line stays within `SHARE` of what is free. A single lane is no point of that
   line: XLA drops an axis of length 1, and another program results.
3. The compiler's figure for the program that trains stands beside what was predicted, in ``runs.plan``.
4. If the device is out of memory all the same, since others took some meanwhile, chunk and width are halved and the
   members go on from where they were (`jaxnn.train.shortage`).

Free is what the device tells: its limit, which ``XLA_PYTHON_CLIENT_MEM_FRACTION`` sets, less what is in use. On a CPU
it is main memory that is available, within the limit of the control group, shared by the devices (`jaxnn.train.free`).
"""

from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.grid.live import bytes_of, taken
from jaxnn.train.begin import shapes
from jaxnn.train.class_weight import counted
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.enrol import Entry
from jaxnn.train.program import needed, programs, settings
from jaxnn.train.shortage import is_shortage, size
from jaxnn.train.stream_programs import steps_of_a_block, stream_programs

SHARE = 0.8
"""The part of what is free that the programs of a plan may take: the rest is for what is handed back and forth."""
SURE = 2.0
"""How many times the estimate must be free for it to be believed."""
SCRATCH = 256 << 20
"""Bytes beside: libraries for products and convolutions take some of their own."""
PROBES = ((16, 32), (4, 8), (2, 4))
"""Pairs of widths of the programs that are compiled to be measured: the first that is within the plan's width, and that
the device has memory for. XLA lays narrow programs out in other ways: from 2 and 4 members the line of a small GPT was
a quarter too low for 16 on a CPU, that of an LSTM a third too high for 8 on an H200; from 16 on it is straight."""


class Memory(NamedTuple):
    """What a call of a plan takes on each device, in bytes; 0 where nobody told.

    Args:
        predicted: before it was compiled.
        how: ``"estimate"``, from a trace, or ``"line"``, from small programs that were compiled.
        free: on the device then.
        compiled: what the compiler says of the largest program that trained.
        halvings: how often a call was halved, as the device was out of memory.

    Example:
        >>> print(Memory(3 << 20, "estimate", 2 << 30, 2 << 20))
        memory of a call 2.0 MiB (an estimate said 3.0 MiB) of 2.0 GiB free
    """

    predicted: int = 0
    how: str = ""
    free: int = 0
    compiled: int = 0
    halvings: int = 0

    def __str__(self) -> str:
        said = {"estimate": "an estimate", "line": "two small programs"}.get(self.how, "")
        said = f"{said} said {size(self.predicted)}" if said else "nobody said"
        own = f"{size(self.compiled)} ({said})" if self.compiled else f"unknown ({said})"
        halved = f", halved {self.halvings} time(s) as the device was out of it" if self.halvings else ""
        return f"memory of a call {own} of {size(self.free)} free{halved}"


class Line(NamedTuple):
    """What a program takes on each device, in bytes: ``once + width * lane``, and ``places * place`` in blocks.

    Args:
        once: whatever the members.
        lane: for each member that goes side by side.
        place: for each member of a call of more than one block, whose state comes in and goes out.

    Example:
        >>> line = Line.through((2, 140), (4, 180), place=5)
        >>> line, line.of(8, 8), line.of(4, 8)
        (Line(once=100, lane=20, place=5), 260, 220)
    """

    once: int
    lane: int
    place: int

    @classmethod
    def through(cls, one: tuple[int, int], other: tuple[int, int], place: int) -> "Line":
        """The line through two pairs of a width and its bytes; a width never takes less than a narrower one."""
        lane = max(1, -(-(other[1] - one[1]) // (other[0] - one[0])))
        return cls(max(0, one[1] - one[0] * lane), lane, place)

    def of(self, width: int, places: int) -> int:
        """Bytes of a program with so many places on each device."""
        return self.once + width * self.lane + (places * self.place if places > width else 0)

    def within(self, width: int, places: int, budget: int, blocks: bool) -> tuple[int, int]:
        """The largest width and places that take no more than the budget, each at least 1.

        Args:
            width, places: the largest that are wanted.
            budget: bytes.
            blocks: whether blocks may follow one another in a call.
        """
        if self.of(width, places) <= budget:
            return width, places
        fits = (budget - self.once) // max(1, self.lane)
        width = max(1, min(width, fits))
        if not blocks:
            return width, width
        rest = (budget - self.of(width, 0)) // max(1, self.place)
        return width, max(width, min(places, rest // width * width))


class Gauge:
    """What programs of members like these take.

    Args:
        entry: one of them.
        source: their rows.
    """

    def __init__(self, entry: Entry, source: Any):
        self.entry, self.source = entry, source
        self.state, self.batch_size = shapes(entry, source), entry.recipe.batch_size
        self._lines: dict[Any, Line] = {}

    def estimate(self, plan: Any, members: int) -> int | None:
        """Bytes of the program of a plan by its trace, which is kept to be compiled; None where nothing is compiled."""
        if plan.spread is not None or settings().jax_disable_jit or settings().jax_debug_nans:
            return None
        program, arguments = self._program(plan, members)
        with naming_culprits(self.entry, self.source):
            return taken(program.traced(*arguments).jaxpr.jaxpr, plan.devices)

    def line(self, plan: Any) -> Line:
        """What programs of any width take, by the compiler, on the first device of a plan.

        Raises:
            JaxRuntimeError: if its memory is too little even for the small ones that are compiled.
        """
        pairs = [pair for pair in PROBES if pair[1] <= plan.width] or [PROBES[-1]]
        kind = plan.on[:1], 1 if plan.width == 1 else pairs[0]
        if kind not in self._lines:
            self._lines[kind] = self._alone(plan) if plan.width == 1 else self._through(plan, pairs)
        return self._lines[kind]

    def _through(self, plan: Any, pairs: list[tuple[int, int]]) -> Line:
        one, other = pairs[0]
        try:
            return Line.through((one, self._small(plan, one)), (other, self._small(plan, other)), self._place)
        except jax.errors.JaxRuntimeError as error:
            if len(pairs) == 1 or not is_shortage(error):
                raise
        return self._through(plan, pairs[1:])

    def _alone(self, plan: Any) -> Line:
        return Line(self._small(plan, 1), 0, self._place)

    def _small(self, plan: Any, width: int) -> int:
        return self.compiled(replace(plan, devices=1, width=width, chunk=width, room=None, on=plan.on[:1]), width)

    @property
    def _place(self) -> int:
        """Bytes of a member's state as it comes in and as it goes out."""
        return 2 * sum(map(bytes_of, jax.tree.leaves(self.state)))

    def compiled(self, plan: Any, members: int) -> int:
        """Bytes of the program of a plan, by the compiler."""
        program, arguments = self._program(plan, members)
        return needed(program.ready(*arguments)()[0])

    def _program(self, plan: Any, members: int) -> tuple[Any, tuple]:
        places = len(plan.arrange(min(members, plan.chunk or members)))
        own = programs if self.source.whole else stream_programs
        found = own(self.entry.recipe, plan)
        return found.train, self._arguments(plan, places, self._block(found, plan, places))

    def _arguments(self, plan: Any, places: int, block: Any) -> tuple[Any, Any, Any]:
        """What the program takes, as shapes where they will lie."""

        def lying(tree: Any, lead: tuple[int, ...] = ()) -> Any:
            place = plan.sharding(bool(lead))
            return jax.tree.map(
                lambda a: jax.ShapeDtypeStruct((*lead, *a.shape), a.dtype, sharding=place),
                jax.eval_shape(lambda t: t, tree),
            )

        member = self.entry.member(self.entry.inside)
        key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
        return lying(member._replace(key=key), (places,)), lying(self.state, (places,)), lying(block)

    def _block(self, found: Any, plan: Any, places: int) -> Any:
        if self.source.whole:
            return self._rows
        steps = steps_of_a_block(self.source, found.recipe, plan.platform, self.state.params, places)
        counts = counted(self.entry.trial().heads, self.source)
        return jax.eval_shape(lambda b: b, (self.source.blank(self.batch_size, steps), np.int32(0), counts))

    @cached_property
    def _rows(self) -> Any:
        block = self.source.block(0, 0, counts=counted(self.entry.trial().heads, self.source))
        return jax.eval_shape(lambda b: b, block)


def told(plan: Any, members: int, gauge: Any) -> Any:
    """The plan with what an estimate says of it, and nothing changed."""
    if gauge is None:
        return plan
    predicted = gauge.estimate(plan, members)
    return plan if predicted is None else replace(plan, memory=Memory(predicted, "estimate", plan.free()))


def within(plan: Any, members: int, gauge: Any) -> Any:
    """The plan, or the largest one that fits what is free on each of its devices, with what is predicted of it."""
    plan = told(plan, members, gauge)
    if plan.memory is None:
        return plan
    predicted, _, free, *_ = plan.memory
    budget = int(SHARE * free)
    if SURE * predicted + SCRATCH <= budget:
        return plan
    try:
        line = gauge.line(plan)
    except jax.errors.JaxRuntimeError as error:
        if not is_shortage(error):
            raise
        return replace(plan, width=1, chunk=plan.devices)
    each = -(-min(members, plan.chunk or members) // plan.devices)
    width, places = line.within(plan.width, each, budget, plan.platform == "cpu")
    if places < each:  # in even calls
        places = -(-each // -(-each // places))
        width = min(width, places)
    chunk = min(members, plan.devices * places)
    # With one member left to each device there is nothing to choose: it is tried.
    return replace(plan, width=width, chunk=chunk, memory=Memory(line.of(width, places), "line", free))


def memory_of(population: Any) -> Memory:
    """What a call of a population takes, predicted and by the compiler."""
    known = getattr(population.layout, "memory", None) or Memory(free=population.layout.free())
    return known._replace(compiled=population.compiled_bytes, halvings=population.halvings)
