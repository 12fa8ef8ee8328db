"""What `fit` returns: a trained model with its history."""

import os
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jaxnn.core.types import Params, State
from jaxnn.train.model import Model
from jaxnn.train.state import TrainState
from jaxnn.train.taken import Taken


@dataclass(frozen=True, eq=False)
class Run:
    """A `Model` with the history of its training.

    Args:
        model: the trained `Model`, which ``predict``, ``evaluate``, ``params`` and ``state`` are of.
        hparams: hyperparameters by name.
        seed: the seed of initialisation and dropout.
        history: metric names to arrays ``(epochs,)``.
        best_epoch: the epoch of the weights, counted from 0: the best one where stopping monitored a metric, else
            the last; -1 before the first.
        diverged: the step at which a loss or a weight was not finite, or None. The weights are those at the beginning
            of that epoch, which does not count as done.
        last: the last `TrainState`, to go on from with ``fit(..., start=run)``, or None where it was not kept.
        taken: where it began from other weights, which leaves were taken over and which drawn anew.
        timing: seconds to compile and to run, and the number of compilations.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> run = nn.fit(trial, (np.ones((2, 1)), np.full(2, 3.0)), epochs=40, batch_size=2, progress=False)
        >>> run.predict(np.ones((1, 1))).round(3).tolist(), list(run.history)
        ([3.0], ['loss'])
    """

    model: Model
    hparams: dict[str, Any]
    seed: int
    history: dict[str, np.ndarray]
    best_epoch: int
    diverged: int | None = None
    last: TrainState | None = None
    taken: Taken | None = None
    timing: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k}={v:.4g}" for k, v in self.metrics.items())
        sick = "" if self.diverged is None else f"; DIVERGED at step {self.diverged}, the weights are those before"
        at = f"epoch {self.best_epoch + 1} of {self.epochs}" if self.epochs else "before the first epoch"
        constant = ", ".join(f"{k}={v:.4g}" for k, v in self.baseline.items())
        beside = f"; a constant reaches {constant}" if constant else ""
        precision = "" if self.precision is None else f", {self.precision}"
        return f"Run({self.hparams}, seed={self.seed}{precision}, {at}: {numbers}{beside}{sick})"

    @property
    def baseline(self) -> dict[str, float]:
        """What a constant reaches, by the names of the history: the share of the most frequent class as an accuracy, or
        the error of the mean as a loss; of the validation part where there is one, else of the training rows."""
        return self.model.baseline

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return max((len(v) for v in self.history.values()), default=0)

    @property
    def metrics(self) -> dict[str, float]:
        """The row of the history at `best_epoch`."""
        i = self.best_epoch
        return {name: float(v[i]) if 0 <= i < len(v) else float("nan") for name, v in self.history.items()}

    @property
    def spec(self) -> Any:
        """The architecture, with its hyperparameters as concrete numbers."""
        return self.model.spec

    @property
    def params(self) -> Params:
        """The weights to use: the best ones where stopping monitored a metric, else the last, or their average."""
        return self.model.params

    @property
    def state(self) -> State:
        """The model state that belongs to `params`, such as running statistics."""
        return self.model.state

    @property
    def standardiser(self) -> Any:
        """What scales new rows, or None."""
        return self.model.standardiser

    @property
    def classes(self) -> Any:
        """Class names, in the order of the columns of `predict_proba`, or None; by output where losses are."""
        return self.model.classes

    @property
    def prepare(self) -> Any:
        """What makes numbers of new rows, or None."""
        return self.model.prepare

    @property
    def features(self) -> tuple[str, ...] | None:
        """Column names, or None."""
        return self.model.features

    @property
    def precision(self) -> Any:
        """The `Precision` it was trained in and is used in; None for that of the platform."""
        return self.model.precision

    def cast(self, dtype: Any) -> "Run":
        """`Model.cast`: the run with its weights in another dtype, for use; it does not go on from there."""
        return replace(self, model=self.model.cast(dtype), last=None)

    def outputs(self, x: Any) -> Any:
        """`Model.outputs` of new rows."""
        return self.model.outputs(x)

    def predict_proba(self, x: Any) -> Any:
        """`Model.predict_proba` of new rows."""
        return self.model.predict_proba(x)

    def predict_log_proba(self, x: Any) -> Any:
        """`Model.predict_log_proba` of new rows."""
        return self.model.predict_log_proba(x)

    def predict(self, x: Any) -> Any:
        """`Model.predict` of new rows."""
        return self.model.predict(x)

    def evaluate(self, data: Any) -> dict[str, float]:
        """`Model.evaluate` on data ``(x, y)`` or ``(x, y, weight)``."""
        return self.model.evaluate(data)

    def save(self, path: str | os.PathLike) -> None:
        """Write model and history as one safetensors file, atomically; `jaxnn.load` reads it.

        Raises:
            ValueError: as `Model.save`.
        """
        self.model.save(path, **self.told)

    @property
    def told(self) -> dict[str, Any]:
        """What a file holds of it beside the model."""
        return {name: getattr(self, name) for name in ("hparams", "seed", "history", "best_epoch", "diverged")}
