"""Several trained models as one."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxnn.core.masks import Masked
from jaxnn.data.arrays import parts
from jaxnn.train.heads import value_and_mask
from jaxnn.train.predict import evaluation
from jaxnn.train.reading import decide, log_probabilities, pooled, probabilities, read, read_probabilities, unmasked
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
        if not self.runs or any(r.model.task != self.runs[0].model.task for r in self.runs):
            raise ValueError("an ensemble needs runs of one task; write runs.top(5).ensemble()")

    def __len__(self) -> int:
        return len(self.runs)

    def outputs(self, x: Any) -> Any:
        """The mean of the outputs, ``(rows, ...)``, by output where losses are."""
        return jax.tree.map(lambda *own: np.mean(own, 0), *[r.outputs(x) for r in self.runs])

    def _pooled(self, x: Any) -> Any:
        """Outputs of which the probabilities are the mean ones, beside the mask of their steps where there is one."""
        first, *others = [r.model.masked_outputs(x) for r in self.runs]
        loss = self.runs[0].model.loss

        def one(task: Any, *own: Any) -> Any:
            values, masks = zip(*map(value_and_mask, own), strict=True)
            made = pooled(task, values)
            return made if masks[0] is None else Masked(made, masks[0])

        return read(one, loss, first, *others)

    def predict_proba(self, x: Any) -> Any:
        """The mean of the class probabilities, ``(rows, classes)``; by output, None where an output has none.

        Raises:
            ValueError: if the loss is no cross-entropy.
        """
        return self._read(x, probabilities)

    def predict_log_proba(self, x: Any) -> Any:
        """The logarithms of `predict_proba`, which are finite where a probability is too small for a float."""
        return self._read(x, log_probabilities)

    def _read(self, x: Any, function: Callable) -> Any:
        loss = self.runs[0].model.loss
        return read_probabilities(loss, unmasked(loss, self._pooled(x)), function, "ensemble")

    def predict(self, x: Any) -> Any:
        """Classes of the mean probabilities, as targets had them, or the mean values; by output where losses are."""
        model = self.runs[0].model
        return model.told(read(decide, model.loss, unmasked(model.loss, self._pooled(x))))

    def evaluate(self, data: Any) -> dict[str, float]:
        """Loss and metrics of the mean probabilities, or of the mean outputs where there are none.

        Args:
            data: ``(x, y)`` or ``(x, y, weight)``.

        Raises:
            ValueError: as `fit` does, for data that do not fit.
        """
        model = self.runs[0].model
        batch = model.batch(data)._replace(x=self._pooled(parts(data)[0]))
        return evaluation(model.trial, {}, {}, batch, given=True)

    def save(self, path: str | os.PathLike) -> None:
        """Write all runs as one safetensors file, atomically; `jaxnn.load` gives the ensemble back.

        Raises:
            ValueError: as `Run.save`.
        """
        from jaxnn.io.model import write_all

        write_all(path, self.runs)


class Top(list):
    """Runs from best to worst."""

    def ensemble(self) -> Ensemble:
        """One model that averages their probabilities, or their outputs where the loss is of values."""
        return Ensemble(tuple(self))
