"""Proximal steps: penalties whose zeros are exactly zero, as the last step of a chain."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.tree import WEIGHTS, Where
from jaxnn.core.types import Hyper
from jaxnn.optim.chosen import check_strengths, choose, params_needed
from jaxnn.optim.penalties import PenaltyState
from jaxnn.optim.plateau import shrinkage
from jaxnn.optim.rates import as_float, beside, step_size, strength


class ProximalState(NamedTuple):
    """Steps done, int32, and what `jaxnn.optim.penalties.value_of` needs to tell the penalty."""

    count: Any
    penalty: Any


def proximal_l1(c: Hyper, learning_rate: Any, where: Where = WEIGHTS) -> optax.GradientTransformationExtraArgs:
    """Minimise loss ``+ c sum |w|`` with exact zeros.

    After each step every chosen weight is pulled towards zero by ``learning_rate c``, and not past it:
    ``v = w + update``, then ``w = v - clip(v, -t, t)`` with the threshold ``t = learning_rate c``. It must be the last
    step of the chain. A weight with ``|v| <= t`` is exactly zero, for the update is then ``0 - w``, and ``w + (0 - w)``
    has no rounding error.

    The step is taken in the plain Euclidean metric, one threshold for all weights, which is right where the optimizer
    adds ``-learning_rate gradient``, as ``optax.sgd`` does. With momentum ``m`` a gradient counts ``1 / (1 - m)``
    times: write ``learning_rate=lr / (1 - m)``. Adam and its kin rescale each weight's gradient by its own number, so
    that one threshold gives zeros in the wrong places; there use `proximal_adam`, whose step has Adam's metric.

    Args:
        c: strength, 0 or more; may be traced; an array as in `l2`.
        learning_rate: a number, which may be traced, or a schedule; the one given to the optimizer.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation. It shrinks with a `plateau` where its update sees the whole state, ``opt_state=``.

    Raises:
        ValueError: for a negative strength, one that does not broadcast, or if no leaf is chosen.

    Source: Parikh and Boyd, "Proximal algorithms", 2014, section 4.2 (ISTA). The scale is that of `l1`.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer = optax.chain(optax.sgd(0.1), nn.proximal_l1(1.0, 0.1))
        >>> params = {"kernel": jnp.array([0.05, 2.0])}
        >>> updates, _ = optimizer.update({"kernel": jnp.zeros(2)}, optimizer.init(params), params)
        >>> optax.apply_updates(params, updates)["kernel"].tolist()
        [0.0, 1.899999976158142]
    """
    strength("the strength of proximal_l1", c, "nn.proximal_l1(1e-3, learning_rate=1e-2)")
    return elementwise("proximal_l1", c, None, learning_rate, where)


def proximal_elastic_net(
    l1: Hyper, l2: Hyper, learning_rate: Any, where: Where = WEIGHTS
) -> optax.GradientTransformationExtraArgs:
    """Minimise loss ``+ l1 sum |w| + l2 sum w^2`` with exact zeros.

    ``v = w + update``, then ``w = (v - clip(v, -t, t)) / (1 + 2 learning_rate l2)`` with ``t = learning_rate l1``. It
    must be the last step of the chain; what `proximal_l1` says of zeros, momentum and Adam holds here too. Unlike the
    gradient of `l2` this step is stable for any strength.

    Args:
        l1, l2: strengths, 0 or more; may be traced; arrays as in `l2`.
        learning_rate: a number, which may be traced, or a schedule; the one given to the optimizer.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation. It shrinks with a `plateau` where its update sees the whole state, ``opt_state=``.

    Raises:
        ValueError: for a negative strength, one that does not broadcast, or if no leaf is chosen.

    Source: Parikh and Boyd, "Proximal algorithms", 2014, section 6.5.3. The scale is that of `elastic_net`.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer = optax.chain(optax.sgd(0.5), nn.proximal_elastic_net(1.0, 1.0, 0.5))
        >>> params = {"kernel": jnp.array([0.25, 2.5])}
        >>> updates, _ = optimizer.update({"kernel": jnp.zeros(2)}, optimizer.init(params), params)
        >>> optax.apply_updates(params, updates)["kernel"].tolist()
        [0.0, 1.0]
    """
    call = "nn.proximal_elastic_net(1e-3, 1e-3, learning_rate=1e-2)"
    strength("the strength l1 of proximal_elastic_net", l1, call)
    strength("the strength l2 of proximal_elastic_net", l2, call)
    return elementwise("proximal_elastic_net", l1, l2, learning_rate, where)


def shrink(v: jax.Array, l1: Any, l2: Any = None) -> jax.Array:
    """The minimiser over ``w`` of ``(w - v)^2 / 2 + l1 |w| + l2 w^2``, exactly zero where ``|v| <= l1``.

    Example:
        >>> shrink(jnp.array([3.0, -0.5, -2.0]), 1.0, 0.5).tolist()
        [1.0, 0.0, -0.5]
    """
    rest = v - jnp.clip(v, -l1, l1)
    return rest if l2 is None else rest / (1 + 2 * l2)


def elementwise(
    name: str, l1: Hyper, l2: Hyper | None, learning_rate: Any, where: Where
) -> optax.GradientTransformationExtraArgs:
    """The proximal step of an elastic net in the Euclidean metric; without L2 for None."""

    def penalty_on(leaves: Any) -> PenaltyState:
        return PenaltyState(as_float(l1), as_float(0 if l2 is None else l2), leaves)

    def init(params: Any) -> Any:
        chosen = check_strengths(name, choose(name, params, where), params, l1, l2)
        return ProximalState(jnp.int32(0), penalty_on(chosen))

    def move(v: Any, size: Any) -> Any:
        second = None if l2 is None else beside(size * as_float(l2), v)
        return shrink(v, beside(size * as_float(l1), v), second)

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        params_needed(name, params)
        size = step_size(learning_rate, state.count, shrinkage(**extra))
        leaves = state.penalty.leaves
        updates = leaves.map(lambda u, p: land(u, p, lambda v: move(v, size)), updates, params)
        return updates, ProximalState(optax.safe_increment(state.count), penalty_on(leaves))

    return optax.GradientTransformationExtraArgs(init, update)


def land(u: Any, p: Any, move: Callable) -> jax.Array:
    """The update that carries ``p`` to ``move(p + u)``, in the dtype of ``p``, so that zeros are exact."""
    return move(p + u.astype(p.dtype)) - p
