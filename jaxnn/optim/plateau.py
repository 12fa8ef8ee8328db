"""Smaller steps when a metric stops improving, inside the program, each member by itself."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.direction import rises
from jaxnn.core.types import Hyper
from jaxnn.optim.fixed import Fixed
from jaxnn.optim.rates import as_float


class PlateauState(NamedTuple):
    """Where a plateau stands, and its settings, so that `observe` needs nothing else.

    Args:
        scale: by what updates are multiplied, 1 at first.
        best: the best value of the metric so far.
        wait: epochs since then, or since the last reduction, int32.
        rest: epochs of cooldown to come, int32.
        factor, patience, cooldown, rtol, atol, min_scale: the settings, 0-d arrays.
        watch: the metric and the direction, ``"min"`` or ``"max"``.
    """

    scale: Any
    best: Any
    wait: Any
    rest: Any
    factor: Any
    patience: Any
    cooldown: Any
    rtol: Any
    atol: Any
    min_scale: Any
    watch: Fixed


def plateau(
    factor: Hyper = 0.1,
    patience: Hyper = 10,
    cooldown: Hyper = 0,
    rtol: Hyper = 1e-4,
    atol: Hyper = 0.0,
    min_scale: Hyper = 0.0,
    metric: str = "val_loss",
    mode: str | None = None,
) -> optax.GradientTransformation:
    """Multiply the updates by a scale that falls by ``factor`` when a metric has not improved for ``patience`` epochs.

    An epoch improves where ``value < best - (rtol |best| + atol)``, or ``>`` and ``+`` for rising metrics; so the
    sign of the metric does not matter. NaN never improves. After a reduction ``cooldown`` epochs are not counted.
    It goes behind the optimizer, ``optax.chain(optax.adam(lr), nn.plateau(0.5, patience=5))``; `fit` and `grid` show
    it each epoch's metrics, and whoever writes the loop calls `observe`.

    Args:
        factor: what the scale is multiplied by, in (0, 1).
        patience: epochs without improvement before a reduction.
        cooldown: epochs after a reduction that do not count.
        rtol, atol: by how much an epoch must improve, as a share of the best value and in units of the metric.
        min_scale: the scale falls no lower.
        metric: a name in the history, such as ``"val_loss"``, ``"val_accuracy"`` or ``"loss"``.
        mode: ``"min"`` where smaller is better, ``"max"`` where larger is, or None to read it off the name as
            `EarlyStopping` does (accuracy, top_k, r2, log_likelihood rise).

    Returns:
        An Optax transformation. Every number may be traced; they are kept in its state.

    Raises:
        ValueError: for a factor outside (0, 1), a negative number elsewhere, or another mode.

    Source: ``optax.contrib.reduce_on_plateau``, which equals it on positive metrics;
        ``keras.callbacks.ReduceLROnPlateau``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> slower, params = nn.plateau(0.5, patience=2), {"kernel": jnp.ones(1)}
        >>> state = slower.init(params)
        >>> for loss in (3.0, 2.0, 2.0, 2.5):
        ...     state = nn.optim.plateau.observe(state, {"val_loss": loss})
        >>> float(slower.update(params, state)[0]["kernel"][0])
        0.5
    """
    call = "nn.plateau(factor=0.1, patience=10)"
    if checks.is_concrete(factor) and not 0 < factor < 1:
        raise ValueError(f"factor must lie in (0, 1), got {factor}; write {call}")
    if mode not in (None, "min", "max"):
        raise ValueError(f'mode must be "min", "max" or None, got {mode!r}; write nn.plateau(mode="min")')
    direction = mode or ("max" if rises(metric) else "min")
    settings = dict(patience=patience, cooldown=cooldown, rtol=rtol, atol=atol, min_scale=min_scale)
    for name, value in settings.items():
        checks.not_negative(name, value, call)

    def init(params: Any) -> Any:
        arrays = {name: as_float(value) for name, value in (settings | {"factor": factor}).items()}
        worst = as_float(jnp.inf if direction == "min" else -jnp.inf)
        return PlateauState(as_float(1), worst, jnp.int32(0), jnp.int32(0), **arrays, watch=Fixed((metric, direction)))

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return jax.tree.map(lambda u: u * state.scale.astype(u.dtype), updates), state

    return optax.GradientTransformation(init, update)


def observe(opt_state: Any, row: dict[str, Any]) -> Any:
    """The optimizer's state after an epoch with these metrics; every plateau in it has seen its own.

    Args:
        opt_state: of one model, however nested; for stacked ones call it under `jax.vmap`.
        row: the metrics of the epoch by name.

    Returns:
        The state, the same but for its plateaus.

    Raises:
        ValueError: if a metric is not in the row.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> optimizer = optax.chain(optax.adam(0.1), nn.plateau(0.5, patience=1, metric="loss"))
        >>> state = optimizer.init({"kernel": jnp.ones(1)})
        >>> for loss in (1.0, 1.0):
        ...     state = observe(state, {"loss": loss})
        >>> float(scale_of(state))
        0.5
    """
    return jax.tree.map(lambda node: _after(node, row) if _is_plateau(node) else node, opt_state, is_leaf=_is_plateau)


def scale_of(opt_state: Any) -> Any:
    """By what the plateaus in a state have shrunk the steps, a 0-d array: 1 where there is none.

    Proximal steps and decay take it as ``update(..., plateau_scale=scale_of(opt_state))``, so that they shrink with
    the steps before them.
    """
    scale = as_float(1)
    for node in jax.tree.leaves(opt_state, is_leaf=_is_plateau):
        if _is_plateau(node):
            scale = scale * node.scale
    return scale


def _is_plateau(node: Any) -> bool:
    return isinstance(node, PlateauState)


def _after(state: PlateauState, row: dict[str, Any]) -> PlateauState:
    metric, mode = state.watch.value
    if metric not in row:
        raise ValueError(
            f"plateau looks at {metric!r}, and the history has {', '.join(row) or 'nothing'}; "
            f"write validation=0.2, or nn.plateau(metric={next(iter(row), 'loss')!r})"
        )
    value, best = jnp.asarray(row[metric], state.best.dtype), state.best
    known = jnp.where(jnp.isfinite(best), best, jnp.zeros_like(best))
    margin = jnp.where(jnp.isfinite(best), state.rtol * jnp.abs(known) + state.atol, jnp.zeros_like(best))
    better = value < best - margin if mode == "min" else value > best + margin
    resting = state.rest > 0
    wait = jnp.where(better | resting, 0, state.wait + 1)
    reduce = ~better & ~resting & (as_float(wait) >= state.patience)
    cooldown = jnp.round(state.cooldown).astype(jnp.int32)
    lower = jnp.maximum(state.scale * state.factor, jnp.minimum(state.min_scale, state.scale))
    return state._replace(
        scale=jnp.where(reduce, lower, state.scale),
        best=jnp.where(better, value, best),
        wait=jnp.where(reduce, 0, wait).astype(jnp.int32),
        rest=jnp.where(reduce, cooldown, jnp.maximum(state.rest - 1, 0)).astype(jnp.int32),
    )
