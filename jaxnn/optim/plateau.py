"""Smaller steps when a metric stops improving, inside the program, each member by itself.

An epoch's metrics reach the optimizer as Optax hands things on: as extra arguments of its update, ``metrics=`` (the row
of the history) and ``epoch=`` (how many are done). A plateau looks at the row once, in the first step after it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.registry import is_better_larger
from jaxnn.core.types import Hyper
from jaxnn.optim.fixed import Fixed
from jaxnn.optim.rates import as_float


class PlateauState(NamedTuple):
    """Where a plateau stands, and its settings, so that `observe` needs nothing else but a row of metrics.

    Args:
        scale: by what updates are multiplied, 1 at first.
        best: the best value of the metric so far.
        wait: epochs since then, or since the last reduction, int32.
        rest: epochs of cooldown to come, int32.
        seen: epochs whose metrics it has looked at, int32.
        factor, patience, cooldown, rtol, atol, min_scale: the settings, 0-d arrays.
        watch: the metric and the direction, ``"min"`` or ``"max"``.
    """

    scale: Any
    best: Any
    wait: Any
    rest: Any
    seen: Any
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
    It goes behind the optimizer, ``optax.chain(optax.adam(lr), nn.plateau(0.5, patience=5))``. `fit`, `grid` and `step`
    hand each epoch's metrics to its update, and so may any loop: ``update(..., metrics=row, epoch=epochs_done)``. Decay
    and proximal steps behind it shrink with it where they see the whole state, ``update(..., opt_state=state)``.

    Args:
        factor: what the scale is multiplied by, in (0, 1).
        patience: epochs without improvement before a reduction.
        cooldown: epochs after a reduction that do not count.
        rtol, atol: by how much an epoch must improve, as a share of the best value and in units of the metric.
        min_scale: the scale falls no lower.
        metric: a name in the history, such as ``"val_loss"``, ``"val_accuracy"`` or ``"loss"``.
        mode: ``"min"`` where smaller is better, ``"max"`` where larger is, or None for what the metric says of itself.

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
        >>> for epoch, loss in enumerate((3.0, 2.0, 2.0, 2.5), 1):
        ...     updates, state = slower.update(params, state, metrics={"val_loss": loss}, epoch=epoch)
        >>> float(updates["kernel"][0])
        0.5
    """
    call = "nn.plateau(factor=0.1, patience=10)"
    if checks.is_concrete(factor) and not 0 < factor < 1:
        raise ValueError(f"factor must lie in (0, 1), got {factor}; write {call}")
    rising = is_better_larger(metric, mode, f'nn.plateau(metric="{metric}"')
    direction = "max" if rising else "min"
    settings = dict(patience=patience, cooldown=cooldown, rtol=rtol, atol=atol, min_scale=min_scale)
    for name, value in settings.items():
        checks.not_negative(name, value, call)

    def init(params: Any) -> Any:
        arrays = {name: as_float(value) for name, value in (settings | {"factor": factor}).items()}
        worst, zero = as_float(jnp.inf if direction == "min" else -jnp.inf), jnp.int32(0)
        return PlateauState(as_float(1), worst, zero, zero, zero, **arrays, watch=Fixed((metric, direction)))

    def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> tuple[Any, Any]:
        state = caught_up(state, **extra)
        return jax.tree.map(lambda u: u * state.scale.astype(u.dtype), updates), state

    return optax.GradientTransformationExtraArgs(init, update)


def caught_up(state: PlateauState, *, metrics: Any = None, epoch: Any = None, **_: Any) -> PlateauState:
    """A plateau that has looked at the metrics of the last epoch, if it had not; without metrics it stays as it is."""
    if not metrics:
        return state
    new = jnp.asarray(epoch, jnp.int32) > state.seen
    after = observe(state, metrics)._replace(seen=jnp.asarray(epoch, jnp.int32))
    return jax.tree.map(lambda a, b: jnp.where(new, a, b), after, state)


def shrinkage(*, opt_state: Any = None, metrics: Any = None, epoch: Any = None, **_: Any) -> Any:
    """By what the plateaus in a whole optimizer's state shrink this step, a 0-d array: 1 where there is none.

    Args:
        opt_state, metrics, epoch: extra arguments of an update, the state being the one before it.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> float(shrinkage(opt_state=optax.adam(0.1).init({"kernel": jnp.ones(2)})))
        1.0
    """
    scale = as_float(1)
    for _path, state in optax.tree.get_all_with_path(opt_state, "PlateauState"):
        scale = scale * caught_up(state, metrics=metrics, epoch=epoch).scale
    return scale


def observe(state: PlateauState, row: dict[str, Any]) -> PlateauState:
    """A plateau after an epoch with these metrics.

    Raises:
        ValueError: if its metric is not in the row.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> state = nn.plateau(0.5, patience=1, metric="loss").init({"kernel": jnp.ones(1)})
        >>> float(observe(observe(state, {"loss": 1.0}), {"loss": 1.0}).scale)
        0.5
    """
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
