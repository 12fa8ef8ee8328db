"""What is done to gradients before the optimizer sees them: clipping, and sums over several batches."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.branch import when
from jaxnn.core.types import Hyper
from jaxnn.optim.rates import as_float, wide


class AccumulateState(NamedTuple):
    """Batches since the last update, int32, the sum of their gradients, and the state of the optimizer inside."""

    count: Any
    total: Any
    inner: Any


def clip_by_norm(max_norm: Hyper) -> optax.GradientTransformation:
    """Scale all gradients down together so that their joint norm is at most ``max_norm``.

    Args:
        max_norm: above 0; may be traced.

    Returns:
        An Optax transformation for the front of a chain.

    Raises:
        ValueError: for a bound that is not above 0.

    Source: ``optax.clip_by_global_norm``, whose gradient at zero is NaN; Pascanu et al., 2013.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> clip = nn.clip_by_norm(1.0)
        >>> grads = {"kernel": jnp.array([3.0]), "bias": jnp.array([4.0])}
        >>> updates, _ = clip.update(grads, clip.init(grads))
        >>> round(float(updates["kernel"][0]), 3), round(float(updates["bias"][0]), 3)
        (0.6, 0.8)
    """
    checks.positive("max_norm", max_norm, "nn.clip_by_norm(1.0)")

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        total, bound = jnp.stack([_square(u) for u in _leaves(updates)]).sum(), as_float(max_norm)
        large = total > bound * bound
        norm = jnp.sqrt(jnp.where(large, total, jnp.ones_like(total)))
        factor = jnp.where(large, bound / norm, jnp.ones_like(norm))

        def scale(u: Any) -> Any:
            return (u.astype(wide(u.dtype)) * factor.astype(wide(u.dtype))).astype(u.dtype)

        return jax.tree.map(scale, updates), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def clip_by_value(max_delta: Hyper) -> optax.GradientTransformation:
    """Clip every number of the gradients to ``[-max_delta, max_delta]``.

    Args:
        max_delta: above 0; may be traced.

    Returns:
        An Optax transformation for the front of a chain.

    Raises:
        ValueError: for a bound that is not above 0.

    Source: ``optax.clip``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> clip, grads = nn.clip_by_value(1.0), {"kernel": jnp.array([3.0, -0.5])}
        >>> clip.update(grads, clip.init(grads))[0]["kernel"].tolist()
        [1.0, -0.5]
    """
    checks.positive("max_delta", max_delta, "nn.clip_by_value(1.0)")

    def clip(u: Any) -> Any:
        bound = jnp.asarray(max_delta, u.dtype)
        return jnp.clip(u, -bound, bound)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(clip, updates), state

    return optax.GradientTransformation(optax.init_empty_state, update)


def accumulate(optimizer: optax.GradientTransformation, every: int) -> optax.GradientTransformationExtraArgs:
    """Update only after ``every`` batches, by the mean of their gradients: a large batch in small memory.

    Schedules inside count updates, not batches. Sums are kept in at least float32.

    Args:
        optimizer: any Optax transformation, a whole chain too.
        every: batches per update, a whole number.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: unless ``every`` is a whole number of at least 1.

    Source: ``optax.MultiSteps``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer, params = nn.accumulate(optax.sgd(1.0), every=2), {"kernel": jnp.zeros(1)}
        >>> state = optimizer.init(params)
        >>> for gradient in (1.0, 3.0):
        ...     updates, state = optimizer.update({"kernel": jnp.array([gradient])}, state, params)
        ...     params = optax.apply_updates(params, updates)
        ...     print(float(params["kernel"][0]))
        0.0
        -2.0
    """
    checks.size("every", every, "nn.accumulate(optax.adam(1e-3), every=4)")
    inner = optax.with_extra_args_support(optimizer)

    def init(params: Any) -> Any:
        zeros = jax.tree.map(lambda p: jnp.zeros(jnp.shape(p), wide(p.dtype)), params)
        return AccumulateState(jnp.int32(0), zeros, inner.init(params))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        first, last = state.count == 0, state.count == every - 1
        total = jax.tree.map(lambda t, u: jnp.where(first, u, t + u), state.total, _wider(updates))
        mean = jax.tree.map(lambda t, u: (t / every).astype(u.dtype), total, updates)

        def step(_: Any, before: Any) -> tuple[Any, Any]:
            # Optax mixes counts and floats, which strict promotion refuses.
            with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
                return inner.update(mean, before, params, **extra)

        shapes, _ = jax.eval_shape(step, None, state.inner)
        nothing = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)
        updates, after = when(last, step, nothing, state.inner)
        return updates, AccumulateState(jnp.where(last, 0, state.count + 1), total, after)

    return optax.GradientTransformationExtraArgs(init, update)


def _wider(updates: Any) -> Any:
    return jax.tree.map(lambda u: u.astype(wide(u.dtype)), updates)


def _square(u: Any) -> jax.Array:
    """The sum of squares; as a product, which on a CPU costs a third of a reduction."""
    flat = u.astype(wide(u.dtype)).reshape(-1)
    return jnp.dot(flat, flat, precision="highest").astype(as_float(0).dtype)


def _leaves(updates: Any) -> list[Any]:
    leaves = jax.tree.leaves(updates)
    if not leaves:
        raise ValueError("clip_by_norm got no gradients; write optimizer.update(grads, state, params)")
    return leaves
