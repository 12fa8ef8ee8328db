"""L1, L2 and elastic net as terms of the gradient, on leaves chosen by name, and their value."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.tree import WEIGHTS, Where
from jaxnn.core.types import Hyper, Params
from jaxnn.optim.chosen import Chosen, check_strengths, choose, params_needed
from jaxnn.optim.rates import as_float, beside, strength


class PenaltyState(NamedTuple):
    """What a penalty keeps so that `value_of` can tell its value: ``l1 sum |w| + l2 sum w^2``.

    Args:
        l1, l2: the strengths of the last update, arrays; None for a term that it has not.
        leaves: the leaves it acts on.
    """

    l1: Any
    l2: Any
    leaves: Chosen

    def penalty(self, params: Params) -> jax.Array:
        """The penalty of these parameters, a 0-d array."""
        return _value(self.l1, self.l2, self.leaves.of(params))


def l1(c: Hyper, where: Where = WEIGHTS) -> optax.GradientTransformation:
    """Add the gradient of ``c sum |w|``, which is ``c sign(w)``, over the chosen leaves.

    It goes to the front of a chain, so that the optimizer sees the gradient of loss and penalty. Weights come close
    to zero and oscillate there; for exact zeros see `proximal_l1`.

    Args:
        c: strength, 0 or more; may be traced. An array that broadcasts to each chosen leaf is a strength for each
            weight: ``c[:, None]`` for each input of a kernel ``(inputs, units)``.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for a negative strength, one that does not broadcast, or if no leaf is chosen.

    Source: ``keras.regularizers.L1(c)`` has the same scale. ``sklearn.linear_model.Lasso(alpha)`` minimises
        ``1/2 mean squared error + alpha sum |w|``: with the loss ``half_squared_error``, ``c = alpha``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> penalty, params = nn.l1(0.5), {"kernel": jnp.array([-2.0, 0.0]), "bias": jnp.ones(1)}
        >>> zero = {"kernel": jnp.zeros(2), "bias": jnp.zeros(1)}
        >>> updates, _ = penalty.update(zero, penalty.init(params), params)
        >>> updates["kernel"].tolist(), updates["bias"].tolist()
        ([-0.5, 0.0], [0.0])
    """
    strength("the strength of l1", c, "nn.l1(1e-4)")
    return _term("l1", c, 0.0, where)


def l2(c: Hyper, where: Where = WEIGHTS) -> optax.GradientTransformation:
    """Add the gradient of ``c sum w^2``, which is ``2 c w``, over the chosen leaves.

    It goes to the front of a chain. After Adam's rescaling this is not the same as weight decay; see `decay`.

    Args:
        c: strength, 0 or more; may be traced. An array that broadcasts to each chosen leaf is a strength for each
            weight: ``c[:, None]`` for each input of a kernel ``(inputs, units)``.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for a negative strength, one that does not broadcast, or if no leaf is chosen.

    Source: ``keras.regularizers.L2(c)`` has the same scale; ``weight_decay`` of PyTorch's SGD and Adam and of
        ``optax.add_decayed_weights`` is ``2 c``. Of scikit-learn, with ``n`` rows: ``Ridge(alpha)`` is
        ``c = alpha / n`` with ``squared_error``, ``LogisticRegression(C=C)`` is ``c = 1 / (2 C n)`` with
        cross-entropy, ``MLPClassifier(alpha=alpha)`` is ``alpha / 2`` divided by the rows of a batch.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> penalty, params = nn.l2(0.5), {"kernel": jnp.array([-2.0, 3.0])}
        >>> updates, _ = penalty.update({"kernel": jnp.zeros(2)}, penalty.init(params), params)
        >>> updates["kernel"].tolist()
        [-2.0, 3.0]
    """
    strength("the strength of l2", c, "nn.l2(1e-4)")
    return _term("l2", 0.0, c, where)


def elastic_net(l1: Hyper, l2: Hyper, where: Where = WEIGHTS) -> optax.GradientTransformation:
    """Add the gradient of ``l1 sum |w| + l2 sum w^2``, which is ``l1 sign(w) + 2 l2 w``, over the chosen leaves.

    Args:
        l1, l2: strengths, 0 or more; may be traced; arrays as in `l2`.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation for the front of a chain.

    Raises:
        ValueError: for a negative strength, one that does not broadcast, or if no leaf is chosen.

    Source: ``keras.regularizers.L1L2`` has the same scale. ``sklearn.linear_model.ElasticNet(alpha, l1_ratio=r)``
        is ``l1 = alpha r`` and ``l2 = alpha (1 - r) / 2`` with the loss ``half_squared_error``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> penalty, params = nn.elastic_net(1.0, 0.5), {"kernel": jnp.array([-2.0, 3.0])}
        >>> updates, _ = penalty.update({"kernel": jnp.zeros(2)}, penalty.init(params), params)
        >>> updates["kernel"].tolist()
        [-3.0, 4.0]
    """
    strength("the strength l1 of elastic_net", l1, "nn.elastic_net(1e-4, 1e-4)")
    strength("the strength l2 of elastic_net", l2, "nn.elastic_net(1e-4, 1e-4)")
    return _term("elastic_net", l1, l2, where)


def _term(name: str, c1: Hyper, c2: Hyper, where: Where) -> optax.GradientTransformation:
    def gradient(g: Any, w: Any) -> Any:
        # Subtracted, and the strength times w first: the term then joins the update. An added one cuBLAS takes into its
        # product, for which XLA writes it out, and a multiple of the strength is a kernel of its own.
        if name != "l2":
            g = g - (beside(c1, w) * -jnp.sign(w)).astype(g.dtype)
        if name != "l1":
            g = g - (beside(c2, w) * w * -2).astype(g.dtype)
        return g

    def new(leaves: Chosen) -> PenaltyState:
        return PenaltyState(None if name == "l2" else as_float(c1), None if name == "l1" else as_float(c2), leaves)

    def init(params: Any) -> Any:
        return new(check_strengths(name, choose(name, params, where), params, c1, c2))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        params_needed(name, params)
        return state.leaves.map(gradient, updates, params), new(state.leaves)

    return optax.GradientTransformation(init, update)


def penalty(params: Params, l1: Hyper = 0.0, l2: Hyper = 0.0, where: Where = WEIGHTS) -> jax.Array:
    """The value ``l1 sum |w| + l2 sum w^2`` over the chosen leaves.

    Args:
        params: of one model.
        l1, l2: strengths; may be traced; arrays as in `l2`.
        where: leaf names, a pattern over paths or a function of the path.

    Returns:
        A 0-d array.

    Raises:
        ValueError: if no leaf is chosen.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> float(nn.penalty({"kernel": jnp.array([3.0, -1.0]), "bias": jnp.ones(1)}, l1=1.0, l2=0.5))
        9.0
    """
    chosen = check_strengths("penalty", choose("penalty", params, where), params, l1, l2)
    return _value(as_float(l1), as_float(l2), chosen.of(params))


def _value(c1: jax.Array | None, c2: jax.Array | None, leaves: list[Any]) -> jax.Array:
    total = as_float(0)
    for leaf in leaves:
        w = leaf.astype(total.dtype)
        if c1 is not None:
            total = total + _weighed(c1, jnp.abs(w))
        if c2 is not None:
            total = total + _weighed(c2, w * w)
    return total


def _weighed(c: jax.Array, terms: jax.Array) -> jax.Array:
    """``sum c_i terms_i``; one strength for all is multiplied once."""
    return (beside(c, terms) * terms).sum() if c.ndim else c * terms.sum()


def value_of(opt_state: Any, params: Params) -> jax.Array | None:
    """The sum of all penalties that an optimizer state knows of, wherever they stand in it.

    Every transformation with a penalty keeps a state with a method ``penalty(params)``.

    Args:
        opt_state: of one model; for stacked ones call it under `jax.vmap`.
        params: the parameters to judge.

    Returns:
        A 0-d array, or None if the optimizer has no penalty.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> params = {"kernel": jnp.array([3.0, -1.0])}
        >>> state = optax.chain(nn.l1(1.0), nn.l2(0.5), optax.adam(0.1)).init(params)
        >>> float(value_of(state, params)), value_of((), params)
        (9.0, None)
    """
    nodes = jax.tree.leaves(opt_state, is_leaf=_has_penalty)
    values = [node.penalty(params) for node in nodes if _has_penalty(node)]
    return jnp.stack(values).sum() if values else None


def _has_penalty(node: Any) -> bool:
    return isinstance(node, tuple) and callable(getattr(node, "penalty", None))
