"""Adam with proximal steps in Adam's own metric."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.tree import WEIGHTS, Where
from jaxnn.core.types import Hyper
from jaxnn.optim.chosen import check_strengths, choose, params_needed
from jaxnn.optim.penalties import PenaltyState
from jaxnn.optim.plateau import caught_up
from jaxnn.optim.proximal import land, shrink
from jaxnn.optim.rates import as_float, beside, step_size, strength, wide


class ProximalAdamState(NamedTuple):
    """Steps done, int32, both moments of the gradient, the penalty, and the plateau or None."""

    count: Any
    mu: Any
    nu: Any
    penalty: PenaltyState
    plateau: Any


def proximal_adam(
    learning_rate: Any,
    l1: Hyper,
    l2: Hyper | None = None,
    b1: Hyper = 0.9,
    b2: Hyper = 0.999,
    eps: Hyper = 1e-8,
    where: Where = WEIGHTS,
    plateau: optax.GradientTransformation | None = None,
) -> optax.GradientTransformationExtraArgs:
    """Minimise loss ``+ l1 sum |w| + l2 sum w^2`` by Adam, with exact zeros in the right places.

    Adam divides the step of each weight by ``d = sqrt(nu) + eps``, the size of its gradients. Its step is a gradient
    step in the metric ``sum d w^2``, and the penalty is taken in the same metric: ``v = w - learning_rate mu / d``,
    then ``w = (v - clip(v, -t, t)) / (1 + 2 learning_rate l2 / d)`` with ``t = learning_rate l1 / d``. At rest the two
    ``d`` cancel, and what remains is the condition of the minimum, ``gradient + l1 sign(w) + 2 l2 w = 0``. With one
    threshold for all weights, as in a chain of ``optax.adam`` and `proximal_l1`, they do not. The zeros are exact as
    in `proximal_l1`. With both strengths 0 it is ``optax.adam``.

    Args:
        learning_rate: a number, which may be traced, or a schedule.
        l1, l2: strengths, 0 or more; may be traced; arrays as in `l2`. None for no L2.
        b1, b2: by how much the old moments count, in [0, 1); may be traced.
        eps: added to the root of the second moment, above 0; may be traced.
        where: the leaves that are penalised; all are trained.
        plateau: an `nn.plateau`, which shrinks the learning rate; behind the optimizer it would shrink the zeros too.

    Returns:
        A whole optimizer, the last in its chain.

    Raises:
        ValueError: for a negative strength, a moment outside [0, 1), or if no leaf is chosen.

    Source: Yun, Lozano and Yang, "Adaptive proximal gradient methods for structured neural networks", 2021.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer, x = nn.proximal_adam(0.02, l1=0.01, b2=0.99), jnp.array([3.0, 2.0, 1.0])
        >>> def step(carry, _):
        ...     params, state = carry
        ...     grads = jax.grad(lambda p: (10 - x @ p["kernel"]) ** 2)(params)
        ...     updates, state = optimizer.update(grads, state, params)
        ...     return (optax.apply_updates(params, updates), state), None
        >>> params = {"kernel": jnp.zeros(3)}
        >>> (params, _), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=2000)
        >>> [round(w, 2) for w in params["kernel"].tolist()]
        [3.33, 0.0, 0.0]
    """
    call = "nn.proximal_adam(1e-3, l1=1e-4)"
    strength("the strength l1 of proximal_adam", l1, call)
    if l2 is not None:
        strength("the strength l2 of proximal_adam", l2, call)
    checks.rate("b1", b1, "nn.proximal_adam(1e-3, l1=1e-4, b1=0.9)")
    checks.rate("b2", b2, "nn.proximal_adam(1e-3, l1=1e-4, b2=0.999)")
    checks.positive("eps", eps, "nn.proximal_adam(1e-3, l1=1e-4, eps=1e-8)")

    def penalty_on(leaves: Any) -> PenaltyState:
        return PenaltyState(as_float(l1), as_float(0 if l2 is None else l2), leaves)

    def init(params: Any) -> Any:
        zeros = jax.tree.map(lambda p: jnp.zeros(jnp.shape(p), wide(p.dtype)), params)
        chosen = choose("proximal_adam", params, where)
        penalty = penalty_on(check_strengths("proximal_adam", chosen, params, l1, l2))
        return ProximalAdamState(jnp.int32(0), zeros, zeros, penalty, None if plateau is None else plateau.init(params))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        params_needed("proximal_adam", params)
        slower = None if state.plateau is None else caught_up(state.plateau, **extra)
        size = step_size(learning_rate, state.count, 1.0 if slower is None else slower.scale)
        count = optax.safe_increment(state.count)
        leaves = state.penalty.leaves
        mu = jax.tree.map(lambda m, g: moved(m, g, b1), state.mu, updates)
        nu = jax.tree.map(lambda n, g: moved(n, jnp.square(g.astype(n.dtype)), b2), state.nu, updates)
        metric = jax.tree.map(lambda n: jnp.sqrt(settled(n, b2, count)) + jnp.asarray(eps, n.dtype), nu)
        rates = jax.tree.map(lambda d: size.astype(d.dtype) / d, metric)
        steps = jax.tree.map(lambda m, r: -r * settled(m, b1, count), mu, rates)

        def pull(u: Any, p: Any, rate: Any) -> Any:
            first = (rate * beside(l1, rate)).astype(p.dtype)
            second = None if l2 is None else (rate * beside(l2, rate)).astype(p.dtype)
            return land(u, p, lambda v: shrink(v, first, second))

        steps = leaves.map(pull, steps, params, rates)
        steps = jax.tree.map(lambda u, p: u.astype(p.dtype), steps, params)
        return steps, ProximalAdamState(count, mu, nu, penalty_on(leaves), slower)

    return optax.GradientTransformationExtraArgs(init, update)


def moved(average: Any, new: Any, weight: Any) -> jax.Array:
    """``weight average + (1 - weight) new``, in the dtype of the average."""
    weight = jnp.asarray(weight, average.dtype)
    return weight * average + (1 - weight) * new.astype(average.dtype)


def settled(average: Any, weight: Any, count: Any) -> jax.Array:
    """The average without its start at zero: divided by ``1 - weight^count``."""
    total = 1 - as_float(weight) ** count.astype(as_float(0).dtype)
    return average * (1 / total).astype(average.dtype)
