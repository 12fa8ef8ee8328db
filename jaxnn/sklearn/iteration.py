"""The end of an iteration over the rows, as scikit-learn's networks have it: progress, the learning rate, the end."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper
from jaxnn.sklearn.solvers import SGDState
from jaxnn.train.state import Best, TrainState

FTOL = 2.220446049250313e-09
"""By which share the objective must fall in a step of L-BFGS; SciPy's, which scikit-learn leaves as it is."""
SMALLEST_RATE = 1e-6
"""At which ``learning_rate="adaptive"`` gives up."""


@spec
class Iteration:
    """Stop when the training loss, or the score of the validation part, has not improved by ``tol`` for long enough.

    It stands where a `jaxnn.EarlyStopping` does. The weights are the last ones, or under early stopping the best.

    Args:
        watched: ``"loss"``, ``"val_score"``, or ``"lbfgs"`` for the gradient and the objective of L-BFGS.
        schedule: ``"constant"``, ``"invscaling"`` or ``"adaptive"``; the last two change the rate of `sgd`.
        tol: by how much an iteration must improve; under L-BFGS the largest entry of the gradient at the end.
        patience: iterations without improvement that are borne.
        rate, power_t: the learning rate at first, and its exponent.
        rows: of an iteration.
        seen: rows before the first iteration.
        best, waited: the best value and the iterations without improvement before the first one.
        max_fun: evaluations of the objective at most.
    """

    watched: str = "loss"
    schedule: str = "constant"
    tol: Hyper = hyper(1e-4)
    patience: Hyper = hyper(10)
    rate: Hyper = hyper(1e-3)
    power_t: Hyper = hyper(0.5)
    rows: Hyper = hyper(0)
    seen: Hyper = hyper(0)
    best: Hyper = hyper(float("inf"))
    waited: Hyper = hyper(0)
    max_fun: Hyper = hyper(15000)

    @property
    def metric(self) -> str:
        """What it looks at."""
        return "val_score" if self.watched == "val_score" else "loss"

    def start(self, params: Any, model_state: Any) -> Best:
        """The best before the first iteration."""
        return Best(jnp.asarray(self.best, jnp.zeros(()).dtype), jnp.int32(-1), params, model_state)

    def observe(self, state: TrainState, params: Any, row: dict[str, Any]) -> TrainState:
        """The state after an iteration with these metrics."""
        assert state.best is not None
        if self.watched == "lbfgs":
            return self._searched(state, params, row)
        value, old = row[self.metric].astype(state.best.value.dtype), state.best.value
        tol = jnp.asarray(self.tol, value.dtype)
        scored = self.watched == "val_score"
        stuck, better = (value < old + tol, value > old) if scored else (value > old - tol, value < old)
        before = jnp.where(state.epoch == 0, jnp.asarray(self.waited, jnp.float32).astype(jnp.int32), state.wait)
        wait = jnp.where(stuck, before + 1, 0)
        new = Best(value, state.epoch, params, state.model_state)
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, state.best)
        if not scored:
            best = new._replace(value=best.value)
        triggered = wait.astype(value.dtype) > jnp.asarray(self.patience, value.dtype)
        state, ends = self._rated(state, triggered)
        wait = jnp.where(triggered & ~ends, 0, wait).astype(jnp.int32)
        return state._replace(best=best, wait=wait, stopped=state.stopped | (triggered & ends))

    def _rated(self, state: TrainState, triggered: Any) -> tuple[TrainState, Any]:
        """The state with the rate of the next iteration, and whether a lack of progress is now the end."""
        own = state.opt_state
        if not isinstance(own, SGDState) or self.schedule == "constant":
            return state, jnp.bool_(True)
        if self.schedule == "invscaling":
            done = jnp.asarray(self.rows, own.rate.dtype) * (state.epoch + 1).astype(own.rate.dtype)
            seen = jnp.asarray(self.seen, own.rate.dtype) + done + 1
            rate = jnp.asarray(self.rate, own.rate.dtype) / seen ** jnp.asarray(self.power_t, own.rate.dtype)
            return state._replace(opt_state=own._replace(rate=rate)), jnp.bool_(True)
        ends = own.rate <= SMALLEST_RATE
        rate = jnp.where(triggered & ~ends, own.rate / 5, own.rate)
        return state._replace(opt_state=own._replace(rate=rate)), ends

    def _searched(self, state: TrainState, params: Any, row: dict[str, Any]) -> TrainState:
        """After a step of L-BFGS: ``wait`` counts evaluations, ``best`` holds the objective of these weights."""
        assert state.best is not None
        search: Any = optax.tree.get_all_with_path(state.opt_state, "ScaleByZoomLinesearchState")[0][1]
        value, dtype = search.value, state.best.value.dtype
        slope = jnp.stack([jnp.abs(g).max() for g in jax.tree.leaves(search.grad)]).max().astype(dtype)
        value = value.astype(dtype)
        old = jnp.where(state.epoch == 0, row["loss"].astype(dtype), state.best.value)
        scale = jnp.maximum(jnp.maximum(jnp.abs(old), jnp.abs(value)), 1)
        calls = state.wait + search.info.num_linesearch_steps.astype(jnp.int32) + 1
        flat = (slope <= jnp.asarray(self.tol, dtype)) | (old - value <= FTOL * scale)
        spent = calls.astype(dtype) >= jnp.asarray(self.max_fun, dtype)
        best = Best(value, state.epoch, params, state.model_state)
        return state._replace(best=best, wait=calls, stopped=state.stopped | flat | spent)
