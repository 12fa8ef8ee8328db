"""One step of training, and evaluation, for the engine and for whoever writes the loop."""

from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.checks import SpecError
from jaxnn.core.precision import DEFAULT, Precision, precision_of
from jaxnn.core.tree import cast, path_of, row_count, widened
from jaxnn.core.types import Batch, Key, Params, State
from jaxnn.data.mixup import judged
from jaxnn.data.weights import padded, silenced
from jaxnn.train import loss_scale
from jaxnn.train.class_weight import factors
from jaxnn.train.evaluation import forward
from jaxnn.train.heads import Head, Seen
from jaxnn.train.health import sound
from jaxnn.train.micro import accumulated, pieced, real_in_all, value_of_all
from jaxnn.train.optimizer import Optimizer, plain
from jaxnn.train.options import check_key
from jaxnn.train.state import TrainState
from jaxnn.train.sums import Sums, finished, gathered, weighted
from jaxnn.train.trial import Trial


def init(trial: Trial, key: Key, x: Any, given: Any = None, *, precision: Any = None) -> TrainState:
    """The state before the first step.

    Args:
        trial: a concrete `Trial`.
        key: a threefry key; half of it draws the parameters, half serves the steps.
        x: one batch of inputs, or its shapes (`jax.ShapeDtypeStruct`).
        given: weights by path, ``{"dense_0/kernel": array}``, that take the place of those that are drawn.
        precision: as in `fit`; `step` is to be given the same.

    Returns:
        A `TrainState`; under `jax.eval_shape` nothing is allocated.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> int(nn.init(trial, jax.random.key(0), jnp.ones((1, 2))).step)
        0
    """
    precision = precision_of(precision) or DEFAULT
    params, model_state = trial.model.init(jax.random.split(check_key(key))[0], x)
    if given:
        params = jax.tree_util.tree_map_with_path(lambda path, p: given.get(path_of(path), p), params)
    params = cast(params, precision.param)
    return TrainState(
        step=jnp.int32(0),
        epoch=jnp.int32(0),
        params=params,
        model_state=model_state,
        opt_state=_optimizer_state(trial, widened(params)),
        metrics={},
        best=None if trial.stop is None else trial.stop.start(params, model_state),
        wait=jnp.int32(0),
        stopped=jnp.bool_(False),
        diverged=jnp.int32(-1),
        loss_scale=loss_scale.begun(precision),
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
    trial: Trial, state: TrainState, batch: Any, *, key: Key | None = None, precision: Any = None
) -> tuple[TrainState, dict[str, Any]]:
    """One step: the gradient of the loss, the update, and nothing else.

    The loss is ``sum_i w_i loss_i / n`` over the ``n`` real rows of the batch, whatever their weights; over its real
    steps where these count one by one, and summed over outputs, as `Trial` says.

    Args:
        trial: a concrete `Trial`.
        state: from `init` or the step before. Its ``metrics`` and ``epoch`` reach optimizers that look at them.
        batch: ``(x, y)``, ``(x, y, weight)`` or a `Batch`, whose ``rows`` tell padding from real rows.
        key: the key that `init` got; step *i* draws dropout from it and *i*. A model that draws nothing needs none.
        precision: as in `fit`, and as `init` was given.

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
    precision = precision_of(precision) or DEFAULT
    if (state.loss_scale is None) != (precision.loss_scale is None):
        raise ValueError(
            "the state was begun with another precision, as it has "
            f"{'no' if state.loss_scale is None else 'a'} loss scale; write nn.init(trial, key, x, "
            f"precision={str(precision)!r}) and the same in nn.step"
        )
    state, sums = train_step(trial, state, batch, count, key, precision, plain(trial))
    return state, finished(trial, weighted(trial, sums, batch.weight))


def steps_key(key: Key) -> Key:
    """The half of a member's key that serves its steps: step *i* draws from ``fold_in(steps_key(key), i)``."""
    return jax.random.split(key)[1]


