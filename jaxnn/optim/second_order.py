"""L-BFGS for small problems in full batch, to machine accuracy."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import optax

from jaxnn.core import checks
from jaxnn.core.tree import WEIGHTS, Where
from jaxnn.core.types import Hyper
from jaxnn.optim.chosen import check_strengths, choose, params_needed
from jaxnn.optim.penalties import PenaltyState
from jaxnn.optim.rates import as_float, strength


class LBFGSState(NamedTuple):
    """The state of Optax's L-BFGS, and the penalty or None."""

    inner: Any
    penalty: PenaltyState | None


def lbfgs(
    l2: Hyper | None = None, memory_size: int = 10, max_linesearch_steps: int = 20, where: Where = WEIGHTS
) -> optax.GradientTransformationExtraArgs:
    """Minimise loss ``+ l2 sum w^2`` by L-BFGS with a line search, in full batch and without a learning rate.

    For linear and logistic models it reaches the optimum to machine accuracy in some dozen steps, in float64 under
    ``jax.enable_x64(True)``. The line search compares values of the loss, so each step must see all rows, without
    dropout, and the penalty belongs inside: an `l2` in front of it is not seen by the line search. The search has no
    derivative: for gradients through a whole run take another optimizer.

    Args:
        l2: strength, 0 or more; may be traced; an array as in `l2`. None for no penalty.
        memory_size: how many steps it remembers.
        max_linesearch_steps: evaluations of the loss per step at most.
        where: the leaves that are penalised; all are trained.

    Returns:
        A whole optimizer. Its update takes ``value=``, ``grad=`` and ``value_fn=``, those of the loss alone; `fit`,
        `grid` and `step` give them.

    Raises:
        ValueError: for a negative strength, a size that is no whole number, or if no leaf is chosen.

    Source: ``optax.lbfgs``; Nocedal and Wright, "Numerical optimization", 2006, algorithms 7.4, 3.5 and 3.6.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn, optax
        >>> def loss(p):
        ...     return (1 - p["kernel"][0]) ** 2 + 100 * (p["kernel"][1] - p["kernel"][0] ** 2) ** 2
        >>> optimizer, params = nn.lbfgs(), {"kernel": jnp.array([-1.0, 1.0])}
        >>> def step(carry, _):
        ...     params, state = carry
        ...     value, grad = jax.value_and_grad(loss)(params)
        ...     updates, state = optimizer.update(grad, state, params, value=value, grad=grad, value_fn=loss)
        ...     return (optax.apply_updates(params, updates), state), value
        >>> (params, _), values = jax.lax.scan(step, (params, optimizer.init(params)), length=50)
        >>> [round(w, 4) for w in params["kernel"].tolist()]
        [1.0, 1.0]
    """
    checks.size("memory_size", memory_size, "nn.lbfgs(memory_size=10)")
    checks.size("max_linesearch_steps", max_linesearch_steps, "nn.lbfgs(max_linesearch_steps=20)")
    if l2 is not None:
        strength("the strength of lbfgs", l2, "nn.lbfgs(l2=1e-4)")
    search = optax.scale_by_zoom_linesearch(max_linesearch_steps, initial_guess_strategy="one")
    inner = optax.lbfgs(memory_size=memory_size, linesearch=search)

    def init(params: Any) -> Any:
        if l2 is None:
            return LBFGSState(inner.init(params), None)
        chosen = check_strengths("lbfgs", choose("lbfgs", params, where), params, l2)
        return LBFGSState(inner.init(params), PenaltyState(as_float(0), as_float(l2), chosen))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        params_needed("lbfgs", params)
        if any(extra.get(name) is None for name in ("value", "grad", "value_fn")):
            raise ValueError(
                "lbfgs searches along a line and needs the loss; write "
                "optimizer.update(grad, state, params, value=value, grad=grad, value_fn=loss)"
            )
        value, grad, value_fn, penalty = extra["value"], extra["grad"], extra["value_fn"], state.penalty
        if penalty is not None:
            penalty = penalty._replace(l2=as_float(l2))
            more, slope = jax.value_and_grad(penalty.penalty)(params)
            updates, grad = (jax.tree.map(lambda g, s: g + s.astype(g.dtype), tree, slope) for tree in (updates, grad))
            value, value_fn = value + more.astype(value.dtype), _with(value_fn, penalty)
        # Optax mixes counts and floats, which strict promotion refuses.
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            updates, after = inner.update(updates, state.inner, params, value=value, grad=grad, value_fn=value_fn)
        return updates, LBFGSState(after, penalty)

    return optax.GradientTransformationExtraArgs(init, update)


def _with(value_fn: Callable, penalty: PenaltyState) -> Callable:
    def total(params: Any) -> Any:
        value = value_fn(params)
        return value + penalty.penalty(params).astype(value.dtype)

    return total
