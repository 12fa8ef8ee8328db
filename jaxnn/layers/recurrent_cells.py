"""What one step of a recurrence computes, and how its gradient goes back; arrays are ``(batch, features)``.

A cell has ``states``, the number of arrays it carries (the first is the hidden state), ``gates``, the number of blocks
of columns in its projections, and two pure functions:

- ``forward(x, product, carry) -> carry, saved``, from the projections of the input and of the hidden state;
- ``backward(given, saved, before, after) -> to_x, to_product, to_before``, the gradients with respect to the two
  projections and, directly, to the carry before the step. Where the first two are equal they are one object.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


def _sigmoid(x):
    return 0.5 * jnp.tanh(0.5 * x) + 0.5


def _blocks(x, values):
    """A row ``(1, features)`` that holds each value in one block of columns."""
    return jnp.asarray(np.repeat(values, x.shape[1] // len(values))[None], x.dtype)


class SimpleCell(NamedTuple):
    """``h = f(x + u)`` with ``u`` the recurrent product."""

    activation: Callable
    states: int = 1
    gates: int = 1

    def forward(self, x: Any, product: Any, carry: tuple) -> tuple:
        """The new hidden state; the sum is saved."""
        total = x + product
        return (self.activation(total),), total

    def backward(self, given: tuple, saved: Any, before: tuple, after: tuple) -> tuple:
        """The gradient through the activation."""
        _, pull = jax.vjp(self.activation, saved)
        (to_x,) = pull(given[0])
        return to_x, to_x, (jnp.zeros_like(given[0]),)


class LSTMCell(NamedTuple):
    """Gates in the order i, f, g, o: ``c = f c + i g``, ``h = o tanh(c)``."""

    states: int = 2
    gates: int = 4

    def forward(self, x: Any, product: Any, carry: tuple) -> tuple:
        """The new hidden and cell state; the gates are saved."""
        total = x + product
        scale, shift = _blocks(total, (0.5, 0.5, 1.0, 0.5)), _blocks(total, (0.5, 0.5, 0.0, 0.5))
        gates = scale * jnp.tanh(scale * total) + shift  # one pass over all four: the sigmoid is 0.5 tanh(x / 2) + 0.5
        i, f, g, o = jnp.split(gates, 4, axis=1)
        c = f * carry[1] + i * g
        return (o * jnp.tanh(c), c), gates

    def backward(self, given: tuple, saved: Any, before: tuple, after: tuple) -> tuple:
        """The gradient of the four gates."""
        i, f, g, o = jnp.split(saved, 4, axis=1)
        out = jnp.tanh(after[1])
        to_h, to_c = given
        to_c = to_c + to_h * o * (1 - out * out)
        to_x = jnp.concatenate(
            [to_c * g * i * (1 - i), to_c * before[1] * f * (1 - f), to_c * i * (1 - g * g), to_h * out * o * (1 - o)],
            axis=1,
        )
        return to_x, to_x, (jnp.zeros_like(to_h), to_c * f)


class GRUCell(NamedTuple):
    """Gates in the order r, z, n: ``n = tanh(x_n + r u_n)``, ``h = (1 - z) n + z h``."""

    states: int = 1
    gates: int = 3

    def forward(self, x: Any, product: Any, carry: tuple) -> tuple:
        """The new hidden state; the gates and the recurrent part of the candidate are saved."""
        (x_r, x_z, x_n), (u_r, u_z, u_n) = jnp.split(x, 3, axis=1), jnp.split(product, 3, axis=1)
        r, z = _sigmoid(x_r + u_r), _sigmoid(x_z + u_z)
        n = jnp.tanh(x_n + r * u_n)
        return ((1 - z) * n + z * carry[0],), (r, z, n, u_n)

    def backward(self, given: tuple, saved: Any, before: tuple, after: tuple) -> tuple:
        """The gradient of the three gates; the candidate's recurrent part sees it through ``r``."""
        r, z, n, u_n = saved
        (to_h,) = given
        to_n = to_h * (1 - z) * (1 - n * n)
        to_r = to_n * u_n * r * (1 - r)
        to_z = to_h * (before[0] - n) * z * (1 - z)
        to_x = jnp.concatenate([to_r, to_z, to_n], axis=1)
        return to_x, jnp.concatenate([to_r, to_z, to_n * r], axis=1), (to_h * z,)
