"""One step of training, and evaluation, for the engine and for whoever writes the loop."""

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.checks import SpecError
from jaxnn.core.tree import cast, path_of, row_count
from jaxnn.core.types import Batch, Key, Params, State
from jaxnn.data.mixup import judged
from jaxnn.data.weights import padded, silenced
from jaxnn.train.class_weight import factors
from jaxnn.train.heads import Head, Seen
from jaxnn.train.optimizer import Optimizer, plain
from jaxnn.train.options import check_key
from jaxnn.train.state import TrainState
from jaxnn.train.steps import through
from jaxnn.train.sums import Sums, finished, gathered, weighted
from jaxnn.train.trial import Trial


def init(trial: Trial, key: Key, x: Any, given: Any = None) -> TrainState:
    """The state before the first step.

    Args:
        trial: a concrete `Trial`.
        key: a threefry key; half of it draws the parameters, half serves the steps.
        x: one batch of inputs, or its shapes (`jax.ShapeDtypeStruct`).
        given: weights by path, ``{"dense_0/kernel": array}``, that take the place of those that are drawn.

    Returns:
        A `TrainState`; under `jax.eval_shape` nothing is allocated.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> int(nn.init(trial, jax.random.key(0), jnp.ones((1, 2))).step)
        0
    """
    params, model_state = trial.model.init(jax.random.split(check_key(key))[0], x)
    if given:
        params = jax.tree_util.tree_map_with_path(lambda path, p: given.get(path_of(path), p), params)
    return TrainState(
        step=jnp.int32(0),
        epoch=jnp.int32(0),
        params=params,
        model_state=model_state,
        opt_state=_optimizer_state(trial, params),
        metrics={},
        best=None if trial.stop is None else trial.stop.start(params, model_state),
        wait=jnp.int32(0),
        stopped=jnp.bool_(False),
        diverged=jnp.int32(-1),
    )


def _optimizer_state(trial: Trial, params: Params) -> Any:
    state = trial.optimizer.init(params)
    for name in ("LookaheadState", "SAMState"):
        if optax.tree.get_all_with_path(state, name):
            raise ValueError(
                f"{name.removesuffix('State')} keeps two sets of weights, of which a step sees one; write another "
                "optimizer, with nn.ema(0.999) or nn.swa() behind it where averaged weights are wanted"
            )
    return state


def step(
    trial: Trial, state: TrainState, batch: Any, *, key: Key | None = None, compute_dtype: Any = None
) -> tuple[TrainState, dict[str, Any]]:
    """One step: the gradient of the loss, the update, and nothing else.

    The loss is ``sum_i w_i loss_i / n`` over the ``n`` real rows of the batch, whatever their weights; over its real
    steps where these count one by one, and summed over outputs, as `Trial` says.

    Args:
        trial: a concrete `Trial`.
        state: from `init` or the step before. Its ``metrics`` and ``epoch`` reach optimizers that look at them.
        batch: ``(x, y)``, ``(x, y, weight)`` or a `Batch`, whose ``rows`` tell padding from real rows.
        key: the key that `init` got; step *i* draws dropout from it and *i*. A model that draws nothing needs none.
        compute_dtype: such as ``jnp.bfloat16``; parameters, gradients' sums and the loss stay float32.

    Returns:
        The next state, and the weighted means of loss and metrics over this batch, before the update.

    Source: the mean is that of PyTorch and Keras under sample weights.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> x, y = jnp.ones((4, 2)), jnp.ones(4)
        >>> state, values = jax.jit(lambda s, b: nn.step(trial, s, b))(nn.init(trial, jax.random.key(0), x), (x, y))
        >>> int(state.step), float(values["loss"])
        (1, 1.0)
    """
    batch = Batch(*batch)
    rows = row_count(batch.y)
    if batch.weight is None:
        batch = batch._replace(weight=jnp.ones(rows, jax.dtypes.canonicalize_dtype(float)))
    else:
        batch = silenced(batch)
    if batch.rows is not None:
        batch = batch._replace(weight=padded(batch.weight, batch.rows))
    count = jnp.int32(rows) if batch.rows is None else batch.rows.sum(dtype=jnp.int32)
    key = None if key is None else steps_key(key)
    state, sums = train_step(trial, state, batch, count, key, compute_dtype, plain(trial))
    return state, finished(trial, weighted(trial, sums, batch.weight))


