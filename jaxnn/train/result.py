"""What `fit` returns: a trained model with its history."""

import functools
import os
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from jaxnn.core import files
from jaxnn.core.codec import to_json
from jaxnn.core.direction import rises
from jaxnn.core.types import Batch, Params, State
from jaxnn.data.arrays import as_batch, narrow
from jaxnn.optim.average import averaged
from jaxnn.train.predict import decide, evaluation, outputs_of, probabilities
from jaxnn.train.state import TrainState
from jaxnn.train.trial import Trial


@dataclass(frozen=True, eq=False)
class Run:
    """A trained model: weights, history, and what it takes to use them on new rows.

    Args:
        trial: the concrete `Trial`.
        hparams: hyperparameters by name.
        seed: the seed of initialisation and dropout.
        state: the last `TrainState`, of arrays.
        history: metric names to arrays ``(epochs,)``; NaN for epochs not done.
        standardiser: what was fitted on the training part, or None.
        classes: class names, or None.
        features: column names, or None.
        compute_dtype: the dtype it was trained in, or None.
        timing: seconds to compile and to run, and the number of compilations.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> run = nn.fit(trial, (np.ones((2, 1)), np.full(2, 3.0)), epochs=40, batch_size=2, progress=False)
        >>> run.predict(np.ones((1, 1))).round(3).tolist(), list(run.history)
        ([3.0], ['loss'])
    """

    trial: Trial
    hparams: dict[str, Any]
    seed: int
    state: TrainState
    history: dict[str, np.ndarray]
    standardiser: Any = None
    classes: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    compute_dtype: Any = None
    timing: dict[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{k}={v:.4g}" for k, v in self.metrics.items())
        return f"Run({self.hparams}, seed={self.seed}, epoch {self.best_epoch} of {self.epochs}: {numbers})"

    @property
    def model(self) -> Any:
        """The spec, with its hyperparameters as concrete numbers."""
        return self.trial.model

    @functools.cached_property
    def params(self) -> Params:
        """The weights to use: the best ones where stopping monitored a metric, else the last, or their average."""
        if self.state.best is not None:
            return self.state.best.params
        return averaged(self.state.opt_state, self.state.params)

    @property
    def model_state(self) -> State:
        """The running statistics that belong to `params`."""
        return self.state.model_state if self.state.best is None else self.state.best.model_state

    @property
    def epochs(self) -> int:
        """Epochs done."""
        return int(self.state.epoch)

    @property
    def best_epoch(self) -> int:
        """The epoch of `params`, counted from 0: the best one where a metric was monitored, else the last."""
        return self.epochs - 1 if self.state.best is None else int(self.state.best.epoch)

    @property
    def diverged(self) -> int | None:
        """The step at which training diverged, or None; the weights are the last finite ones."""
        return None if int(self.state.diverged) < 0 else int(self.state.diverged)

    @property
    def metrics(self) -> dict[str, float]:
        """The row of the history at `best_epoch`."""
        i = self.best_epoch
        return {name: float(v[i]) if 0 <= i < len(v) else float("nan") for name, v in self.history.items()}

    def better(self, other: "Run", metric: str) -> bool:
        """Whether this run beats another by a metric of the history."""
        sign = 1 if rises(metric) else -1
        return sign * self.metrics[metric] > sign * other.metrics[metric]

    def outputs(self, x: Any) -> Any:
        """What the model gives for new rows: logits or values, ``(rows, ...)``.

        Args:
            x: rows as the training data had them; standardised here if they were there.

        Raises:
            ValueError: for rows of another shape, text or NaN.
        """
        x = jax.tree.map(np.asarray, x)
        rows = jax.tree.leaves(x)[0].shape[0]
        if rows:
            x = self._ready(as_batch((x, np.zeros(rows)), "the new rows", wide=self.standardiser is not None)).x
        return outputs_of(self.model, self.params, self.model_state, x, self.compute_dtype)

    def _ready(self, batch: Batch) -> Batch:
        if self.standardiser is None:
            return batch
        return narrow(batch._replace(x=self.standardiser.transform(batch.x)))

    def predict_proba(self, x: Any) -> np.ndarray:
        """Class probabilities ``(rows, classes)``.

        Raises:
            ValueError: if the loss is no cross-entropy.
        """
        return probabilities(self.trial.task, self.outputs(x), "run")

    def predict(self, x: Any) -> np.ndarray:
        """Class numbers ``(rows,)``, or values ``(rows,)`` or ``(rows, out)`` where the loss is of values."""
        outputs = self.outputs(x)
        return decide(
            self.trial.task,
            lambda what: outputs if what == "outputs" else probabilities(self.trial.task, outputs, "run"),
        )

    def evaluate(self, data: Any) -> dict[str, float]:
        """Loss and metrics on data ``(x, y)`` or ``(x, y, weight)``, in use.

        Raises:
            ValueError: as `fit` does, for data that do not fit.
        """
        batch = self._ready(as_batch(data, wide=self.standardiser is not None))
        return evaluation(self.trial, self.params, self.model_state, batch, self.compute_dtype)

    def save(self, path: str | os.PathLike) -> None:
        """Write the model as one safetensors file, atomically; `jaxnn.load` reads it.

        Raises:
            ValueError: if the model holds a function that JSON cannot name.
        """
        loss = self.trial.loss if isinstance(self.trial.loss, str) else self.trial.loss.__name__
        names = [m if isinstance(m, str) else self.trial.metric_names[0] for m in self.trial.metrics]
        meta = {
            "format": "jaxnn-run-1",
            "model": to_json(self.model),
            "loss": loss,
            "metrics": names,
            "hparams": {k: _plain(v) for k, v in self.hparams.items()},
            "seed": int(self.seed),
            "classes": self.classes,
            "features": self.features,
            "epochs": self.epochs,
            "best_epoch": self.best_epoch,
            "compute_dtype": None if self.compute_dtype is None else np.dtype(self.compute_dtype).name,
            "history": {k: [float(x) for x in v] for k, v in self.history.items()},
        }
        tree = {"params": self.params, "state": self.model_state}
        if self.standardiser is not None:
            tree["standardiser"] = self.standardiser._asdict()
        files.write(path, tree, meta)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return value if isinstance(value, (int, float, str, bool, tuple, list, type(None))) else repr(value)
