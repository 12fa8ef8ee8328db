"""Decoupled weight decay: weights shrink by themselves, past the optimizer."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from jaxnn.core.tree import WEIGHTS, Where
from jaxnn.core.types import Hyper
from jaxnn.optim.chosen import Chosen, check_strengths, choose, params_needed
from jaxnn.optim.plateau import shrinkage
from jaxnn.optim.rates import as_float, beside, step_size, strength


class DecayState(NamedTuple):
    """Steps done, int32, and the leaves that decay."""

    count: Any
    leaves: Chosen


def decay(c: Hyper, learning_rate: Any = 1.0, where: Where = WEIGHTS) -> optax.GradientTransformationExtraArgs:
    """Take ``learning_rate c w`` off every chosen weight, whatever the gradient was.

    It goes behind the optimizer: ``optax.chain(optax.adam(lr), nn.decay(c, lr))`` is AdamW, as in
    ``optax.adamw(lr, weight_decay=c)``. Without a learning rate the weights shrink by the factor ``1 - c`` per step,
    however the rate is scheduled. Under plain gradient descent decay with ``c`` and ``l2(c / 2)`` are the same; under
    Adam the gradient of `l2` is rescaled with all the rest, and large gradients then protect weights from it.

    Args:
        c: strength, 0 or more; may be traced; an array as in `l2`.
        learning_rate: a number, which may be traced, or a schedule; the one given to the optimizer.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation. It shrinks with a `plateau` where its update sees the whole state, ``opt_state=``.

    Raises:
        ValueError: for a negative strength, one that does not broadcast, or if no leaf is chosen.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; ``weight_decay`` of PyTorch's and
        Keras's AdamW has the same scale.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> params = {"kernel": jnp.array([2.0]), "bias": jnp.array([2.0])}
        >>> shrink = nn.decay(0.5, learning_rate=0.1)
        >>> updates, _ = shrink.update({"kernel": jnp.zeros(1), "bias": jnp.zeros(1)}, shrink.init(params), params)
        >>> round(float(updates["kernel"][0]), 6), float(updates["bias"][0])
        (-0.1, 0.0)
    """
    strength("the strength of decay", c, "nn.decay(1e-2, learning_rate=1e-3)")

    def init(params: Any) -> Any:
        return DecayState(jnp.int32(0), check_strengths("decay", choose("decay", params, where), params, c))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        params_needed("decay", params)
        size = step_size(learning_rate, state.count, shrinkage(**extra))

        def shrink(u: Any, p: Any) -> Any:
            return u - (beside(size * as_float(c), p) * p).astype(u.dtype)

        return state.leaves.map(shrink, updates, params), state._replace(count=optax.safe_increment(state.count))

    return optax.GradientTransformationExtraArgs(init, update)
