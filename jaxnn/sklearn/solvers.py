"""scikit-learn's solvers as transformations of Optax, equal to the last digit where Optax's own differ in a detail."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float


class SGDState(NamedTuple):
    """What `sgd` keeps.

    Args:
        velocity: like the parameters.
        rate: the learning rate, which the end of an iteration may change; a 0-d array.
    """

    velocity: Any
    rate: Any


def sgd(learning_rate: Hyper, momentum: Hyper, nesterov: bool) -> optax.GradientTransformation:
    """Gradient descent with momentum, ``v = momentum v - rate g``, whose rate is part of its state.

    Unlike ``optax.sgd`` the velocity holds the rate, as in scikit-learn: a falling rate does not shrink the velocity.

    Args:
        learning_rate: at the beginning.
        momentum: in [0, 1].
        nesterov: whether the step is ``momentum v - rate g`` of the new ``v`` once more.

    Example:
        >>> optimizer, w = sgd(0.1, 0.5, False), {"w": jnp.ones(1)}
        >>> updates, state = optimizer.update({"w": jnp.ones(1)}, optimizer.init(w))
        >>> updates, state = optimizer.update({"w": jnp.ones(1)}, state)
        >>> round(float(updates["w"][0]), 6)
        -0.15
    """

    def init(params: Any) -> Any:
        return SGDState(jax.tree.map(jnp.zeros_like, params), as_float(learning_rate))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        def go_on(velocity: Any, grad: Any) -> Any:
            return jnp.asarray(momentum, grad.dtype) * velocity - state.rate.astype(grad.dtype) * grad

        velocity = jax.tree.map(go_on, state.velocity, updates)
        steps = jax.tree.map(go_on, velocity, updates) if nesterov else velocity
        return steps, state._replace(velocity=velocity)

    return optax.GradientTransformation(init, update)


class AdamState(NamedTuple):
    """What `adam` keeps: averages of the gradient and of its square, and the number of steps."""

    mean: Any
    square: Any
    count: Any


def adam(learning_rate: Hyper, beta_1: Hyper, beta_2: Hyper, epsilon: Hyper) -> optax.GradientTransformation:
    """Adam, ``rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon)``.

    ``optax.adam`` adds its epsilon after the square is corrected, and scikit-learn before, where it counts for more in
    the first steps.

    Args:
        learning_rate, beta_1, beta_2, epsilon: as in scikit-learn.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", 2014, the formula before section 2.1.

    Example:
        >>> optimizer, w = adam(0.1, 0.9, 0.999, 1e-8), {"w": jnp.ones(1)}
        >>> updates, state = optimizer.update({"w": jnp.full(1, 3.0)}, optimizer.init(w))
        >>> round(float(updates["w"][0]), 4)
        -0.1
    """

    def init(params: Any) -> Any:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return AdamState(zeros, zeros, jnp.int32(0))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        count = state.count + 1
        b1, b2, t = as_float(beta_1), as_float(beta_2), count.astype(jnp.zeros(()).dtype)
        mean = jax.tree.map(lambda m, g: b1.astype(g.dtype) * m + (1 - b1.astype(g.dtype)) * g, state.mean, updates)
        square = jax.tree.map(
            lambda v, g: b2.astype(g.dtype) * v + (1 - b2.astype(g.dtype)) * (g * g), state.square, updates
        )
        rate = as_float(learning_rate) * jnp.sqrt(1 - b2**t) / (1 - b1**t)
        steps = jax.tree.map(
            lambda m, v: -rate.astype(m.dtype) * m / (jnp.sqrt(v) + jnp.asarray(epsilon, v.dtype)), mean, square
        )
        return steps, AdamState(mean, square, count)

    return optax.GradientTransformation(init, update)
