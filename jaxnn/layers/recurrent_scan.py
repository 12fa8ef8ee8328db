"""A recurrence over time whose weight gradient is one product after the scan, not a sum inside it.

Everything inside is features first, ``(features, batch)``, so that the product of a step is ``kernel.T @ h`` and the
gates are contiguous blocks of rows. A *cell* (see `jaxnn.layers.recurrent_cells`) says what one step does and how its
gradient goes back; the scan knows the recurrent product, the mask over time and the recurrent dropout.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def recur(cell: Any, sequences: bool, xs: Any, kernel: Any, bias: Any, drop: Any, mask: Any) -> Any:
    """Run ``cell`` over time from a state of zeros.

    Args:
        cell: a cell, static.
        sequences: whether every hidden state is returned, or the last alone; static.
        xs: ``(time, gates * units, batch)``, the input projection of all steps.
        kernel: ``(units, gates * units)``, the recurrent weights.
        bias: ``(gates * units,)``, added to the recurrent product, or None.
        drop: ``(units, batch)``, multiplied onto the hidden state before the product at every step, or None.
        mask: ``(time, 1, batch)`` bool, where False holds the state, or None.

    Returns:
        ``(time, units, batch)``, or the last ``(units, batch)``.
    """
    carry, states, _ = _forward(cell, sequences, False, xs, kernel, bias, drop, mask)
    return states[0] if sequences else carry[0]


def _forward(cell, sequences, saving, xs, kernel, bias, drop, mask) -> tuple[tuple, Any, Any]:
    transposed = kernel.T  # (gates * units, units)

    def body(carry, step):
        x, keep = step
        hidden = carry[0] if drop is None else carry[0] * drop
        product = transposed @ hidden  # (gates * units, batch)
        product = product if bias is None else product + bias[:, None]
        after, saved = cell.forward(x, product, carry)
        if keep is not None:
            after = tuple(jnp.where(keep, new, old) for new, old in zip(after, carry, strict=True))
        return after, ((after, saved) if saving else (after[:1] if sequences else (), ()))

    zeros = jnp.zeros((kernel.shape[0], xs.shape[-1]), xs.dtype)
    carry, (states, saved) = jax.lax.scan(body, (zeros,) * cell.states, (xs, mask))
    return carry, states, saved


def _recur_forward(cell, sequences, xs, kernel, bias, drop, mask):
    carry, states, saved = _forward(cell, sequences, True, xs, kernel, bias, drop, mask)
    return states[0] if sequences else carry[0], (states, saved, kernel, bias, drop, mask)


def _recur_backward(cell, sequences, residuals, given):
    states, saved, kernel, bias, drop, mask = residuals
    zeros = jnp.zeros_like(states[0][:1])
    before = tuple(jnp.concatenate([zeros, s[:-1]]) for s in states)  # the state that each step started from

    def body(carry, step):
        outside, old, new, inner, keep = step
        after = carry if outside is None else (carry[0] + outside, *carry[1:])
        moved = after if keep is None else tuple(jnp.where(keep, d, jnp.zeros_like(d)) for d in after)
        to_x, to_product, direct = cell.backward(moved, inner, old, new)
        back = kernel @ to_product  # (units, batch)
        back = back if drop is None else back * drop
        result = (direct[0] + back, *direct[1:])
        if keep is not None:
            result = tuple(jnp.where(keep, d, a) for d, a in zip(result, after, strict=True))
        return result, (to_x, None if to_product is to_x else to_product)

    last = zeros[0] if sequences else given
    steps = (given if sequences else None, before, states, saved, mask)
    _, (to_x, to_product) = jax.lax.scan(body, (last, *(zeros[0],) * (cell.states - 1)), steps, reverse=True)
    to_product = to_x if to_product is None else to_product
    hidden = before[0] if drop is None else before[0] * drop[None]
    flat = _rows(to_product)  # (gates * units, time * batch)
    to_kernel = _rows(hidden) @ flat.T
    to_bias = None if bias is None else to_product.sum((0, 2))
    to_drop = None
    if drop is not None:
        time, _, batch = to_x.shape
        to_hidden = (kernel @ flat).reshape(kernel.shape[0], time, batch).swapaxes(0, 1)
        to_drop = (before[0] * to_hidden).sum(0)
    return to_x, to_kernel, to_bias, to_drop, None


def _rows(values):
    """``(time, features, batch)`` as ``(features, time * batch)``."""
    return values.swapaxes(0, 1).reshape(values.shape[1], values.shape[0] * values.shape[2])


recur.defvjp(_recur_forward, _recur_backward)