def steps_key(key: Key) -> Key:
    """The half of a member's key that serves its steps: step *i* draws from ``fold_in(steps_key(key), i)``."""
    return jax.random.split(key)[1]


def train_step(
    trial: Trial, state: TrainState, batch: Batch, count: Any, key: Key | None, dtype: Any, optimizer: Optimizer,
    counts: Any = None,
) -> tuple[TrainState, tuple[Sums, ...]]:  # fmt: skip
    """`step` with the key of the steps, for a batch with weights and ``count`` real rows.

    Args:
        counts: for each head what the rows of each class weigh together, or None; see `jaxnn.train.class_weight`.

    Returns:
        The next state, and sums over the batch for each head, as `jaxnn.train.sums.gathered` leaves them.
    """
    heads = trial.heads
    counts = [None] * len(heads) if counts is None else counts
    own = None if key is None else jax.random.fold_in(key, state.step)
    batch = augmented(trial, batch, own)

    def objective(params: Params) -> tuple[Any, tuple]:
        outputs, after = forward(trial, params, state.model_state, batch, key=own, train=True, dtype=dtype)
        seen = [head.seen(outputs, batch) for head in heads]
        losses = [_losses(*each) for each in zip(heads, seen, counts, strict=True)]
        means = (_mean(*each, count) for each in zip(heads, seen, losses, strict=True))
        return reduce(jnp.add, means), (losses, seen, after)

    (value, (losses, seen, model_state)), grad = jax.value_and_grad(objective, has_aux=True)(state.params)
    rest = {"value": value, "metrics": state.metrics, "epoch": state.epoch}
    value_fn = lambda p, metrics=None, epoch=None, opt_state=None: objective(p)[0]  # noqa: E731
    updates, opt_state = optimizer.update(grad, state.opt_state, state.params, rest, value_fn)
    params = jax.tree.map(lambda p, u: p + u.astype(p.dtype), state.params, updates)
    after = state._replace(step=state.step + 1, params=params, model_state=model_state, opt_state=opt_state)
    return after, gathered(trial, seen, losses)


def _losses(head: Head, seen: Seen, counts: Any) -> Any:
    """The loss of each row in training, ``(rows,)``, its class weight included."""

    def own(outputs: Any, targets: Any) -> Any:
        losses = head.loss(outputs, targets)
        factor = factors(head, outputs, targets, counts)
        return losses if factor is None else losses * factor.astype(losses.dtype)

    return judged(own, seen.outputs, seen.targets)


def _mean(head: Head, seen: Seen, losses: Any, count: Any) -> Any:
    """The share of a head in the loss of a batch: ``sum_i w_i loss_i / n`` over the ``n`` rows that are there."""
    weight = seen.weight.astype(losses.dtype)
    total = (weight * jnp.where(weight > 0, losses, jnp.zeros_like(losses))).sum()
    count = count if seen.real is None else jnp.maximum(seen.real.sum(dtype=jnp.int32), 1)
    mean = total / jnp.asarray(count, total.dtype)
    return mean if not head.path else jnp.asarray(head.share, mean.dtype) * mean


