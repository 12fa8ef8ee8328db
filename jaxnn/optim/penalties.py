"""L1 and L2 penalties as terms of the gradient, on leaves chosen by name."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.tree import WEIGHTS, Where, mask
from jaxnn.core.types import Hyper


class PenaltyState(NamedTuple):
    """Nothing to keep."""


def l1(c: Hyper, where: Where = WEIGHTS) -> optax.GradientTransformation:
    """Add the gradient of ``c sum |w|``, which is ``c sign(w)``, over the chosen leaves.

    Args:
        c: strength, 0 or more; may be traced.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        A transformation for the front of an `optax.chain`.

    Raises:
        ValueError: for a negative strength, or if no leaf is chosen.

    Source: ``keras.regularizers.L1`` has the same scale.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> penalty, params = nn.l1(0.5), {"kernel": jnp.array([-2.0, 0.0]), "bias": jnp.ones(1)}
        >>> zero = {"kernel": jnp.zeros(2), "bias": jnp.zeros(1)}
        >>> updates, _ = penalty.update(zero, penalty.init(params), params)
        >>> updates["kernel"].tolist(), updates["bias"].tolist()
        ([-0.5, 0.0], [0.0])
    """
    checks.not_negative("the strength of l1", c, "nn.l1(1e-4)")
    return _term("l1", lambda w: jnp.asarray(c, w.dtype) * jnp.sign(w), where)


def l2(c: Hyper, where: Where = WEIGHTS) -> optax.GradientTransformation:
    """Add the gradient of ``c sum w^2``, which is ``2 c w``, over the chosen leaves.

    Args:
        c: strength, 0 or more; may be traced.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        A transformation for the front of an `optax.chain`.

    Raises:
        ValueError: for a negative strength, or if no leaf is chosen.

    Source: ``keras.regularizers.L2`` has the same scale; scikit-learn's MLP with ``alpha`` divides
        ``alpha / 2 sum w^2`` by the rows of the batch.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> penalty, params = nn.l2(0.5), {"kernel": jnp.array([-2.0, 3.0])}
        >>> updates, _ = penalty.update({"kernel": jnp.zeros(2)}, penalty.init(params), params)
        >>> updates["kernel"].tolist()
        [-2.0, 3.0]
    """
    checks.not_negative("the strength of l2", c, "nn.l2(1e-4)")
    return _term("l2", lambda w: jnp.asarray(2 * c, w.dtype) * w, where)


def _term(name: str, gradient: Any, where: Where) -> optax.GradientTransformation:
    def init(params: Any) -> PenaltyState:
        if not any(jax.tree.leaves(mask(params, where))):
            raise ValueError(f"{name} finds no leaf named {where}; write nn.{name}(1e-4, where=('kernel',))")
        return PenaltyState()

    def update(updates: Any, state: PenaltyState, params: Any = None) -> tuple[Any, PenaltyState]:
        if params is None:
            raise ValueError(f"{name} needs the parameters; write optimizer.update(grads, state, params)")
        chosen = mask(params, where)
        return jax.tree.map(lambda m, g, w: g + gradient(w) if m else g, chosen, updates, params), state

    return optax.GradientTransformation(init, update)
