"""How every estimator here is fitted: rows are read, a job is made of them, and what came of it is taken over."""

import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, validate_data

from jaxnn.core.types import Batch
from jaxnn.sklearn.jobs import Job, Orders, Trained, shuffled, train
from jaxnn.sklearn.ready import ready


class Trainable(BaseEstimator):
    """An estimator whose fit is a `Job`, so that a search can do many of them at once.

    A class has ``_check()`` of its parameters, ``_targets(y, first, incremental)``, ``_batch(data)`` as its trial takes
    the rows, ``_job(data, rows, random, standing)`` and ``_adopt(trained, job, first, incremental)``.
    """

    dtype: Any
    precision: Any
    random_state: Any
    shuffle: bool
    warm_start: bool
    verbose: Any
    n_iter_: int
    axes = False
    """Whether rows may have several axes."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit to rows ``X (rows, features)`` and targets ``y (rows,)`` or ``(rows, outputs)``.

        Args:
            X: an array, a DataFrame or a sparse matrix.
            y: targets.
            sample_weight: ``(rows,)``, or None.

        Returns:
            The estimator itself.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        self._check()
        first = not hasattr(self, "n_iter_") or not (self.warm_start or incremental)
        data = self._read(X, y, sample_weight, first, incremental)
        rows = np.arange(len(data.x))
        data = data._replace(weight=self._weights(data, rows))
        random = check_random_state(self.random_state)
        done = ready(self, data) if first else None
        if done is None:
            job = self._job(data, rows, random, {} if first else self._standing(incremental))
            job = job._replace(epochs=1) if incremental else job
            (trained,) = train(self._batch(data), [job], _printer if self.verbose else None)
        else:
            job, trained = done
        if trained.state.diverged >= 0:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed, or the learning rate is too large: in step {int(trained.state.diverged)} the loss was "
                "no number"
            )
        self._adopt(trained, job, first, incremental)
        if not isinstance(self.random_state, (int, np.integer)) and job.orders.shuffle:
            for _ in range(self.n_iter_):  # what draws is left as scikit-learn would leave it
                shuffled(random, len(job.rows))
        return self

    def _read(self, X: Any, y: Any, sample_weight: Any, first: bool, incremental: bool) -> Batch:
        """Rows ``(rows, ...)``, targets as numbers and weights or None, in the dtype to compute in."""
        dtypes: Any = (np.float64, np.float32)
        if self.dtype is not None or self.precision is not None:
            dtypes = np.dtype(self.dtype or "float32")
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtypes, reset=first,
            y_numeric=not is_classifier(self), allow_nd=self.axes,
        )  # fmt: skip
        targets = self._targets(y, first, incremental)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        return Batch(X if isinstance(X, np.ndarray) else X.toarray(), targets, sample_weight)

    def _weights(self, data: Batch, rows: np.ndarray) -> Any:
        """The weights of these rows, those of their classes included, among ``(all rows,)``; None where all are 1."""
        return data.weight

    def _orders(self, random: Any, rows: np.ndarray) -> Orders:
        return Orders(random, len(rows), bool(self.shuffle))

    def _alone(self) -> str | None:
        """Why it cannot be trained together with others, in words, or None."""
        own = type(self).__name__
        if self.verbose:
            return f"verbose={self.verbose!r} of {own} prints each iteration of each network"
        return f"warm_start=True of {own} makes a fit depend on the one before" if self.warm_start else None

    def _check(self) -> None:
        raise NotImplementedError

    def _targets(self, y: Any, first: bool, incremental: bool) -> np.ndarray:
        raise NotImplementedError

    def _batch(self, data: Batch) -> Batch:
        raise NotImplementedError

    def _job(self, data: Batch, rows: np.ndarray, random: Any, standing: dict[str, Any]) -> Job:
        raise NotImplementedError

    def _standing(self, incremental: bool) -> dict[str, Any]:
        raise NotImplementedError

    def _adopt(self, trained: Trained, job: Job, first: bool, incremental: bool) -> None:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def seed_of(random: np.random.RandomState) -> int:
    """A seed for dropout that leaves what draws weights and orders as it is."""
    return int(copy.deepcopy(random).randint(2**31))


def _printer(population: Any, epoch: int, row: dict[str, Any]) -> None:
    print(f"Iteration {epoch}, loss = {float(row['loss'][0]):.8f}")
    if "val_score" in row:
        print(f"Validation score: {float(row['val_score'][0]):.6f}")
