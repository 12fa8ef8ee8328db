"""What training carries from step to step, all of it plain arrays."""

from typing import Any, NamedTuple

from jaxnn.core.types import Params, State


class Best(NamedTuple):
    """The best weights so far.

    Args:
        value: the monitored metric there.
        epoch: the epoch, counted from 0; -1 before the first.
        params, model_state: the weights and running statistics at its end.
    """

    value: Any
    epoch: Any
    params: Params
    model_state: State


class LossScale(NamedTuple):
    """By how much the loss is scaled in the backward pass; see `Precision`.

    Args:
        scale: float32.
        steps: how many have not overflowed since it last changed, int32.
    """

    scale: Any
    steps: Any


class TrainState(NamedTuple):
    """Everything that training changes; saved and restored, it goes on as if never stopped.

    Args:
        step: optimizer steps done, int32; those that a loss scale skipped count, too.
        epoch: epochs done, int32.
        params: what the gradient changes.
        model_state: what the forward pass changes.
        opt_state: the optimizer's state.
        metrics: the history's row of the last epoch by name, which optimizers may look at; empty in loops of one's own
            that do not fill it.
        best: a `Best`, or None where nothing is monitored.
        wait: epochs since the best one, int32.
        stopped: whether early stopping has ended this member, bool.
        diverged: the step at which the loss or the weights were not finite, int32; -1 while healthy.
        loss_scale: a `LossScale`, or None where the precision has none.

    Example:
        >>> import jax, jax.numpy as jnp, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.Dense(1), "squared_error", optax.sgd(0.1))
        >>> state = nn.init(trial, jax.random.key(0), jnp.ones((1, 2)))
        >>> state.params["kernel"].shape, int(state.step), int(state.diverged)
        ((2, 1), 0, -1)
    """

    step: Any
    epoch: Any
    params: Params
    model_state: State
    opt_state: Any
    metrics: dict[str, Any]
    best: Best | None
    wait: Any
    stopped: Any
    diverged: Any
    loss_scale: LossScale | None = None
