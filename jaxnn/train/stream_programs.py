"""The programs of members that train on a stream, and how much of it one call of them eats."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.platforms import written_for
from jaxnn.core.precision import DEFAULT
from jaxnn.core.tree import count as scalars
from jaxnn.core.types import Batch
from jaxnn.data.source import EVALUATION_ROWS
from jaxnn.optim.average import averaged
from jaxnn.train.engine import Member, Recipe, advance, close, goes_on, kept
from jaxnn.train.evaluation import forward, judged_by
from jaxnn.train.layout import Layout
from jaxnn.train.middle import nothing
from jaxnn.train.program import OPTIONS, Program, Programs, remembered

BLOCK_BYTES = 8 << 20
"""Of the rows of a block."""
BLOCK_STEPS = 1024
"""Of a block at most."""
BLOCK_WORK = {"cpu": 4e9}
"""Multiply-adds of all members in a block, about: a few tenths of a second."""
BLOCK_WORK_ELSEWHERE = 4e11
JUDGED_BYTES = 128 << 20
"""Of validation rows that are evaluated at once."""


class StreamPrograms(Programs):
    """The programs of a recipe under a layout: ``start``, and ``train`` for a block of steps; ``judge`` and ``end``."""

    def __init__(self, recipe: Recipe, layout: Layout):
        super().__init__(recipe, layout)
        self.goes_back = self.recipe.rewind or layout.beside is not None

        def go(own: tuple, shared: tuple) -> Any:
            (member, state), (batches, count, counts) = own, shared
            busy = goes_on(member, state)
            if layout.beside is not None:
                busy = jax.lax.pmax(busy.astype(jnp.int32), layout.beside) > 0
            limit = jnp.where(busy, count, 0)
            batches = self.recipe.spread.rows(batches, 1)
            return advance(self.recipe, member, state, batches, _own(counts, member), limit=limit)

        def judge(own: tuple, shared: tuple) -> Any:
            (member, state), (batches, count) = own, shared
            trial, precision = self.recipe.built(member), self.recipe.precision or DEFAULT
            weights = averaged(state.opt_state, state.params)

            def outputs(batch: Batch) -> Any:
                return forward(trial, weights, state.model_state, batch, key=None, train=False, precision=precision)[0]

            with precision.tracing():
                return judged_by(trial, outputs, batches, self.recipe.reading(None), count)

        def end(own: tuple, held: Any) -> Any:
            member, state, before, sums, judged = own
            on = goes_on(member, state)
            after, row = close(self.recipe, member, state, sums, _own(held, member), judged=judged)
            if nothing(before):
                return jax.tree.map(lambda a, b: jax.lax.select(on, a, b), after, state), row
            return kept(on, after, before), row

        def known(function: Any) -> Any:
            def traced(own: tuple, shared: Any) -> Any:
                with written_for(layout.platform):
                    return function(own, shared)

            return layout.lay(traced)

        going, judging, ending = known(go), known(judge), known(end)
        self.train = Program(lambda member, state, block: going((member, state), block), OPTIONS, donate=(1,))
        self.judge = Program(lambda member, state, block: judging((member, state), block), OPTIONS)
        self.end = Program(lambda *args: ending(args[:-1], args[-1]), OPTIONS)


def _own(tree: Any, member: Member) -> Any:
    """Of the member's part of the rows, as in memory."""
    return jax.tree.map(lambda a: a[member.part], tree)


def stream_programs(recipe: Recipe, layout: Layout) -> StreamPrograms:
    """As `jaxnn.train.program.programs`, of a stream."""
    return remembered(recipe, ("stream", layout), lambda: StreamPrograms(recipe, layout))


def steps_of_a_block(source: Any, recipe: Recipe, platform: str, params: Any, members: int) -> int:
    """How many steps a block has: as many as memory bears, and a few tenths of a second hold."""
    size = recipe.batch_size
    row = sum(a.dtype.itemsize * int(np.prod(a.shape[1:])) for a in jax.tree.leaves(source.template))
    work = BLOCK_WORK.get(platform, BLOCK_WORK_ELSEWHERE) / (scalars(params) * size * members)
    most = max(1, min(BLOCK_STEPS, BLOCK_BYTES // max(1, row * size), int(work)))
    known = recipe.steps_per_epoch
    return -(-known // -(-known // most)) if known else most


def judged_size(source: Any, size: int) -> tuple[int, int]:
    """Rows that are evaluated at once of a validation stream, and how often in a block."""
    row = max(1, sum(a.dtype.itemsize * int(np.prod(a.shape[1:])) for a in jax.tree.leaves(source.template)))
    known = source.origin.rows
    rows = min(EVALUATION_ROWS, max(size, JUDGED_BYTES // row)) if known is None else min(EVALUATION_ROWS, known)
    most = 64 if known is None else -(-known // rows)
    return rows, max(1, min(most, BLOCK_BYTES // (row * rows)))
