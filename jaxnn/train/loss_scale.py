"""Dynamic loss scaling: a gradient taken at a scale that float16 can hold, and what becomes of a step that overflows.

The objective keeps its value. Only its backward pass runs on numbers ``scale`` times as large, from the loss to the
weights, where they are divided again: so an optimizer, a clipping and a penalty see the gradient as it is, and one that
asks for more of them, as L-BFGS does on its line, gets these scaled too.
"""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.precision import Precision
from jaxnn.train.state import LossScale, TrainState

FLOOR = 1.0
"""The smallest scale. What overflows there overflows by itself."""


def begun(precision: Precision) -> LossScale | None:
    """The scale before the first step, or None where none is wanted."""
    return None if precision.loss_scale is None else LossScale(jnp.float32(precision.loss_scale), jnp.int32(0))


def into_backward(value: Any, scale: LossScale | None) -> Any:
    """The loss itself; its backward pass begins at the scale."""
    return value if scale is None else _turned(value, scale.scale)


def out_of_backward(params: Any, scale: LossScale | None) -> Any:
    """The weights themselves; their gradient is divided by the scale."""
    return params if scale is None else jax.tree.map(lambda p: _turned(p, 1 / scale.scale), params)


@jax.custom_vjp
def _turned(value: Any, factor: Any) -> Any:
    """``value``, whose gradient is multiplied by ``factor``."""
    return value


def _turned_forward(value: Any, factor: Any) -> tuple[Any, Any]:
    return value, factor


def _turned_backward(factor: Any, gradient: Any) -> tuple[Any, Any]:
    return gradient * factor.astype(gradient.dtype), jnp.zeros_like(factor)


_turned.defvjp(_turned_forward, _turned_backward)


def moved(state: LossScale, fits: Any, interval: int) -> LossScale:
    """The scale after a step: half as large where it overflowed, twice as large after ``interval`` that did not.

    Args:
        state: before the step.
        fits: whether loss and gradient were finite.
        interval: steps that fit, one after the other, after which the scale doubles.

    Source: ``jmp.DynamicLossScale.adjust``.

    Example:
        >>> scale = moved(LossScale(jnp.float32(8.0), jnp.int32(1)), jnp.bool_(True), interval=2)
        >>> float(scale.scale), float(moved(scale, jnp.bool_(False), interval=2).scale)
        (16.0, 8.0)
    """
    due = state.steps + 1 >= interval
    larger = jnp.where(jnp.isfinite(state.scale * 2), state.scale * 2, state.scale)
    smaller = jnp.maximum(state.scale / 2, jnp.full_like(state.scale, FLOOR))
    scale = jnp.where(fits, jnp.where(due, larger, state.scale), smaller)
    return LossScale(scale, jnp.where(fits & ~due, state.steps + 1, jnp.zeros_like(state.steps)))


def skipping(after: TrainState, before: TrainState, fits: Any, interval: int) -> tuple[TrainState, Any]:
    """The state after a step that counts only where it fits, and whether it was skipped.

    A skipped step leaves weights, model state and optimizer as they were, to the bit. At the smallest scale it is not
    skipped: what is not finite then makes a member sick, as in float32.

    Args:
        after: with the update.
        before: without it, its ``loss_scale`` there.
        fits: whether loss and gradient were finite.
        interval: as in `moved`.
    """
    scale = before.loss_scale
    assert scale is not None
    skipped = ~fits & (scale.scale > FLOOR)

    def chosen(new: Any, old: Any) -> Any:
        return jax.tree.map(lambda a, b: jax.lax.select(skipped, b, a), new, old)

    return after._replace(
        params=chosen(after.params, before.params),
        model_state=chosen(after.model_state, before.model_state),
        opt_state=chosen(after.opt_state, before.opt_state),
        loss_scale=moved(scale, fits, interval),
    ), skipped
