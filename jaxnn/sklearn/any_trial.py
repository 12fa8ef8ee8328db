"""Any trial as an estimator of scikit-learn, its hyperparameters as parameters."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxnn.core.precision import precision_of
from jaxnn.core.types import Batch
from jaxnn.sklearn.checked import check_precision
from jaxnn.sklearn.estimator import Trainable, seed_of
from jaxnn.sklearn.jobs import Job, Orders, Trained
from jaxnn.train.options import check_options, whole
from jaxnn.train.trial import OWN, Trial, check_names

BLOCK = 64
"""New rows are filled up to so many, so that a few rows give what they give among many."""


class OfTrial(Trainable):
    """The part of `TrialClassifier` and `TrialRegressor` that is the same."""

    axes = True
    hparams: dict[str, Any]

    def __init__(
        self, trial: Trial | Callable, *, epochs: int = 10, batch_size: int | None = 32,
        validation_fraction: float | None = None, stop: Any = None, shuffle: bool = True, random_state: Any = None,
        warm_start: bool = False, verbose: bool = False, dtype: Any = None, precision: Any = None,
        **hparams: Any,
    ):  # fmt: skip
        self.trial, self.epochs, self.batch_size, self.stop = trial, epochs, batch_size, stop
        self.validation_fraction, self.shuffle, self.random_state = validation_fraction, shuffle, random_state
        self.warm_start, self.verbose, self.dtype, self.precision = warm_start, verbose, dtype, precision
        self._hparams = hparams

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters by name: those of the estimator, and the hyperparameters of its trial.

        Args:
            deep: as in scikit-learn.
        """
        return super().get_params(deep=False) | self._hparams

    def set_params(self, **params: Any) -> Any:
        """Set parameters and hyperparameters by name.

        Raises:
            ValueError: for a name that is neither.
        """
        known = {*self.get_params(deep=False), *self._arguments()}
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"Invalid parameter {name!r} for estimator {self}. Valid parameters are: {sorted(known)!r}."
                )
            if name in self._get_param_names():
                setattr(self, name, value)
            else:
                self._hparams = self._hparams | {name: value}
        return self

    def _arguments(self) -> list[str]:
        """What the trial function takes."""
        if isinstance(self.trial, Trial) or not callable(self.trial):
            return []
        return [name for name in inspect.signature(self.trial).parameters if name not in (*OWN, "clock", "outputs")]

    def _check(self) -> None:
        whole("epochs", self.epochs)
        check_options(batch_size=self.batch_size, stop=self.stop, shuffle=self.shuffle, warm_start=self.warm_start)
        if self.dtype not in (None, "float32", "float64"):
            raise ValueError(f'dtype must be None, "float32" or "float64", got {self.dtype!r}; write dtype="float32"')
        check_precision(self.precision, self.dtype)
        share = self.validation_fraction
        if share is not None and not (isinstance(share, (int, float)) and 0 < share < 1):
            raise ValueError(f"validation_fraction must lie in (0, 1), got {share!r}; write validation_fraction=0.1")
        check_names(self.trial, self._hparams | ({"outputs": 1} if self._asks_for_outputs() else {}))

    def _asks_for_outputs(self) -> bool:
        return not isinstance(self.trial, Trial) and callable(self.trial) and (
            "outputs" in inspect.signature(self.trial).parameters
        )  # fmt: skip

    def _batch(self, data: Batch) -> Batch:
        y = data.y.astype(data.x.dtype) if data.y.ndim > 1 else data.y
        return data._replace(y=y)

    def _job(self, data: Batch, rows: np.ndarray, random: Any, standing: dict[str, Any]) -> Job:
        held, seed = None, seed_of(random)
        if self.validation_fraction is not None:
            labels = data.y[rows] if data.y.ndim == 1 else None
            parts = train_test_split(rows, random_state=random, test_size=self.validation_fraction, stratify=labels)
            rows, held = map(np.asarray, parts)
        point = self._hparams | ({"outputs": self._outputs_of(data.y)} if self._asks_for_outputs() else {})
        full = self.batch_size is None
        most = len(rows) if self.batch_size is None else int(self.batch_size)
        orders = Orders(random, len(rows), bool(self.shuffle) and not full)
        size = min(most, len(rows))
        return Job(
            self.trial,
            point,
            rows,
            held,
            orders,
            size,
            int(self.epochs),
            seed,
            stop=self.stop,
            check=True,
            precision=precision_of(self.precision),
            **standing,
        )

    def _weights(self, data: Batch, rows: np.ndarray) -> Any:
        """Of mean 1, so that the scale of the weights says nothing, as in scikit-learn."""
        found = super()._weights(data, rows)
        if found is None:
            return None
        total = found[rows].sum()
        return found * (len(rows) / total if total > 0 else 1.0)

    def _standing(self, incremental: bool) -> dict[str, Any]:
        if incremental:
            state: Any = self.run_.last
            return {"state": state._replace(epoch=np.int32(0), stopped=np.bool_(False), diverged=np.int32(-1))}
        return {"given": self.run_.params}

    def _adopt(self, trained: Trained, job: Job, first: bool, incremental: bool) -> None:
        self.run_ = trained.make()
        self.n_iter_ = int(trained.state.epoch)
        self.history_ = {name: v.tolist() for name, v in trained.history.items()}

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One pass over these rows, on from where it was.

        Args:
            X, y, sample_weight: as in `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _raw(self, X: Any) -> np.ndarray:
        """Outputs of the model for new rows."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False, allow_nd=self.axes
        )
        X = X if isinstance(X, np.ndarray) else X.toarray()
        missing = max(0, BLOCK - len(X))
        filled = np.concatenate([X, np.zeros((missing, *X.shape[1:]), X.dtype)])
        wide = any(leaf.dtype == np.float64 for leaf in jax.tree.leaves(self.run_.params))
        with jax.enable_x64(wide):
            return np.asarray(self.run_.outputs(filled))[: len(X)]

    def _outputs_of(self, y: np.ndarray) -> int:
        raise NotImplementedError
