"""Health of a member at the end of an epoch: at which step it fell sick, if it did."""

from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.tree import is_floating
from jaxnn.core.types import Params
from jaxnn.train.state import TrainState


def sick_step(state: TrainState, losses: Any, own: Any, platform: str | None) -> Any:
    """The first of the epoch's ``own`` steps whose loss is not finite, the last if it is only the weights, or -1."""
    steps = losses.shape[0]
    number = jax.lax.iota(jnp.int32, steps)
    first = jnp.where(jnp.isfinite(losses), steps, number).min()
    last = jnp.where(sound(state.params, platform), -1, state.step - 1)
    return jnp.where(first == steps, last, state.step - own + first).astype(jnp.int32)


def sound(params: Params, platform: str | None) -> Any:
    """Whether all weights are finite.

    On a CPU by one product over all of them, in which what is not finite stays so, and nothing else comes to be: a test
    of each leaf takes three kernels a leaf to compile, a sixth of what XLA does for a small network.
    """
    leaves = [leaf for leaf in jax.tree.leaves(params) if is_floating(leaf)]
    if platform != "cpu" or not leaves:
        return reduce(jnp.logical_and, (jnp.isfinite(leaf).all() for leaf in leaves), True)
    dtype = max([jnp.dtype("float32"), *(leaf.dtype for leaf in leaves)], key=lambda d: d.itemsize)
    flat = jnp.concatenate([leaf.astype(dtype).ravel() for leaf in leaves])
    return jnp.isfinite(jnp.dot(flat, jnp.full_like(flat, 1e-30), precision=jax.lax.Precision.HIGHEST))
