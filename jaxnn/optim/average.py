"""Averages of the weights along the way: exponential and stochastic, kept in the optimizer's state."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.types import Hyper, Params
from jaxnn.optim.chosen import params_needed
from jaxnn.optim.fixed import Fixed
from jaxnn.optim.rates import as_float, wide


class AverageState(NamedTuple):
    """A running average of the parameters.

    Args:
        average: a tree like the parameters, at least float32.
        weight: by what it is to be divided; 0 while there is none.
        count: steps done, int32.
        rule: how it moves, an `Exponential` or a `Plain`.
    """

    average: Any
    weight: Any
    count: Any
    rule: Any

    def moved(self, params: Params) -> "AverageState":
        """The average after a step that led to these parameters."""
        return self.rule.move(self._replace(count=optax.safe_increment(self.count)), params)


class Exponential(NamedTuple):
    """What `ema` keeps: the decay, a 0-d array, and whether it is debiased."""

    decay: Any
    debias: Fixed

    def move(self, state: AverageState, params: Params) -> AverageState:
        """``average = decay average + (1 - decay) w``, and the sum of the weights alike."""

        def blend(average: Any, p: Any) -> Any:
            d = self.decay.astype(average.dtype)
            return d * average + (1 - d) * p.astype(average.dtype)

        weight = self.decay * state.weight + (1 - self.decay) if self.debias.value else state.weight
        return state._replace(average=jax.tree.map(blend, state.average, params), weight=weight)


class Plain(NamedTuple):
    """What `swa` keeps: the first step that counts and the stride, 0-d arrays."""

    start: Any
    every: Any

    def move(self, state: AverageState, params: Params) -> AverageState:
        """Add the parameters if this step counts."""
        passed = as_float(state.count) - self.start
        due = (passed >= 0) & (jnp.floor(passed / self.every) > jnp.floor((passed - 1) / self.every))

        def blend(total: Any, p: Any) -> Any:
            return total + jnp.where(due, p.astype(total.dtype), jnp.zeros_like(total))

        weight = state.weight + due.astype(state.weight.dtype)
        return state._replace(average=jax.tree.map(blend, state.average, params), weight=weight)


def ema(decay: Hyper, debias: bool = True) -> optax.GradientTransformation:
    """Keep an exponential moving average of the weights: ``average = decay average + (1 - decay) w``.

    It must be the last step of the chain, for it takes the weights after the update; the training itself is left as
    it is. `averaged` gives the average; `fit` and `grid` evaluate and return it. Running statistics, such as those of
    BatchNorm, are those of the training.

    Args:
        decay: how much the old average counts, in [0, 1); may be traced.
        debias: True divides by ``1 - decay^t``, so that it begins as a mean of the first weights; False begins at
            the initial ones.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for a decay outside [0, 1).

    Source: Polyak and Juditsky, 1992; ``keras.optimizers.Adam(use_ema=True)`` is without ``debias``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer, params = optax.chain(optax.sgd(1.0), nn.ema(0.5)), {"kernel": jnp.array([0.0])}
        >>> state = optimizer.init(params)
        >>> for _ in range(2):
        ...     updates, state = optimizer.update({"kernel": jnp.array([-3.0])}, state, params)
        ...     params = optax.apply_updates(params, updates)
        >>> float(params["kernel"][0]), float(nn.averaged(state, params)["kernel"][0])
        (6.0, 5.0)
    """
    checks.rate("decay", decay, "nn.ema(0.999)")

    def start(p: Any) -> Any:
        return jnp.zeros(jnp.shape(p), wide(p.dtype)) if debias else jnp.asarray(p, wide(p.dtype))

    return _keeper("ema", start, 0.0 if debias else 1.0, lambda: Exponential(as_float(decay), Fixed(debias)))


def swa(start: Hyper = 0, every: Hyper = 1) -> optax.GradientTransformation:
    """Keep the plain mean of the weights after ``start``, ``start + every``, ``start + 2 every``, ... steps.

    It must be the last step of the chain, for it takes the weights after the update; the training itself is left as
    it is, best with a constant or cyclic learning rate. `averaged` gives the mean, and the weights themselves before
    there is one; `fit` and `grid` evaluate and return it. Running statistics, such as those of BatchNorm, are those of
    the training.

    Args:
        start: the first step that counts, in steps of the optimizer; may be traced.
        every: from how many steps one is taken, above 0: the steps of an epoch, or of a cycle; may be traced.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for a negative start, or ``every`` not above 0.

    Source: Izmailov et al., "Averaging weights leads to wider optima and better generalization", 2018.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer, params = optax.chain(optax.sgd(1.0), nn.swa(start=2)), {"kernel": jnp.array([0.0])}
        >>> state = optimizer.init(params)
        >>> for _ in range(4):
        ...     updates, state = optimizer.update({"kernel": jnp.array([-3.0])}, state, params)
        ...     params = optax.apply_updates(params, updates)
        >>> float(params["kernel"][0]), float(nn.averaged(state, params)["kernel"][0])
        (12.0, 9.0)
    """
    checks.not_negative("start", start, "nn.swa(start=1000, every=50)")
    checks.positive("every", every, "nn.swa(start=1000, every=50)")

    def begin(p: Any) -> Any:
        return jnp.zeros(jnp.shape(p), wide(p.dtype))

    return _keeper("swa", begin, 0.0, lambda: Plain(as_float(start), as_float(every)))


def _keeper(name: str, start: Callable, weight: float, rule: Callable) -> optax.GradientTransformation:
    def init(params: Any) -> Any:
        return AverageState(jax.tree.map(start, params), as_float(weight), jnp.int32(0), rule())

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        params_needed(name, params)
        after = jax.tree.map(lambda p, u: p + u.astype(p.dtype), params, updates)
        return updates, state._replace(rule=rule()).moved(after)

    return optax.GradientTransformation(init, update)


def averaged(opt_state: Any, params: Params) -> Params:
    """The parameters to evaluate and to use: the average that an optimizer state keeps, or those of the training.

    `ema`, `swa` and ``optax.contrib.schedule_free``, whose training moves about the point it is at, are found by the
    name of their state.

    Args:
        opt_state: of one model, however nested; for stacked ones call it under `jax.vmap`.
        params: the parameters now.

    Returns:
        A tree like ``params``, of the same dtypes. Of several averages of a leaf the last counts.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> params = {"kernel": jnp.array([2.0])}
        >>> averaged(optax.adam(0.1).init(params), params) is params
        True
    """
    for _, state in optax.tree.get_all_with_path(opt_state, "ScheduleFreeState"):
        params = jax.tree.map(partial(_at_rest, state), state.z, params, is_leaf=_is_masked)
    for _, state in optax.tree.get_all_with_path(opt_state, "AverageState"):
        params = jax.tree.map(partial(_settled, state), state.average, params, is_leaf=_is_masked)
    return params


def keeps(opt_state: Any) -> bool:
    """Whether `averaged` gives something else than the parameters of the training.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> keeps(nn.ema(0.9).init({"kernel": jnp.ones(2)})), keeps(())
        (True, False)
    """
    names = ("ScheduleFreeState", "AverageState")
    return any(optax.tree.get_all_with_path(opt_state, name) for name in names)


def _at_rest(state: Any, z: Any, p: Any) -> Any:
    """Where a schedule-free leaf is to be evaluated; another's stays as it is."""
    return p if _is_masked(z) else optax.contrib.schedule_free_eval_params(state._replace(z=z), p).astype(p.dtype)


def _settled(state: AverageState, average: Any, p: Any) -> Any:
    if _is_masked(average):
        return p
    known = state.weight > 0
    weight = jnp.where(known, state.weight, jnp.ones_like(state.weight)).astype(average.dtype)
    return jnp.where(known, (average / weight).astype(p.dtype), p)


def _is_masked(node: Any) -> bool:
    return isinstance(node, optax.MaskedNode)
