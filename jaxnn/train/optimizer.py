"""How a step calls the optimizer: plainly, or over packed state."""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import jax
import jax.numpy as jnp

from jaxnn.core.tree import widened
from jaxnn.core.types import Params
from jaxnn.optim.packing import packing
from jaxnn.train.state import TrainState
from jaxnn.train.trial import Trial


class Optimizer(NamedTuple):
    """An update as a step calls it.

    Args:
        update: ``(grads, opt_state, params, rest, value_fn) -> (updates, opt_state)``; ``rest`` holds the other extra
            arguments by name.
        pack, unpack: the state as ``update`` takes it, and back.
        hold: a gradient as it is to lie, where it is split over devices.
    """

    update: Callable
    pack: Callable = lambda state: state
    unpack: Callable = lambda state: state
    hold: Callable = lambda grads: grads


def plain(trial: Trial) -> Optimizer:
    """The optimizer of a trial as it is; it gets every extra argument there is and takes those it knows."""

    def update(grads: Any, state: Any, params: Params, rest: dict[str, Any], value_fn: Callable) -> tuple[Any, Any]:
        # Optax relies on implicit promotion (adam raises a float to an int32 count), whatever the user's setting is.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return trial.update(grads, state, params, grad=grads, value_fn=value_fn, opt_state=state, **rest)

    return Optimizer(update)


class _NoValue(Exception):
    """The optimizer evaluates the loss, which no reading of its operations can follow."""


def packed(trial: Trial, state: TrainState) -> Optimizer:
    """The optimizer over few long arrays where it allows that, else as it is."""
    as_it_is = plain(trial)

    def value_fn(*_: Any, **__: Any) -> NoReturn:
        raise _NoValue

    rest, wide = {"value": jnp.zeros(()), "metrics": state.metrics, "epoch": state.epoch}, widened(state.params)
    try:
        found = packing(lambda *args: as_it_is.update(*args, value_fn), wide, state.opt_state, wide, rest)
    except _NoValue:
        found = None
    if found is None:
        return as_it_is

    def update(grads: Any, state: Any, params: Params, rest: dict[str, Any], _: Callable) -> tuple[Any, Any]:
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            return found.update(grads, state, params, rest)

    return Optimizer(update, found.pack, found.unpack)
