"""A recurrence over time whose weight gradient is one product after the scan, not a sum inside it.

Arrays are time first, ``(time, batch, features)``, so that the products over all steps, which give the input projection
and the weight gradients, need no transposition. A *cell* (see `jaxnn.layers.recurrent_cells`) says what one step does
and how its gradient goes back; the scan knows the recurrent product, the mask over time and the recurrent dropout.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


def recur(cell: Any, sequences: bool, xs: Any, kernel: Any, bias: Any, drop: Any, mask: Any) -> Any:
    """Run ``cell`` over time from a state of zeros.

    Args:
        cell: a cell, static.
        sequences: whether every hidden state is returned, or the last alone; static.
        xs: ``(time, batch, gates * units)``, the input projection of all steps.
        kernel: ``(units, gates * units)``, the recurrent weights.
        bias: ``(gates * units,)``, added to the recurrent product.
        drop: ``(batch, units)``, multiplied onto the hidden state before the product at every step, or None.
        mask: ``(time, batch, 1)`` bool, where False holds the state, or None.

    Returns:
        ``(time, batch, units)``, or the last ``(batch, units)``.

    Raises:
        TypeError: in forward mode, which has no rule.
    """
    try:
        return _recur(cell, sequences, xs, kernel, bias, drop, mask)
    except TypeError as error:
        if "forward-mode" not in str(error):
            raise
        raise TypeError(
            "the gradient of a recurrence goes backward only, and jvp, jacfwd, hessian and linearize go forward; "
            "write jax.grad, jax.vjp or jax.jacrev"
        ) from error


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _recur(cell: Any, sequences: bool, xs: Any, kernel: Any, bias: Any, drop: Any, mask: Any) -> Any:
    carry, states, _ = _forward(cell, sequences, False, xs, kernel, bias, drop, mask)
    return _outputs(sequences, states, carry)


def _forward(cell, sequences, saving, xs, kernel, bias, drop, mask) -> tuple[tuple, Any, Any]:
    """The last states, those before each step (the hidden one alone unless ``saving``), and what the cell saved."""

    def body(carry, step):
        x, keep = step
        hidden = carry[0] if drop is None else carry[0] * drop
        after, saved = cell.forward(x, hidden @ kernel + bias[None], carry)
        if keep is not None:
            after = tuple(jnp.where(keep, new, old) for new, old in zip(after, carry, strict=True))
        return after, ((carry, saved) if saving else (carry[:1] if sequences else (), ()))

    zeros = jnp.zeros((xs.shape[1], kernel.shape[0]), xs.dtype)
    carry, (states, saved) = jax.lax.scan(body, (zeros,) * cell.states, (xs, mask))
    return carry, states, saved


def _outputs(sequences: bool, states: tuple, carry: tuple) -> Any:
    if not sequences:
        return carry[0]
    return jnp.concatenate([states[0][1:], carry[0][None]]) if states[0].shape[0] else states[0]


def _recur_forward(cell, sequences, xs, kernel, bias, drop, mask):
    carry, states, saved = _forward(cell, sequences, True, xs, kernel, bias, drop, mask)
    return _outputs(sequences, states, carry), (states, carry, saved, kernel, drop, mask)


def _recur_backward(cell, sequences, residuals, given):
    states, last, saved, kernel, drop, mask = residuals
    transposed = kernel.T

    def body(carry, step):
        to_state, new = carry
        outside, old, inner, keep = step
        after = to_state if outside is None else (to_state[0] + outside, *to_state[1:])
        moved = after if keep is None else tuple(jnp.where(keep, d, jnp.zeros_like(d)) for d in after)
        to_x, to_product, direct = cell.backward(moved, inner, old, new)
        back = to_product @ transposed
        back = back if drop is None else back * drop
        result = (direct[0] + back, *direct[1:])
        if keep is not None:
            result = tuple(jnp.where(keep, d, a) for d, a in zip(result, after, strict=True))
        return (result, old), (to_x, None if to_product is to_x else to_product)

    zeros = jnp.zeros_like(last[0])
    first = (zeros if sequences else given, *(zeros,) * (cell.states - 1))
    steps = (given if sequences else None, states, saved, mask)
    _, (to_x, to_product) = jax.lax.scan(body, (first, last), steps, reverse=True)
    to_product = to_x if to_product is None else to_product
    hidden = states[0] if drop is None else states[0] * drop[None]
    flat = _rows(to_product)
    to_bias = jnp.ones((flat.shape[0],), flat.dtype) @ flat
    to_drop = None if drop is None else (states[0] * (to_product @ transposed)).sum(0)
    return to_x, _rows(hidden).T @ flat, to_bias, to_drop, None


def _rows(values):
    """``(time, batch, features)`` as ``(time * batch, features)``."""
    return values.reshape(values.shape[0] * values.shape[1], values.shape[2])


_recur.defvjp(_recur_forward, _recur_backward)
