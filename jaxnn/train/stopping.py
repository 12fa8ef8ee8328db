"""Early stopping inside the program, with the best weights kept."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.registry import is_better_larger
from jaxnn.core.types import Hyper
from jaxnn.train.state import Best, TrainState


@spec
class EarlyStopping:
    """Stop a member when a metric has not improved for ``patience`` epochs; keep its best weights.

    An epoch improves where ``value < best - min_delta`` (or ``>`` and ``+`` for rising metrics); NaN never does.

    Args:
        metric: a name in the history, such as ``"val_loss"``, ``"val_accuracy"`` or ``"loss"``.
        patience: epochs without improvement before the end, a leaf; None never stops, and only keeps the best.
        min_delta: by how much an epoch must improve, in units of the metric; a leaf.
        target: stop as soon as the metric is this good; a leaf, None for no target.
        mode: ``"min"``, ``"max"``, or None for what the metric says of itself.

    Raises:
        ValueError: for a mode that is none of these, or a negative patience.

    Source: ``keras.callbacks.EarlyStopping(restore_best_weights=True)``; Prechelt, "Early stopping - but when?", 1998.

    Example:
        >>> EarlyStopping("val_accuracy", patience=5).rises
        True
    """

    metric: str = "val_loss"
    patience: Hyper | None = hyper(10)
    min_delta: Hyper = hyper(0.0)
    target: Hyper | None = hyper(None)
    mode: str | None = None

    def __post_init__(self):
        checks.not_negative("patience", self.patience, 'EarlyStopping("val_loss", patience=10)')
        if self.mode not in (None, "min", "max"):
            raise ValueError(f'mode must be "min", "max" or None, got {self.mode!r}; write mode="min"')

    @property
    def rises(self) -> bool:
        """Whether larger is better."""
        return is_better_larger(self.metric, self.mode, f'nn.EarlyStopping("{self.metric}"')

    def start(self, params: Any, model_state: Any) -> Best:
        """The best before the first epoch: the worst value, and the first weights."""
        worst = jnp.asarray(-jnp.inf if self.rises else jnp.inf, jnp.zeros(()).dtype)
        return Best(worst, jnp.int32(-1), params, model_state)

    def observe(self, state: TrainState, params: Any, row: dict[str, Any]) -> TrainState:
        """The state after an epoch with these metrics: best weights, waiting and whether to stop.

        Args:
            state: at the end of the epoch, with a `Best`.
            params: the weights that were evaluated.
            row: the metrics of the epoch by name.

        Raises:
            ValueError: if the metric is not among them.
        """
        if self.metric not in row:
            raise ValueError(
                f"early stopping looks at {self.metric!r}, and the history has {', '.join(row)}; "
                "write validation=0.2, or another metric"
            )
        assert state.best is not None
        best = state.best
        value = row[self.metric].astype(best.value.dtype)
        delta = jnp.asarray(self.min_delta, value.dtype)
        better = value > best.value + delta if self.rises else value < best.value - delta
        kept = jax.tree.map(
            lambda new, old: jnp.where(better, new, old),
            Best(value, state.epoch, params, state.model_state),
            best,
        )
        wait = jnp.where(better, 0, state.wait + 1).astype(jnp.int32)
        stopped = state.stopped
        if self.patience is not None:
            stopped = stopped | (~better & (wait.astype(value.dtype) >= jnp.asarray(self.patience, value.dtype)))
        if self.target is not None:
            target = jnp.asarray(self.target, value.dtype)
            stopped = stopped | (value >= target if self.rises else value <= target)
        return state._replace(best=kept, wait=wait, stopped=stopped)
