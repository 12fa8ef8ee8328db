"""Whole inputs or whole units at once: group lasso and max-norm."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.tree import WEIGHTS, Where
from jaxnn.core.types import Hyper, Params
from jaxnn.optim.chosen import Chosen, choose, params_needed
from jaxnn.optim.fixed import Fixed
from jaxnn.optim.plateau import shrinkage
from jaxnn.optim.proximal import ProximalState, land
from jaxnn.optim.rates import as_float, step_size, strength

AXES = {"input": -2, "unit": -1}
"""Kernels end in (inputs, units), and an embedding in (words, width)."""


class GroupPenalty(NamedTuple):
    """What `group_lasso` keeps to tell its value, ``c sum norm(group)``: strength, leaves and axis."""

    c: Any
    leaves: Chosen
    axis: Fixed

    def penalty(self, params: Params) -> jax.Array:
        """The penalty of these parameters, a 0-d array."""
        total = jnp.zeros((), self.c.dtype)
        for leaf in self.leaves.of(params):
            total = total + self.c * norms(leaf.astype(self.c.dtype), self.axis.value).sum()
        return total


class MaxNormState(NamedTuple):
    """The leaves that are bounded."""

    leaves: Chosen


def group_lasso(
    c: Hyper, learning_rate: Any, axis: str = "input", where: Where = WEIGHTS
) -> optax.GradientTransformationExtraArgs:
    """Minimise loss ``+ c sum norm(group)``: whole inputs, or whole units, become exactly zero.

    The groups of a kernel are its rows (``axis="input"``: all weights that leave one input, which then has no effect)
    or its columns (``axis="unit"``: all that enter one unit); of a convolution, those of one input channel or of one
    filter. With ``v = w + update`` each group becomes ``max(1 - t / norm(v), 0) v``, ``t = learning_rate c``. It must
    be the last step of the chain, after an optimizer without rescaling: what `proximal_l1` says of zeros, momentum
    and Adam holds here too, but for Adam's metric no such step has a closed form.

    Args:
        c: strength, 0 or more; may be traced. Yuan and Lin weigh each group by the root of its size: for layers of
            one width multiply ``c`` by it.
        learning_rate: a number, which may be traced, or a schedule; the one given to the optimizer.
        axis: ``"input"`` or ``"unit"``.
        where: leaf names, a pattern over paths or a function of the path, such as ``"dense_0/kernel"`` to choose
            among the inputs of the model.

    Returns:
        An Optax transformation. It shrinks with a `plateau` where its update sees the whole state, ``opt_state=``.

    Raises:
        ValueError: for a negative strength, another axis, or if no leaf is chosen or one has a single axis.

    Source: Yuan and Lin, "Model selection and estimation in regression with grouped variables", 2006.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer = optax.chain(optax.sgd(0.5), nn.group_lasso(5.0, 0.5))
        >>> params = {"kernel": jnp.array([[3.0, 4.0], [0.6, 0.8]])}
        >>> updates, _ = optimizer.update({"kernel": jnp.zeros((2, 2))}, optimizer.init(params), params)
        >>> optax.apply_updates(params, updates)["kernel"].tolist()
        [[1.5, 2.0], [0.0, 0.0]]
    """
    strength("the strength of group_lasso", c, "nn.group_lasso(1e-3, learning_rate=1e-2)")
    along = _axis("group_lasso", axis)

    def init(params: Any) -> Any:
        leaves = _matrices("group_lasso", params, where)
        return ProximalState(jnp.int32(0), GroupPenalty(as_float(c), leaves, Fixed(along)))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        params_needed("group_lasso", params)
        threshold = step_size(learning_rate, state.count, shrinkage(**extra)) * as_float(c)

        def move(v: Any) -> Any:
            square = _squares(v, along)
            share = threshold.astype(v.dtype) / jnp.sqrt(jnp.where(square > 0, square, jnp.ones_like(square)))
            return v * jnp.where(square > 0, jnp.maximum(1 - share, 0), jnp.zeros_like(square))

        penalty = state.penalty._replace(c=as_float(c))
        updates = penalty.leaves.map(lambda u, p: land(u, p, move), updates, params)
        return updates, ProximalState(optax.safe_increment(state.count), penalty)

    return optax.GradientTransformationExtraArgs(init, update)


def max_norm(c: Hyper, axis: str = "unit", where: Where = WEIGHTS) -> optax.GradientTransformation:
    """Keep the norm of each unit's weights, or of each input's, at most ``c``: scale down those that are larger.

    It must be the last step of the chain. Nothing is added to the loss.

    Args:
        c: the largest norm, above 0; may be traced.
        axis: ``"unit"``, the weights that enter a unit, or ``"input"``, those that leave an input.
        where: leaf names, a pattern over paths or a function of the path; biases and norms are left alone.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for a bound that is not above 0, another axis, or if no leaf is chosen or one has a single axis.

    Source: Srivastava et al., "Dropout", 2014; ``keras.constraints.MaxNorm(c, axis=0)`` for a dense kernel.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> params, bound = {"kernel": jnp.array([[3.0, 0.3], [4.0, 0.4]])}, nn.max_norm(1.0)
        >>> updates, _ = bound.update({"kernel": jnp.zeros((2, 2))}, bound.init(params), params)
        >>> jnp.round(optax.apply_updates(params, updates)["kernel"], 3).tolist()
        [[0.60..., 0.30...], [0.80..., 0.40...]]
    """
    checks.positive("the bound of max_norm", c, "nn.max_norm(3.0)")
    along = _axis("max_norm", axis)

    def init(params: Any) -> Any:
        return MaxNormState(_matrices("max_norm", params, where))

    def move(v: Any) -> Any:
        square = _squares(v, along)
        share = jnp.asarray(c, v.dtype) / jnp.sqrt(jnp.where(square > 0, square, jnp.ones_like(square)))
        return v * jnp.where(square > 0, jnp.minimum(share, 1), jnp.ones_like(square))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        params_needed("max_norm", params)
        return state.leaves.map(lambda u, p: land(u, p, move), updates, params), state

    return optax.GradientTransformation(init, update)


def norms(w: jax.Array, axis: int) -> jax.Array:
    """The Euclidean norm of each group along ``axis``, the other axes kept with size 1; its slope at zero is zero.

    Example:
        >>> norms(jnp.array([[3.0, 4.0], [0.0, 0.0]]), -2).tolist()
        [[5.0], [0.0]]
    """
    squares = _squares(w, axis)
    return jnp.where(squares > 0, jnp.sqrt(jnp.where(squares > 0, squares, jnp.ones_like(squares))), squares)


def _squares(w: jax.Array, axis: int) -> jax.Array:
    return (w * w).sum(tuple(i for i in range(w.ndim) if i != w.ndim + axis), keepdims=True)


def _axis(name: str, axis: str) -> int:
    if axis not in AXES:
        raise ValueError(f'the axis of {name} is "input" or "unit", got {axis!r}; write axis="input"')
    return AXES[axis]


def _matrices(name: str, params: Any, where: Where) -> Chosen:
    chosen = choose(name, params, where)
    for path, leaf in zip(chosen.paths, chosen.of(params), strict=True):
        if jnp.ndim(leaf) < 2:
            raise ValueError(
                f"{name} needs leaves (..., inputs, units), and {path} has shape {jnp.shape(leaf)}; "
                'write where=("kernel",)'
            )
    return chosen
