"""The run: a pure function of hyperparameters, key and data."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxnn.core.types import Batch, Key
from jaxnn.data.arrays import as_batch
from jaxnn.data.batches import batched, epoch_orders, in_order, rows_of_a_step
from jaxnn.data.split import holdout
from jaxnn.optim.average import averaged
from jaxnn.optim.penalties import value_of
from jaxnn.optim.plateau import observe
from jaxnn.train.state import TrainState
from jaxnn.train.step import epoch_mean, evaluate, finish, init, raw_step
from jaxnn.train.trial import Trial, TrialLike, build, check_names

EVALUATION_ROWS = 4096
"""Rows that are evaluated at once."""


def run(
    trial: TrialLike,
    hparams: Any,
    key: Key,
    data: Any,
    *,
    epochs: int,
    batch_size: int | None = 32,
    validation: Any = None,
    stop: Any = None,
    shuffle_seed: int = 0,
    shuffle: bool = True,
    compute_dtype: Any = None,
) -> tuple[TrainState, dict[str, Any]]:
    """Initialisation, every epoch, validation, stopping, best weights and curves, as one pure function.

    It is what `fit` compiles and `grid` maps; call it under `jax.jit`, `jax.vmap` or `jax.grad` as you like.
    The gradient goes through the whole training, to floats in ``hparams`` and to the data.

    Args:
        trial: a `Trial`, or a function from hyperparameters to one.
        hparams: a dict of hyperparameters, floats of which may be traced.
        key: ``jax.random.key(seed, impl="threefry2x32")``; drives initialisation and dropout.
        data: ``(x, y)`` or ``(x, y, weight)``.
        epochs: passes over the data.
        batch_size: rows of a step; None for all of them in one step, in their own order.
        validation: a fraction of the rows in (0, 1), or a pair ``(x, y)``, or None.
        stop: an `EarlyStopping`; after the stop nothing changes and the history holds NaN.
        shuffle_seed: drives the order of the rows, which is a function of it and the epoch alone.
        shuffle: False keeps the rows in order.
        compute_dtype: such as ``jnp.bfloat16``.

    Returns:
        The last `TrainState`, and the history: a dict of arrays ``(epochs,)``.

    Example:
        >>> import jax, optax, numpy as np, jaxnn as nn
        >>> x = np.linspace(-1, 1, 8, dtype=np.float32)[:, None]
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> def last_loss(lr):
        ...     _, history = nn.run(line, {"lr": lr}, jax.random.key(0), (x, 2 * x[:, 0]), epochs=3, batch_size=4)
        ...     return history["loss"][-1]
        >>> bool(jax.grad(last_loss)(0.1) < 0)
        True
    """
    check_names(trial, hparams)
    concrete = build(trial, {**hparams})
    if stop is not None:
        concrete = with_stop(concrete, stop)
    data, held = split_validation(as_batch(data), validation, shuffle_seed)
    data, held = jax.tree.map(jnp.asarray, (data, held))
    held = None if held is None else in_order(held, EVALUATION_ROWS)
    rows = data.weight.shape[0]
    size, shuffle = rows_of_a_step(batch_size, rows, shuffle)
    orders = jnp.asarray(epoch_orders(shuffle_seed, 0, epochs, rows, shuffle))
    state = init(concrete, key, jax.tree.map(lambda a: a[:1], data.x))

    def body(state: TrainState, order: Any) -> tuple[TrainState, dict[str, Any]]:
        active = is_active(state)
        after, row = epoch(concrete, state, data, order, size, held, compute_dtype)
        after = select(active, after, state)
        return after, {name: jnp.where(active, v, jnp.full_like(v, jnp.nan)) for name, v in row.items()}

    return jax.lax.scan(body, state, orders)


def select(condition: Any, after: TrainState, before: TrainState) -> TrainState:
    """The state after an epoch where a condition holds, else the one before it; keys never change."""

    def one(a: Any, b: Any) -> Any:
        return b if jnp.issubdtype(a.dtype, jax.dtypes.prng_key) else jnp.where(condition, a, b)

    return jax.tree.map(one, after, before)


def with_stop(trial: Trial, stop: Any) -> Trial:
    """The trial with this early stopping, unless it has its own."""
    if trial.stop is not None:
        return trial
    return Trial(trial.model, trial.loss, trial.optimizer, trial.metrics, stop)


def split_validation(data: Batch, validation: Any, seed: int, wide: bool = False) -> tuple[Batch, Batch | None]:
    """The training and the validation part; a fraction is held out at random, stratified by class labels.

    Raises:
        ValueError: for a fraction outside (0, 1) or one that leaves a part empty, or a pair that does not fit.
    """
    if validation is None:
        return data, None
    if isinstance(validation, (int, float)):
        if not 0 < validation < 1:
            raise ValueError(f"validation must lie in (0, 1), got {validation}; write validation=0.2 or a pair (x, y)")
        whole = jnp.issubdtype(data.y.dtype, jnp.integer) and data.y.ndim == 1
        labels = None if isinstance(data.y, Tracer) or not whole else data.y
        ours, theirs = holdout(len(data.y), float(validation), seed=seed, labels=labels)
        return jax.tree.map(lambda a: a[ours], data), jax.tree.map(lambda a: a[theirs], data)
    held = as_batch(validation, "the validation data", wide)
    ours, theirs = (jax.tree.map(lambda a: a.shape[1:], (b.x, b.y)) for b in (data, held))
    if ours != theirs:
        raise ValueError(
            f"rows of the data have shapes {ours} and rows of the validation data {theirs}; write equal ones"
        )
    return data, held


def is_active(state: TrainState) -> Any:
    """Whether a member still trains: neither stopped nor diverged."""
    return ~state.stopped & (state.diverged < 0)


def epoch(
    trial: Trial, state: TrainState, data: Batch, order: Any, batch_size: int, held: Batch | None, dtype: Any
) -> tuple[TrainState, dict[str, Any]]:
    """One pass over the data in this order, then validation, plateau and stopping.

    Returns:
        The state, and one row of the history: the running means of loss and metrics over the epoch, and
        ``val_...`` and ``penalty`` of the weights at its end.
    """
    batches = batched(data, order, batch_size)

    def body(state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Any]]:
        return raw_step(trial, state, batch, dtype)

    state, rows = jax.lax.scan(body, state, batches)
    row = finish(trial, {name: epoch_mean(v, batches.weight) for name, v in rows.items()})
    weights = averaged(state.opt_state, state.params)
    if held is not None:
        values = evaluate(trial, weights, state.model_state, held, compute_dtype=dtype)
        row |= {f"val_{name}": v for name, v in values.items()}
    penalty = value_of(state.opt_state, weights)
    if penalty is not None:
        row["penalty"] = penalty
    healthy = state.diverged < 0
    row = {name: jnp.where(healthy, v, jnp.full_like(v, jnp.nan)) for name, v in row.items()}
    state = state._replace(opt_state=observe(state.opt_state, row))
    if trial.stop is not None:
        state = trial.stop.observe(state, weights, row)
    return state._replace(epoch=state.epoch + 1), row


def init_member(trial: TrialLike, structure: tuple, stop: Any, hparams: Any, key: Key, x: Any) -> TrainState:
    """The state of a member before its first epoch, from traced and structural hyperparameters."""
    return init(member_trial(trial, structure, stop, hparams), key, x)


def member_trial(trial: TrialLike, structure: tuple, stop: Any, hparams: Any) -> Trial:
    """The concrete trial of a member, early stopping included."""
    return with_stop(build(trial, {**dict(structure), **hparams}), stop)
