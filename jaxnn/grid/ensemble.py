"""Several trained models as one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.data.arrays import parts
from jaxnn.train.predict import decide
from jaxnn.train.result import Run


@dataclass(frozen=True, eq=False)
class Ensemble:
    """The mean of the probabilities of its runs, or of their outputs where the loss is of values.

    Args:
        runs: trained models of one task; their structures may differ.

    Raises:
        ValueError: for no runs at all, or runs of different tasks.

    Source: Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep ensembles", 2017.

    Example:
        >>> import optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> data = np.ones((2, 1)), np.full(2, 3.0)
        >>> runs = [nn.fit(trial, data, epochs=40, batch_size=2, seed=s, progress=False) for s in (0, 1)]
        >>> Ensemble(tuple(runs)).predict(np.ones((1, 1))).round(3).tolist()
        [3.0]
    """

    runs: tuple[Run, ...]

    def __post_init__(self):
        if not self.runs or len({r.model.task for r in self.runs}) != 1:
            raise ValueError("an ensemble needs runs of one task; write runs.top(5).ensemble()")

    def __len__(self) -> int:
        return len(self.runs)

    def outputs(self, x: Any) -> np.ndarray:
        """The mean of the outputs, ``(rows, ...)``."""
        return np.mean([r.outputs(x) for r in self.runs], 0)

    def predict_proba(self, x: Any) -> np.ndarray:
        """The mean of the class probabilities, ``(rows, classes)``."""
        return np.mean([r.predict_proba(x) for r in self.runs], 0)

    def predict(self, x: Any) -> np.ndarray:
        """Classes as the targets had them, or the mean values."""
        return self.runs[0].model.told(self._decided(x))

    def _decided(self, x: Any) -> np.ndarray:
        return decide(
            self.runs[0].model.task, lambda what: self.outputs(x) if what == "outputs" else self.predict_proba(x)
        )

    def evaluate(self, data: Any) -> dict[str, float]:
        """Accuracy for classes, or the loss of the mean outputs for values, weighted by the rows.

        Args:
            data: ``(x, y)`` or ``(x, y, weight)``.
        """
        model = self.runs[0].model
        trial, x = model.trial, parts(data)[0]
        batch = model.batch(data)
        if trial.task == "values":
            losses = np.asarray(trial.loss_function(np.asarray(self.outputs(x)), batch.y))
            return {"loss": float(np.average(losses, weights=batch.weight))}
        right = self._decided(x) == (np.asarray(batch.y) > 0 if trial.task != "classes" else np.asarray(batch.y))
        return {"accuracy": float(np.average(right, weights=batch.weight))}
