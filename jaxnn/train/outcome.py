"""What came of members: chosen weights and curves, stacked, on the host; as runs and as a table."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.hyper import static, traced
from jaxnn.core.tree import member
from jaxnn.core.types import Params, State
from jaxnn.data.source import Source
from jaxnn.optim.average import averaged, keeps
from jaxnn.train.baseline import of_member
from jaxnn.train.enrol import Entry
from jaxnn.train.layout import lies_split
from jaxnn.train.model import Model
from jaxnn.train.options import part_of
from jaxnn.train.progress import reading_order
from jaxnn.train.result import Run
from jaxnn.train.state import TrainState
from jaxnn.train.taken import Taken


class Outcome(NamedTuple):
    """What came of stacked members; every leaf is ``(members, ...)``.

    Args:
        params, state: the chosen weights and their model state: the best ones, an average, or the last.
        epochs: how many were done.
        best_epoch: that of the weights, counted from 0.
        diverged: the step at which a member fell sick, -1 for healthy ones.
        stopped: whether early stopping ended it.
        history: curves by metric, ``(members, epochs)``, NaN where an epoch was not done.
    """

    params: Params
    state: State
    epochs: np.ndarray
    best_epoch: np.ndarray
    diverged: np.ndarray
    stopped: np.ndarray
    history: dict[str, np.ndarray]

    @classmethod
    def of(cls, state: Any, weights: Params, own: State, best: Any, curves: dict[str, np.ndarray]) -> "Outcome":
        """From stacked arrays on the host.

        Args:
            state: has ``epoch``, ``diverged`` and ``stopped``.
            weights, own: the chosen weights and their model state.
            best: the epochs of these, or None for the last.
            curves: hold anything past a member's end.
        """
        done = np.asarray(state.epoch)
        length = min(int(done.max(initial=0)), max((v.shape[1] for v in curves.values()), default=0))
        past = np.arange(length)[None] >= done[:, None]
        history = {
            name: np.where(past, np.asarray(np.nan, curves[name].dtype), curves[name][:, :length])
            for name in sorted(curves, key=reading_order)
        }
        best = done - 1 if best is None else np.asarray(best)
        return cls(weights, own, done, best, np.asarray(state.diverged), np.asarray(state.stopped), history)

    def run(
        self, i: int, model: Model, hparams: dict[str, Any], seed: int, last: TrainState | None = None,
        taken: Taken | None = None, timing: dict[str, float] | None = None,
    ) -> Run:  # fmt: skip
        """Member ``i`` as a `Run`, its weights put into the model."""
        model = replace(model, params=arrays(member(self.params, i)), state=arrays(member(self.state, i)))
        history = {name: v[i, : int(self.epochs[i])] for name, v in self.history.items()}
        sick = None if self.diverged[i] < 0 else int(self.diverged[i])
        return Run(model, hparams, seed, history, int(self.best_epoch[i]), sick, last, taken, dict(timing or {}))


def chosen(state: Any) -> tuple[Any, Any]:
    """The weights to use of stacked members, and their model state: the best, an average, or the last."""
    if state.best is not None:
        return state.best.params, state.best.model_state
    if keeps(state.opt_state):
        weights = jax.vmap(averaged)(state.opt_state, state.params)
        return jax.tree.map(lambda a: a if lies_split(a) else np.asarray(a), weights), state.model_state
    return state.params, state.model_state


def bare(entry: Entry, source: Source) -> Model:
    """The `Model` of a member, without weights."""
    trial, part = entry.trial(), part_of(entry.point)
    return Model(
        trial.model, None, None, trial.loss, trial.metrics, source.scaler(part), source.classes, source.features,
        entry.recipe.precision, source.preparation(part), source.named, trial.loss_weights,
        of_member(trial.heads, source, part),
        row=source.first_row,
    )  # fmt: skip


def arrays(tree: Any) -> Any:
    """JAX arrays, as layers index them; what JAX would narrow now, a float64 outside of x64, stays, and what is split.

    Example:
        >>> arrays({"a": np.ones(2, np.float32)})
        {'a': Array([1., 1.], dtype=float32)}
    """
    stays = lambda a: lies_split(a) or jax.dtypes.canonicalize_dtype(a.dtype) != a.dtype  # noqa: E731
    return jax.tree.map(lambda a: a if stays(a) else jax.device_put(a), tree)


def shown(value: Any) -> Any:
    """A hyperparameter as a table shows it, without what says how it goes into the program."""
    return value.values if isinstance(value, (traced, static)) else value


def merged(outcomes: list[Outcome]) -> Outcome:
    """Several, one behind the other."""
    longest = max(v.shape[1] for o in outcomes for v in o.history.values()) if outcomes[0].history else 0

    def filled(values: np.ndarray) -> np.ndarray:
        return np.pad(values, ((0, 0), (0, longest - values.shape[1])), constant_values=np.nan)

    even = [o._replace(history={n: filled(v) for n, v in o.history.items()}) for o in outcomes]
    whole = jax.tree.map(lambda *a: np.concatenate(a), *even)
    return whole._replace(history={name: whole.history[name] for name in outcomes[0].history})


def joined(curves: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The curves of groups as those of all their members; what a shorter group never did counts for nothing.

    Example:
        >>> joined([{"loss": np.array([[3.0, 2.0]])}, {"loss": np.array([[5.0]])}])["loss"].tolist()
        [[3.0, 2.0], [5.0, 0.0]]
    """
    longest = max((v.shape[1] for c in curves for v in c.values()), default=0)
    padded = [{n: np.pad(v, ((0, 0), (0, longest - v.shape[1]))) for n, v in c.items()} for c in curves]
    return {name: np.concatenate([c[name] for c in padded]) for name in curves[0]}


def columns(points: list[dict[str, Any]], axes: Any, outcome: Outcome) -> dict[str, list]:
    """One row for each member, as columns: its axes, then the metrics at its chosen epoch.

    The chosen epoch is that of the best weights where stopping monitored a metric, else the last one done.
    """
    named = {n: [label(shown(p.get(n))) for p in points] for n in axes}
    rows, chosen = np.arange(len(points)), outcome.best_epoch
    metrics = {
        n: np.where(chosen >= 0, v[rows, np.maximum(chosen, 0)], np.nan) if v.shape[1] else np.full(len(points), np.nan)
        for n, v in outcome.history.items()
    }
    return {
        **named,
        **{name: [float(x) for x in values] for name, values in metrics.items()},
        "epochs_done": outcome.epochs.tolist(),
        "best_epoch": chosen.tolist(),
        "diverged_at": [None if d < 0 else int(d) for d in outcome.diverged],
    }


def label(value: Any) -> Any:
    """A hyperparameter as a table names it: functions by their names."""
    return getattr(value, "__name__", value) if callable(value) else value
