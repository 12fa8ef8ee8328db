"""What the classifier and the regressor share: scikit-learn's parameters, attributes and ways to fit."""

import copy
import warnings
from typing import Any

import jax
import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from jaxnn.core.types import Batch
from jaxnn.sklearn import forward
from jaxnn.sklearn.checked import check_parameters, widths
from jaxnn.sklearn.jobs import Job, Orders, Trained, shuffled, train
from jaxnn.sklearn.network import drawn, network
from jaxnn.sklearn.ready import ready

OWN = ("dropout", "l1", "optimizer", "dtype", "class_weight")
"""Parameters that scikit-learn's networks have not."""


class BaseMLP(BaseEstimator):
    """The part of `MLPClassifier` and `MLPRegressor` that is the same."""

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
        check_parameters(self.get_params(deep=False))
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        data = self._read(X, y, sample_weight, first, incremental)
        random = check_random_state(self.random_state)
        own = None if not first else ready(self, data)
        if own is None:
            job = self._job(data, np.arange(len(data.x)), random, None if first else self._standing(incremental))
            job = job._replace(epochs=1) if incremental else job
            (trained,) = train(_batch(data), [job], _printer if self.verbose else None)
        else:
            job, trained = own
        self._adopt(trained, job, first, incremental)
        if not isinstance(self.random_state, (int, np.integer)) and self.shuffle and self.solver != "lbfgs":
            for _ in range(self.n_iter_):  # what draws is handed back as scikit-learn would leave it
                shuffled(random, len(job.rows))
        return self

    def _read(self, X: Any, y: Any, sample_weight: Any, first: bool, incremental: bool) -> Batch:
        """Rows ``(rows, features)``, targets as the loss takes them and weights or None, of one dtype."""
        dtypes: Any = (np.float64, np.float32) if self.dtype is None else np.dtype(self.dtype)
        X, y = validate_data(
            self, X, y, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtypes, reset=first,
            y_numeric=not is_classifier(self),
        )  # fmt: skip
        targets = self._targets(y, first, incremental, X.dtype)
        weight = None if sample_weight is None else _check_sample_weight(
            sample_weight, X, dtype=X.dtype, ensure_non_negative=True
        )  # fmt: skip
        weight = self._weighted(targets, weight)
        return Batch(X if isinstance(X, np.ndarray) else X.toarray(), targets, weight)

    def _job(self, data: Batch, rows: np.ndarray, random: np.random.RandomState, standing: dict | None = None) -> Job:
        """The training of these rows, drawing as scikit-learn draws: weights, the validation part, orders."""
        kind, outputs = self._kind(data.y)
        hidden, dtype = widths(self.hidden_layer_sizes), data.x.dtype
        sizes = (data.x.shape[1], *hidden, outputs)
        standing = {} if standing is None else standing
        given = standing.pop("given", None)
        given = drawn(sizes, self.activation, random, dtype) if given is None else given
        early, held = self.early_stopping and self.solver != "lbfgs", None
        seed = int(copy.deepcopy(random).randint(2**31))
        if early:
            rows, held = self._split(data, rows, random, kind)
        full = self.solver == "lbfgs"
        size = len(rows) if full else min(200, len(rows)) if self.batch_size == "auto" else self._clipped(len(rows))
        point = dict(
            hidden=hidden, outputs=outputs, kind=kind, activation=self.activation, solver=self.solver,
            schedule=self.learning_rate, nesterov=bool(self.nesterovs_momentum), early=bool(early),
            optimizer=self.optimizer, dropout=float(self.dropout) if self.dropout else None,
            rate=float(self.learning_rate_init),
            **{n: float(getattr(self, n)) for n in ("alpha", "l1", "power_t", "momentum", "beta_1", "beta_2", "epsilon")},
            stopping=dict(
                tol=float(self.tol), patience=float(self.n_iter_no_change), rows=float(len(rows)),
                max_fun=float(self.max_fun), seen=standing.pop("seen", 0.0), waited=standing.pop("waited", 0.0),
                best=standing.pop("best", -np.inf if early else np.inf),
            ),
        )  # fmt: skip
        orders = Orders(random, len(rows), bool(self.shuffle) and not full)
        state = standing.pop("state", None)
        return Job(network, point, rows, held, orders, size, int(self.max_iter), seed, given, state)

    def _clipped(self, rows: int) -> int:
        if self.batch_size > rows:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {rows} rows, which make one step; "
                'write batch_size="auto"', stacklevel=4,
            )  # fmt: skip
        return min(int(self.batch_size), rows)

    def _split(self, data: Batch, rows: np.ndarray, random: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
        binary = kind == "binary" and data.y.shape[1] == 1
        mine, held = train_test_split(
            rows, random_state=random, test_size=self.validation_fraction, stratify=data.y[rows] if binary else None
        )
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset: "
                f"{self.validation_fraction} of {len(rows)} rows are {len(held)}"
            )
        return mine, held

    def _standing(self, incremental: bool) -> dict[str, Any]:
        """What a fit goes on from: weights, progress, and in ``partial_fit`` the solver's state."""
        if incremental and self._state is not None:
            state = self._state._replace(
                epoch=np.int32(0), stopped=np.bool_(False), diverged=np.int32(-1),
                metrics={"loss": np.zeros((), self.coefs_[0].dtype)},
            )  # fmt: skip
            return {"state": state, "seen": float(self.t_), "waited": float(state.wait), "best": self._best}
        given = {
            f"dense_{i}": {"kernel": k, "bias": b}
            for i, (k, b) in enumerate(zip(self.coefs_, self.intercepts_, strict=True))
        }
        return {"given": given, "seen": float(self.t_), "waited": float(self._waited), "best": self._best}

    def _adopt(self, trained: Trained, job: Job, first: bool, incremental: bool) -> None:
        """Take over what came of a training, under scikit-learn's names."""
        if trained.state.diverged >= 0:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed, or the learning rate is too large; the loss was no number in step {trained.state.diverged}"
            )
        state, history, layers = trained.state, trained.history, [f"dense_{i}" for i in range(len(trained.params))]
        early = job.held is not None
        if first:
            self.t_, self.loss_curve_ = 0, []
            self.validation_scores_, self.validation_loss_curve_ = ([], []) if early else (None, None)
        self.coefs_ = [np.asarray(trained.params[name]["kernel"]) for name in layers]
        self.intercepts_ = [np.asarray(trained.params[name]["bias"]) for name in layers]
        self.n_layers_, self.n_outputs_ = len(layers) + 1, job.point["outputs"]
        self.out_activation_ = self._out_activation(job.point["kind"])
        self.n_iter_ = int(state.epoch)
        self.t_ += self.n_iter_ * len(job.rows)
        self.loss_curve_ += history["loss"].tolist()
        self.loss_ = self.loss_curve_[-1]
        self._best, self._waited = float(state.best.value), int(state.wait)
        self.best_loss_, self.best_validation_score_ = (None, self._best) if early else (self._best, None)
        if early:
            self.validation_scores_ += history["val_score"].tolist()
            self.validation_loss_curve_ += history["val_loss"].tolist()
        full = self.solver == "lbfgs"
        if full:
            self.loss_ = self._best
        self._state = None if full or early else state._replace(best=state.best._replace(params=state.params))
        if not bool(state.stopped) and self.n_iter_ == self.max_iter and not incremental:
            warnings.warn(
                f"{self.solver} came to max_iter={self.max_iter} iterations and has not converged; write a larger one, "
                "or scale the features", ConvergenceWarning, stacklevel=4,
            )  # fmt: skip

    def _outputs(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=(np.float64, np.float32), reset=False)
        return forward.outputs(X, self.coefs_, self.intercepts_, self.activation)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _batch(data: Batch) -> Batch:
    """The rows as `jaxnn.sklearn.objective` takes them, whose targets hold a share beside them."""
    return data._replace(y={"y": data.y, "share": np.zeros(len(data.x), data.x.dtype)})


def _printer(population: Any, epoch: int, row: dict[str, Any]) -> None:
    print(f"Iteration {epoch}, loss = {float(row['loss'][0]):.8f}")
    if "val_score" in row:
        print(f"Validation score: {float(row['val_score'][0]):.6f}")