def augmented(trial: Trial, batch: Batch, key: Key | None) -> Batch:
    """The batch as the trial's ``augment`` makes it, from a part of the step's key that no layer has.

    Raises:
        SpecError: where there is no key.
        TypeError: if what it gives is no batch of as many rows.
    """
    if trial.augment is None:
        return batch
    if key is None:
        raise SpecError("augment= draws random numbers and got no key; write nn.step(trial, state, batch, key=key)")
    after = trial.augment(jax.random.fold_in(key, jnp.uint32(2**32 - 1)), batch)
    rows = row_count(batch.weight)
    if not isinstance(after, Batch) or any(jnp.shape(a)[:1] != (rows,) for a in jax.tree.leaves(after)):
        raise TypeError(
            "augment= must return the Batch it got, with other x and y and as many rows, and returned "
            f"{type(after).__name__}; write def augment(key, batch): return batch._replace(x=...)"
        )
    return after


def forward(
    trial: Trial, params: Params, model_state: State, batch: Batch, *, key: Key | None, train: bool, dtype: Any
) -> tuple[Any, State]:
    """Outputs of at least float32 and the new model state.

    Args:
        dtype: the compute dtype, or None for that of the data; parameters and running statistics keep theirs.
    """
    rows = batch.rows if train else None
    x = cast(batch.x, dtype)
    outputs, after = trial.model.apply(cast(params, dtype), model_state, x, key=key, train=train, rows=rows)
    return widened(outputs), after if train else model_state


def widened(tree: Any) -> Any:
    """Floating leaves below float32 as float32: losses and metrics are never computed in less."""
    narrow = lambda a: jnp.issubdtype(a.dtype, jnp.floating) and jnp.finfo(a.dtype).bits < 32  # noqa: E731
    return jax.tree.map(lambda a: a.astype(jnp.float32) if narrow(a) else a, tree)


def evaluate(
    trial: Trial, params: Params, model_state: State, batches: Batch, *, compute_dtype: Any = None,
    read: Callable[[Batch], Batch] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Loss and metrics over stacked batches, in use (no dropout, running statistics).

    Args:
        trial: a concrete `Trial`.
        params, model_state: what to evaluate.
        batches: leaves ``(steps, batch, ...)``, as `jaxnn.data.batches.in_order` makes them; padding has weight 0.
        compute_dtype: as in `step`.
        read: ``batch -> batch``, what makes the rows of a batch, where these stand in it by number; or None.

    Returns:
        The loss and each metric by name, weighted means over all rows.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> batches = nn.Batch(jnp.ones((2, 3, 1)), jnp.full((2, 3), 2.0), jnp.ones((2, 3)))
        >>> state = nn.init(trial, jax.random.key(0), batches.x[0])
        >>> float(nn.evaluate(trial, state.params, state.model_state, batches)["loss"])
        4.0
    """

    def outputs_of(batch: Batch) -> Any:
        return forward(trial, params, model_state, batch, key=None, train=False, dtype=compute_dtype)[0]

    return measured(trial, outputs_of, batches, read)


def measured(
    trial: Trial, outputs_of: Callable[[Batch], Any], batches: Batch, read: Callable[[Batch], Batch] | None = None
) -> dict[str, Any]:
    """Loss and metrics of what a function gives for stacked batches."""
    return finished(trial, judged_by(trial, outputs_of, batches, read))


def judged_by(
    trial: Trial, outputs_of: Callable[[Batch], Any], batches: Batch,
    read: Callable[[Batch], Batch] | None = None, limit: Any = None,
) -> tuple[Sums, ...]:  # fmt: skip
    """What stacked batches leave behind; of the first ``limit`` of them where not all are there."""

    def sums_of(batch: Batch) -> tuple[Sums, ...]:
        batch = batch if read is None else read(batch)
        outputs = outputs_of(batch)
        return gathered(trial, [head.seen(outputs, batch) for head in trial.heads])

    if limit is not None and row_count(batches.y) > 1:
        _, sums = through(lambda carry, batch: (carry, sums_of(batch)), (), batches, limit)
    elif row_count(batches.y) == 1:
        one = jax.tree.map(lambda a: a[0], batches)
        sums = weighted(trial, sums_of(one), one.weight)
        return sums if limit is None else jax.tree.map(lambda a: a[None], sums)
    else:
        sums = jax.lax.map(sums_of, batches)
    return weighted(trial, sums, batches.weight)
