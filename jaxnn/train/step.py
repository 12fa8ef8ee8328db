"""One step of training, and evaluation, for whoever writes the loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn import metrics
from jaxnn.core.branch import when
from jaxnn.core.tree import cast, is_floating, path_of
from jaxnn.core.types import Batch, Key, Params, State
from jaxnn.optim.average import follow
from jaxnn.optim.plateau import scale_of
from jaxnn.train.state import TrainState
from jaxnn.train.trial import Trial


def init(trial: Trial, key: Key, x: Any) -> TrainState:
    """The state before the first step.

    Args:
        trial: a concrete `Trial`.
        key: a threefry key; half of it draws the parameters, half serves the steps.
        x: one batch of inputs, or its shapes (`jax.ShapeDtypeStruct`).

    Returns:
        A `TrainState`; under `jax.eval_shape` nothing is allocated.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> int(nn.init(trial, jax.random.key(0), jnp.ones((1, 2))).step)
        0
    """
    init_key, run_key = jax.random.split(key)
    params, model_state = trial.model.init(init_key, x)
    return TrainState(
        step=jnp.int32(0),
        epoch=jnp.int32(0),
        key=run_key,
        params=params,
        model_state=model_state,
        opt_state=trial.optimizer.init(params),
        best=None if trial.stop is None else trial.stop.start(params, model_state),
        wait=jnp.int32(0),
        stopped=jnp.bool_(False),
        diverged=jnp.int32(-1),
    )


def widened(tree: Any) -> Any:
    """Floating leaves below float32 as float32: losses and metrics are never computed in less."""
    narrow = lambda a: jnp.issubdtype(a.dtype, jnp.floating) and jnp.finfo(a.dtype).bits < 32  # noqa: E731
    return jax.tree.map(lambda a: a.astype(jnp.float32) if narrow(a) else a, tree)


def forward(
    trial: Trial, params: Params, model_state: State, batch: Batch, *, key: Key | None, train: bool, dtype: Any
) -> tuple[Any, State]:
    """Outputs of at least float32 and the new model state, padding rows masked out of batch statistics.

    Args:
        dtype: the compute dtype, or None for that of the data; parameters and running statistics keep theirs.
    """
    masked = _with_mask(model_state, (batch.weight > 0).astype(batch.weight.dtype)) if train else model_state
    outputs, after = trial.model.apply(cast(params, dtype), masked, cast(batch.x, dtype), key=key, train=train)
    after = _with_mask(after, None) if train else model_state
    return widened(outputs), after


def _with_mask(model_state: State, mask: Any) -> State:
    """Put the mask of the batch into every state leaf of that name, or with None put the 1 back."""

    def put(path: tuple, leaf: Any) -> Any:
        if path_of(path).rsplit("/", 1)[-1] != "mask":
            return leaf
        if mask is None:
            return jnp.ones(leaf.shape[:-1], leaf.dtype)
        return jnp.broadcast_to(mask.astype(leaf.dtype), leaf.shape + mask.shape)

    return jax.tree_util.tree_map_with_path(put, model_state)


def weighted_mean(values: Any, weight: Any) -> Any:
    """The mean over rows of weight above 0; zero where there are none. Rows of weight 0 may even be NaN."""
    weight = weight.reshape(weight.shape + (1,) * (values.ndim - 1)).astype(values.dtype)
    total = weight.sum()
    safe = jnp.where(weight > 0, values, jnp.zeros_like(values))
    return (weight * safe).sum(0) / jnp.where(total > 0, total, jnp.ones_like(total))


def per_example(trial: Trial, outputs: Any, y: Any, loss: Any = None) -> dict[str, Any]:
    """The loss and every metric for every row."""
    loss = trial.loss_function(outputs, y) if loss is None else loss
    return {"loss": loss, **{name: f(outputs, y) for name, f in trial.metric_functions.items()}}


def finish(trial: Trial, means: dict[str, Any]) -> dict[str, Any]:
    """The values of loss and metrics from their weighted means."""
    functions: dict[str, Callable] = {"loss": trial.loss_function, **trial.metric_functions}
    return {name: metrics.finish(functions[name], mean) for name, mean in means.items()}


def step(
    trial: Trial, state: TrainState, batch: Any, *, compute_dtype: Any = None
) -> tuple[TrainState, dict[str, Any]]:
    """One step: gradient of the weighted mean loss, update, running statistics.

    A step whose loss is not finite changes nothing but ``diverged``; one whose gradient is not finite changes only
    the numbers that stay finite. No step after either changes anything.

    Args:
        trial: a concrete `Trial`.
        state: from `init` or the step before.
        batch: ``(x, y)``, ``(x, y, weight)`` or a `Batch`; rows of weight 0 are padding.
        compute_dtype: such as ``jnp.bfloat16``; parameters, gradients' sums and the loss stay float32.

    Returns:
        The next state, and the loss and metrics of this batch, before the update.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> x, y = jnp.ones((4, 2)), jnp.ones(4)
        >>> state, values = jax.jit(lambda s, b: nn.step(trial, s, b))(nn.init(trial, jax.random.key(0), x), (x, y))
        >>> int(state.step), float(values["loss"])
        (1, 1.0)
    """
    batch = Batch(*batch)
    if batch.weight is None:
        batch = batch._replace(weight=jnp.ones(batch.y.shape[:1], jnp.zeros(()).dtype))
    state, rows = raw_step(trial, state, batch, compute_dtype)
    return state, finish(trial, {name: weighted_mean(v, batch.weight) for name, v in rows.items()})


def raw_step(trial: Trial, state: TrainState, batch: Batch, dtype: Any) -> tuple[TrainState, dict[str, Any]]:
    """`step` for a batch with weights, returning the loss and the metrics for every row."""

    def objective(params: Params) -> tuple[Any, tuple]:
        key = jax.random.fold_in(state.key, state.step)
        outputs, after = forward(trial, params, state.model_state, batch, key=key, train=True, dtype=dtype)
        loss = trial.loss_function(outputs, batch.y)
        return weighted_mean(loss, batch.weight), (loss, outputs, after)

    (value, (loss, outputs, model_state)), grad = jax.value_and_grad(objective, has_aux=True)(state.params)
    going = (state.diverged < 0) & jnp.isfinite(value)

    def advance(params: Params, opt_state: Any, before: State) -> tuple:
        # Optax relies on implicit promotion (adam raises a float to an int32 count), whatever the user's setting is.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            updates, after = trial.update(
                grad, opt_state, params, value=value, grad=grad, value_fn=lambda p: objective(p)[0],
                plateau_scale=scale_of(opt_state),
            )  # fmt: skip
        params = jax.tree.map(lambda p, u: _finite(p + u.astype(p.dtype), p), params, updates)
        return params, follow(opt_state, after, params), jax.tree.map(_finite, model_state, before)

    params, opt_state, model_state = when(going, advance, state.params, state.opt_state, state.model_state)
    # The gradient is judged beside the update, not before it: the update then happens in place.
    sound = going & jnp.isfinite(soundness(grad))
    state = state._replace(
        step=state.step + 1,
        params=params,
        model_state=model_state,
        opt_state=opt_state,
        diverged=jnp.where(sound | (state.diverged >= 0), state.diverged, state.step),
    )
    return state, per_example(trial, outputs, batch.y, loss)


def soundness(tree: Any) -> Any:
    """A number that is finite only if every number of the tree is: the squares of its sums over the last axis.

    The sums are products with ones: on a CPU a product costs a third of a reduction.
    """
    rows = [a @ jnp.ones(a.shape[-1], a.dtype) if a.ndim > 1 else a.reshape(-1) for a in jax.tree.leaves(tree)]
    return sum(((r * r).sum().astype(jnp.float32) for r in rows), jnp.zeros((), jnp.float32))


def _finite(new: Any, old: Any) -> Any:
    """New numbers, each unless it is not finite: what is kept is finite always."""
    return jnp.where(jnp.isfinite(new), new, old) if is_floating(new) else new


def evaluate(
    trial: Trial, params: Params, model_state: State, batches: Batch, *, compute_dtype: Any = None
) -> dict[str, Any]:
    """Loss and metrics over stacked batches, in use (no dropout, running statistics).

    Args:
        trial: a concrete `Trial`.
        params, model_state: what to evaluate.
        batches: leaves ``(steps, batch, ...)``, as `jaxnn.data.batches.in_order` makes them; padding has weight 0.
        compute_dtype: as in `step`.

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

    def rows_of(batch: Batch) -> dict[str, Any]:
        outputs, _ = forward(trial, params, model_state, batch, key=None, train=False, dtype=compute_dtype)
        return per_example(trial, outputs, batch.y)

    if batches.weight.shape[0] == 1:
        rows = jax.tree.map(lambda a: a[None], rows_of(jax.tree.map(lambda a: a[0], batches)))
    else:
        rows = jax.lax.map(rows_of, batches)
    return finish(trial, {name: epoch_mean(v, batches.weight) for name, v in rows.items()})


def epoch_mean(values: Any, weight: Any) -> Any:
    """The weighted mean of ``(steps, batch, ...)`` over both axes."""
    return weighted_mean(values.reshape(-1, *values.shape[2:]), weight.reshape(-1))
