"""The run: a pure function of hyperparameters, key and data."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.hyper import split
from jaxnn.core.precision import precision_of
from jaxnn.core.types import Key
from jaxnn.data.batches import rows_of_a_step
from jaxnn.data.labels import by_output
from jaxnn.data.source import Block, read
from jaxnn.train.class_weight import counted
from jaxnn.train.culprits import naming_traced
from jaxnn.train.engine import Member, Recipe, epoch, goes_on, kept, start
from jaxnn.train.enrol import task_of
from jaxnn.train.options import check_hparams, check_key, check_options, whole
from jaxnn.train.state import TrainState
from jaxnn.train.trial import TrialLike, check_names


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
    precision: Any = None,
    remat: bool = False,
) -> tuple[TrainState, dict[str, Any]]:
    """Initialisation, every epoch, validation, stopping, best weights and curves, as one pure function.

    It is made of the pieces that `fit` and `grid` compile, `jaxnn.train.engine`: start, then a scan over epochs of
    advance and close. Call it under `jax.jit`, `jax.vmap` or `jax.grad` as you like. The gradient goes through the
    whole training, to floats in ``hparams`` and to the data.

    Args:
        trial: a `Trial`, or a function from hyperparameters to one.
        hparams: a dict of hyperparameters, floats of which may be traced.
        key: ``jax.random.key(seed, impl="threefry2x32")``; drives initialisation and dropout.
        data: ``(x, y)`` or ``(x, y, weight)``.
        epochs: passes over the data.
        batch_size: rows of a step; None for all of them in one step, in their own order.
        validation: as in `fit`.
        stop: an `EarlyStopping`; after the stop nothing changes and the history holds NaN.
        shuffle_seed: drives the order of the rows, which is a function of it and the epoch alone.
        shuffle: False keeps the rows in order.
        precision: as in `fit`.
        remat: for gradients through long runs: keep about twice as many states as the root of the epochs, and compute
            what lies between anew, two more times. The numbers are the same.

    Returns:
        The last `TrainState`, and the history: a dict of arrays ``(epochs,)``.

    Raises:
        ValueError: as `fit` does, for what does not fit and is no tracer.

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
    whole("epochs", epochs)
    check_options(batch_size=batch_size, precision=precision, stop=stop, shuffle_seed=shuffle_seed,
                  shuffle=shuffle, remat=remat)  # fmt: skip
    hparams, key = check_hparams(hparams), check_key(key)
    check_names(trial, hparams)
    task = task_of(trial, hparams, epochs)
    source = read(data, validation, shuffle_seed=shuffle_seed, shuffle=shuffle, task=task)
    size, shuffle = rows_of_a_step(batch_size, source.rows, shuffle)
    inside, structure = split(hparams)
    recipe = Recipe(trial, structure, size, -(-source.rows // size), source.held is not None, precision_of(precision),
                    classes=tuple(by_output(source.classes).items()), remat=remat)  # fmt: skip
    member = Member(inside, stop, key, jnp.int32(epochs), jnp.int32(0))
    with naming_traced(inside):
        built = recipe.built(member)
    counts = counted(built.heads, source)
    block = jax.tree.map(jnp.asarray, source.block(0, epochs, shuffle, capacity=epochs, counts=counts))
    return trained(recipe, member, source.first_row, block)


def trained(recipe: Recipe, member: Member, row: Any, block: Block) -> tuple[TrainState, dict[str, Any]]:
    """A member from its first epoch to its last, one for each order of the block; gradients pass through it.

    Args:
        row: one row of inputs, of which only the shape is read.

    Returns:
        The last state, and the history ``(epochs,)``, NaN where an epoch was not done.
    """

    def one(state: TrainState, order: Any) -> tuple[TrainState, dict[str, Any]]:
        def go() -> tuple[TrainState, dict[str, Any]]:
            after, row = epoch(recipe, member, state, block, order)
            return kept(jnp.bool_(True), after, state), row

        def rest() -> tuple[TrainState, dict[str, Any]]:
            return state, jax.tree.map(jnp.zeros_like, state.metrics)

        return jax.lax.cond(goes_on(member, state), go, rest)

    through = _in_blocks if recipe.remat else jax.lax.scan
    state, history = through(one, start(recipe, member, row), block.orders)
    done = jnp.arange(len(block.orders), dtype=jnp.int32) < state.epoch
    return state, {name: jnp.where(done, v, jnp.full_like(v, jnp.nan)) for name, v in history.items()}


def _in_blocks(one: Callable, state: TrainState, orders: Any) -> tuple[TrainState, Any]:
    """The scan over epochs, in blocks of about the root of their number.

    A gradient keeps the states between blocks, and while it is in one those between its epochs. Epochs that fill up the
    last block lie past the member's end, where nothing changes.

    Source: Chen, Xu, Zhang and Guestrin, "Training deep nets with sublinear memory cost", 2016.
    """
    epochs, root = len(orders), math.isqrt(len(orders))
    size = min(range(max(1, root // 2), 2 * root + 1), key=lambda n: (-epochs % n, abs(n - root)))
    orders = jnp.concatenate([orders, jnp.broadcast_to(orders[-1:], (-epochs % size, *orders.shape[1:]))])
    step = jax.checkpoint(one, prevent_cse=False)
    block = jax.checkpoint(lambda s, o: jax.lax.scan(step, s, o), prevent_cse=False)
    state, history = jax.lax.scan(block, state, orders.reshape(-1, size, *orders.shape[1:]))
    return state, jax.tree.map(lambda v: v.reshape(-1)[:epochs], history)
