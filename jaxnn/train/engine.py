"""The engine: what is shared, what is a member's own, what changes, and the three moves of a training.

A *recipe* is what all members of a program share: the trial function and the structure it is built with. A *member* is
what is one network's own: its hyperparameters, its key, when it ends, which part of the rows it sees; all of it inputs
of the program. A *state* is what changes: weights, running statistics, the optimizer's state, the best so far.

::

    state = start(recipe, member, row)                      # draws the weights for rows of this shape
    for each epoch:                                         # the epoch begins: its rows are gathered, in its order
        after, sums = advance(recipe, member, state, rows)  # steps, and nothing else: no branch, no check
        after, row = close(recipe, member, after, sums)     # evaluation, plateaus' and stopping's view, health
        state = kept(goes on and is healthy, after, state)  # the epoch ends: a sick member goes back to its beginning

A step takes the gradient and updates. Whether a loss or a weight is not finite is asked once an epoch, by `close`; a
member that fell sick is then what it was before the epoch, but for the step that is marked in ``diverged``, and stays
so.
`run` scans over `epoch`, so that gradients pass; `epochs`, what `fit` and `grid` compile, is the same `epoch` in a loop
that ends as soon as no member goes on. Nothing here knows an optimizer, a layer or a metric by name: an optimizer that
looks at metrics gets them as extra arguments of its update, and a layer learns from ``rows=`` which rows are padding.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnn.core.hyper import Structure, join
from jaxnn.core.precision import DEFAULT, Precision
from jaxnn.core.types import Batch, Key
from jaxnn.data.batches import batched
from jaxnn.data.parts import Reading
from jaxnn.data.source import EVALUATION_ROWS, Block
from jaxnn.optim.average import averaged
from jaxnn.optim.penalties import value_of
from jaxnn.train.class_weight import numbered
from jaxnn.train.evaluation import evaluate
from jaxnn.train.heads import by_path
from jaxnn.train.health import sick_step
from jaxnn.train.layout import WHOLE, Spread
from jaxnn.train.micro import pieced
from jaxnn.train.optimizer import packed, plain
from jaxnn.train.state import TrainState
from jaxnn.train.step import init, steps_key, train_step
from jaxnn.train.steps import of_its_own, through
from jaxnn.train.sums import Sums, finished, weighted
from jaxnn.train.trial import Clock, Trial, TrialLike, build


@dataclass(frozen=True)
class Recipe:
    """What all members of a program share; it is hashable and shapes the program.

    Args:
        trial: a `Trial`, or a function from hyperparameters to one.
        structure: what of the hyperparameters is no number.
        batch_size: rows of a step.
        steps_per_epoch: steps of a pass over the rows; None where parts differ in it, and a member has its own.
        held: whether there is a validation part.
        precision: a `Precision`, or None for that of the platform.
        rewind: whether a sick member goes back to the epoch's beginning, which takes one copy of the state.
        platform: of the devices that it is compiled for: what is fastest differs. None for what suits all.
        classes: class names, by which class weights may be given: pairs of an output's path and its names.
        remat: whether a gradient through the training keeps the state before each step alone, and computes the step
            anew on its way back.
        micro: rows whose gradient is taken at once, of which a step adds up several; None for all of a step.
        spread: how a member lies over several devices.
    """

    trial: TrialLike
    structure: tuple[Structure, ...]
    batch_size: int
    steps_per_epoch: int | None
    held: bool = False
    precision: Precision | None = None
    rewind: bool = True
    platform: str | None = None
    classes: tuple = ()
    remat: bool = False
    micro: int | None = None
    spread: Spread = WHOLE

    def built(self, member: "Member") -> Trial:
        """The trial of a member, early stopping included; its numbers may be traced."""
        trial = self.unnamed(member)
        if trial.class_weight is None:
            return trial
        names = dict(self.classes)
        weights = {head.path: numbered(head.class_weight, names.get(head.path)) for head in trial.heads}
        return replace(trial, class_weight=by_path(trial.loss, weights))

    def unnamed(self, member: "Member") -> Trial:
        """`built`, but class weights as they were given, by number or name."""
        steps = member.steps if self.steps_per_epoch is None else self.steps_per_epoch
        clock = lambda: Clock(steps, member.epochs, member.epochs * steps)  # noqa: E731
        return build(self.trial, join(self.structure, member.hparams), clock).stopping(member.stop)

    def reading(self, read: Reading) -> Reading:
        """What makes the rows of a batch, and lays them where they are to lie."""
        return lambda batch: self.spread.rows(batch if read is None else read(batch))


class Member(NamedTuple):
    """What is a member's own: a tree of arrays, inputs of the program.

    Args:
        hparams: the traced numbers of each hyperparameter.
        stop: an `EarlyStopping`, or None.
        key: drives its initialisation and its dropout; on the host its two words, which NumPy can hold.
        epochs: after how many epochs it ends, int32.
        part: which part of the rows it trains on, int32.
        steps: steps of an epoch of this part, int32, where parts differ in it; else None.
    """

    hparams: Any
    stop: Any
    key: Key | Any
    epochs: Any
    part: Any
    steps: Any = None


def start(recipe: Recipe, member: Member, row: Any, given: Any = None) -> TrainState:
    """The state of a member before its first epoch.

    Args:
        row: one row of inputs, of which only the shape is read.
        given: weights by path that take the place of those that are drawn.
    """
    trial = recipe.built(member)
    state = init(trial, member.key, row, given, precision=recipe.precision)
    zero = jnp.zeros(())
    return state._replace(metrics=dict.fromkeys(_row_names(recipe, trial, state), zero))


def _row_names(recipe: Recipe, trial: Trial, state: TrainState) -> list[str]:
    names = ["loss", *trial.metric_names]
    held = [f"val_{name}" for name in names] if recipe.held else []
    return [*names, *held, *(["penalty"] if value_of(state.opt_state, state.params) is not None else [])]


def advance(
    recipe: Recipe, member: Member, state: TrainState, batches: Batch, counts: Any = None, read: Reading = None,
    limit: Any = None,
) -> tuple[TrainState, tuple[Sums, ...]]:  # fmt: skip
    """A step for each of the stacked batches, leaves ``(steps, batch, ...)``: all of an epoch, or some of it. Where
    parts differ in their steps, a batch of a shorter one may be nothing but padding: it is no step.

    Args:
        counts: for each head what all training rows of each class weigh together, or None.
        read: what makes the rows of a batch, where these stand in it by number; or None.
        limit: how many of the steps to take, the first ones; None for all.

    Returns:
        The state, and for each head the sums of each step over its rows, ``(steps, ...)``.
    """
    trial, key = recipe.built(member), steps_key(member.key)
    optimizer = packed(trial, state) if recipe.platform == "cpu" else plain(trial)._replace(hold=recipe.spread.hold)
    pieces = max(1, recipe.batch_size // (recipe.micro or recipe.batch_size))
    tied = recipe.platform in ("gpu", "cuda", "rocm")

    def one(state: TrainState, given: tuple[Batch, Any]) -> tuple[TrainState, Any]:
        batch, count = given
        batch = batch if read is None else read(batch)
        batch = batch._replace(x=of_its_own(batch.x, state.step)) if tied else batch
        chosen = recipe.precision or DEFAULT
        after, sums = train_step(trial, state, batch, count, key, chosen, optimizer, counts, pieces)
        return recipe.spread.hold(after), sums

    def one_or_none(state: TrainState, given: tuple[Batch, Any]) -> tuple[TrainState, Any]:
        nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(one, state, given)[1])
        return jax.lax.cond(given[1] > 0, lambda: one(state, given), lambda: (state, nothing))

    state = state._replace(opt_state=optimizer.pack(state.opt_state))
    body = one if recipe.steps_per_epoch is not None else one_or_none
    body = jax.checkpoint(body, prevent_cse=False) if recipe.remat else body
    state, sums = through(body, state, (batches, batches.rows.sum(1, dtype=jnp.int32)), limit)
    state = state._replace(opt_state=optimizer.unpack(state.opt_state))
    return state, weighted(trial, sums, batches.weight if pieces == 1 else pieced(batches.weight, pieces, 1))


def close(
    recipe: Recipe, member: Member, state: TrainState, sums: tuple[Sums, ...], held: Batch | None,
    read: Reading = None, judged: tuple[Sums, ...] | None = None,
) -> tuple[TrainState, dict[str, Any]]:  # fmt: skip
    """The end of an epoch: evaluation, what plateaus and stopping look at, and health.

    Args:
        state: after the epoch's last step.
        sums: of all steps of the epoch, as `advance` gave them.
        held: validation rows as stacked batches, or None.
        read: as in `advance`.
        judged: what validation rows that are a stream left behind, in the place of ``held``; or None.

    Returns:
        The state, ``diverged`` marked if it fell sick, and the row of the history: means over the epoch as it went,
        and ``val_...`` and ``penalty`` of the weights at its end.
    """
    trial = recipe.built(member)
    weights = averaged(state.opt_state, state.params)
    row = finished(trial, sums)
    values: dict[str, Any] = {} if judged is None else finished(trial, judged)
    if held is not None:
        values = evaluate(trial, weights, state.model_state, held, precision=recipe.precision, read=read)
    row |= {f"val_{name}": v for name, v in values.items()}
    penalty = value_of(state.opt_state, weights)
    if penalty is not None:
        row["penalty"] = penalty
    row = {name: v.astype(state.metrics[name].dtype) for name, v in row.items()}
    losses = reduce(jnp.add, (s.loss if s.loss.ndim == 1 else s.loss.sum(1) for s in sums))
    own = losses.shape[0] if recipe.steps_per_epoch is not None else member.steps
    state = state._replace(diverged=sick_step(state, losses, own, recipe.platform), metrics=row)
    if trial.stop is not None:
        state = trial.stop.observe(state, weights, row)
    return state._replace(epoch=state.epoch + 1), row


def goes_on(member: Member, state: TrainState) -> Any:
    """Whether a member still trains: neither stopped nor diverged nor at its own end."""
    return ~state.stopped & (state.diverged < 0) & (state.epoch < member.epochs)


def epoch(
    recipe: Recipe, member: Member, state: TrainState, block: Block, order: Any
) -> tuple[TrainState, dict[str, Any]]:
    """One epoch: its rows in this order, ``(parts, entries)``, are gathered once, then `advance` and `close`.

    Those of a fold are gathered step by step, or members of several folds side by side would hold a copy each.
    """
    if block.parts is None:
        part = 0 if order.shape[0] == 1 else member.part
        batches = batched(block.data, order[part], block.sizes[part], recipe.batch_size)
        held, read = jax.tree.map(lambda a: a[part], block.held), None
    else:
        part, data = member.part, block.data
        batches = block.parts.training(data, part, order, recipe.batch_size)
        held, read = block.parts.held(data, part, EVALUATION_ROWS), block.parts.reading(data, part)
    counts, read = jax.tree.map(lambda a: a[part], block.counts), recipe.reading(read)
    after, sums = advance(recipe, member, state, recipe.spread.rows(batches, 1), counts, read)
    return close(recipe, member, after, sums, held, read)


def kept(going: Any, after: TrainState, before: TrainState) -> TrainState:
    """The state after an epoch of a member that went on and is well, else the one before it, marked if it is sick."""
    well = going & (after.diverged < 0)
    marked = before._replace(diverged=jax.lax.select(going, after.diverged, before.diverged))
    return jax.tree.map(lambda a, b: jax.lax.select(well, a, b), after, marked)


def epochs(
    recipe: Recipe, member: Member, state: TrainState, block: Block, beside: str | None = None
) -> tuple[TrainState, dict[str, Any]]:
    """The epochs of a block, fewer where no member goes on.

    Args:
        beside: the name of the axis of members that go side by side, or None for one alone. They go on while one of
            them does; so the counter, and with it the rows, are the same for all.

    Returns:
        The state, and the history: arrays ``(capacity,)``, of which those epochs count that the state has done.
    """
    capacity = block.orders.shape[0]
    history = {name: jnp.zeros((capacity,), v.dtype) for name, v in state.metrics.items()}

    def any_of(flag: Any) -> Any:
        return flag if beside is None else jax.lax.pmax(flag.astype(jnp.int32), beside) > 0

    def busy(carry: tuple) -> Any:
        i, state, _, _ = carry
        return (i < block.count) & any_of(goes_on(member, state))

    def body(carry: tuple) -> tuple:
        i, state, before, history = carry
        going = goes_on(member, state)
        after, row = epoch(recipe, member, state, block, block.orders[i])
        history = {n: jax.lax.dynamic_update_index_in_dim(v, row[n], i, 0) for n, v in history.items()}
        if beside is not None:
            lost = any_of(~going | (after.diverged >= 0))
            before = after = _where_needed(lost, lambda s: kept(going, s, before), after)
        elif recipe.rewind:  # one alone goes on in every turn, and goes back as a whole
            sick = after.diverged >= 0
            before = after = _where_needed(sick, lambda s: before._replace(diverged=s.diverged), after)
        return i + 1, after, before, history

    before = state if recipe.rewind or beside is not None else ()
    _, state, _, history = jax.lax.while_loop(busy, body, (jnp.int32(0), state, before, history))
    return state, history


def _where_needed(condition: Any, change: Callable, state: Any) -> Any:
    """``change(state)`` where the condition holds, else the state where it lies: a loop of at most one turn."""
    turned = jax.lax.while_loop(lambda c: c[0], lambda c: (jnp.zeros_like(c[0]), change(c[1])), (condition, state))
    return turned[1]