def train_step(
    trial: Trial, state: TrainState, batch: Batch, count: Any, key: Key | None, precision: Precision,
    optimizer: Optimizer, counts: Any = None, pieces: int = 1,
) -> tuple[TrainState, tuple[Sums, ...]]:  # fmt: skip
    """`step` with the key of the steps, for a batch with weights and ``count`` real rows.

    Args:
        counts: for each head what the rows of each class weigh together, or None; see `jaxnn.train.class_weight`.
        pieces: how many micro-batches it is taken in, their gradients added up.

    Returns:
        The next state, and sums over the batch for each head, as `jaxnn.train.sums.gathered` leaves them; those of
        micro-batches ``(pieces, ...)``.
    """
    with precision.tracing():
        return _train_step(trial, state, batch, count, key, precision, optimizer, counts, pieces)


def _train_step(trial, state, batch, count, key, precision, optimizer, counts, pieces):
    heads, scale = trial.heads, state.loss_scale
    counts = [None] * len(heads) if counts is None else counts
    own = None if key is None else jax.random.fold_in(key, state.step)
    batch = augmented(trial, batch, own)

    def looked_at(params: Params, model_state: State, batch: Batch, key: Key | None) -> tuple[list[Seen], State]:
        outputs, after = forward(trial, params, model_state, batch, key=key, train=True, precision=precision)
        return [head.seen(outputs, batch) for head in heads], after

    def objective(params: Params, model_state: State, batch: Batch, key: Key | None) -> tuple[Any, tuple]:
        seen, after = looked_at(loss_scale.out_of_backward(params, scale), model_state, batch, key)
        losses = [widened(_losses(*each)) for each in zip(heads, seen, counts, strict=True)]
        means = (_mean(*each, count) for each in zip(heads, seen, losses, real, strict=True))
        return loss_scale.into_backward(reduce(jnp.add, means), scale), (losses, seen, after)

    gather, real, wide = partial(gathered, trial, own=scale is not None), [None] * len(heads), widened(state.params)
    if pieces == 1:
        gradient = jax.value_and_grad(objective, has_aux=True)
        (value, (losses, seen, model_state)), grad = gradient(wide, state.model_state, batch, own)
        sums, whole = gather(seen, losses), lambda p: objective(p, state.model_state, batch, own)[0]
    else:
        parts = pieced(batch, pieces)
        real = real_in_all(lambda *given: looked_at(state.params, state.model_state, *given)[0], parts, own)
        given = state.model_state, parts, own
        (value, model_state, sums), grad = accumulated(objective, gather, wide, *given, optimizer.hold)
        whole = lambda p: value_of_all(objective, p, *given)  # noqa: E731
    rest = {"value": value, "metrics": state.metrics, "epoch": state.epoch}
    value_fn = lambda p, metrics=None, epoch=None, opt_state=None: whole(p)  # noqa: E731
    grad = optimizer.hold(grad)
    updates, opt_state = optimizer.update(grad, state.opt_state, wide, rest, value_fn)
    params = jax.tree.map(lambda p, w, u: (w + u.astype(w.dtype)).astype(p.dtype), state.params, wide, updates)
    after = state._replace(step=state.step + 1, params=params, model_state=model_state, opt_state=opt_state)
    if scale is None:
        return after, sums
    fits = sound(grad, None) & jnp.isfinite(value)
    after, skipped = loss_scale.skipping(after, state, fits, precision.growth_interval)
    lost = skipped & ~jnp.isfinite(value)  # a loss that is no number, of a step that is none, counts for nothing
    return after, jax.tree.map(lambda a: jnp.where(lost, jnp.zeros_like(a), a), sums)


def _losses(head: Head, seen: Seen, counts: Any) -> Any:
    """The loss of each row in training, ``(rows,)``, its class weight included."""

    def own(outputs: Any, targets: Any) -> Any:
        losses = head.loss(outputs, targets)
        factor = factors(head, outputs, targets, counts)
        return losses if factor is None else losses * factor.astype(losses.dtype)

    return judged(own, seen.outputs, seen.targets)


def _mean(head: Head, seen: Seen, losses: Any, real: Any, count: Any) -> Any:
    """The share of a head in the loss of a batch: ``sum_i w_i loss_i / n`` over the ``n`` rows that are there.

    Of a micro-batch ``real`` are those of the whole batch, where ``count`` does not tell.
    """
    weight = seen.weight.astype(losses.dtype)
    total = (weight * jnp.where(weight > 0, losses, jnp.zeros_like(losses))).sum()
    if seen.real is not None:
        count = jnp.maximum(seen.real.sum(dtype=jnp.int32), 1) if real is None else real
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
