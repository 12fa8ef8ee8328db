"""What the classifier and the regressor share: scikit-learn's parameters, attributes and ways to fit."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxnn.core.precision import precision_of
from jaxnn.core.types import Batch
from jaxnn.sklearn import forward
from jaxnn.sklearn.checked import check_parameters, widths
from jaxnn.sklearn.estimator import Trainable, seed_of
from jaxnn.sklearn.jobs import Job, Orders, Trained
from jaxnn.sklearn.network import drawn, network

NUMBERS = ("alpha", "l1", "power_t", "momentum", "beta_1", "beta_2", "epsilon")
"""Parameters that go into the program as they are."""


class BaseMLP(Trainable):
    """The part of `MLPClassifier` and `MLPRegressor` that is the same."""

    hidden_layer_sizes: Any
    activation: Any
    solver: Any
    batch_size: Any
    learning_rate: Any
    learning_rate_init: Any
    nesterovs_momentum: Any
    early_stopping: Any
    validation_fraction: Any
    tol: Any
    n_iter_no_change: Any
    max_iter: Any
    max_fun: Any
    dropout: Any
    optimizer: Any
    _state: Any
    _kind: Callable
    _out_activation: Callable

    def _check(self) -> None:
        check_parameters(self.get_params(deep=False))

    def _fit(self, X: Any, y: Any, sample_weight: Any, incremental: bool) -> Any:
        if incremental and self.early_stopping:
            raise ValueError("partial_fit has no validation part; write early_stopping=False")
        return super()._fit(X, y, sample_weight, incremental)

    def _batch(self, data: Batch) -> Batch:
        """The rows as `jaxnn.sklearn.objective` takes them, whose targets hold a share beside them."""
        y, dtype = data.y, data.x.dtype
        if self._kind(y)[0] != "multiclass":
            y = y.reshape(len(y), -1).astype(dtype)
        return data._replace(y={"y": y, "share": np.zeros(len(y), dtype)})

    def _job(self, data: Batch, rows: np.ndarray, random: Any, standing: dict[str, Any]) -> Job:
        """The training of these rows, drawing as scikit-learn draws: weights, the validation part, orders."""
        kind, outputs = self._kind(data.y)
        hidden, state = widths(self.hidden_layer_sizes), standing.pop("state", None)
        given = standing.pop("given", None)
        if given is None and state is None:
            given = drawn((data.x.shape[1], *hidden, outputs), self.activation, random, data.x.dtype)
        early, held, seed = self.early_stopping and self.solver != "lbfgs", None, seed_of(random)
        if early:
            rows, held = self._split(data, rows, random, kind)
        full = self.solver == "lbfgs"
        size = len(rows) if full else min(200, len(rows)) if self.batch_size == "auto" else self._clipped(len(rows))
        numbers = {n: float(getattr(self, n)) for n in NUMBERS}
        before = {"seen": 0.0, "waited": 0.0, "best": -np.inf if early else np.inf} | standing
        point = dict(
            hidden=hidden, outputs=outputs, kind=kind, activation=self.activation, solver=self.solver,
            schedule=self.learning_rate, nesterov=bool(self.nesterovs_momentum), early=bool(early),
            optimizer=self.optimizer, dropout=float(self.dropout) if self.dropout else None,
            rate=float(self.learning_rate_init), **numbers,
            stopping=dict(
                tol=float(self.tol), patience=float(self.n_iter_no_change), rows=float(len(rows)),
                max_fun=float(self.max_fun), **before,
            ),
        )  # fmt: skip
        orders = Orders(random, len(rows), bool(self.shuffle) and not full)
        precision = precision_of(self.precision)
        return Job(
            network, point, rows, held, orders, size, int(self.max_iter), seed, given, state, precision=precision
        )

    def _clipped(self, rows: int) -> int:
        if self.batch_size > rows:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {rows} rows, which make one step; "
                'write batch_size="auto"', stacklevel=4,
            )  # fmt: skip
        return min(int(self.batch_size), rows)

    def _split(self, data: Batch, rows: np.ndarray, random: Any, kind: str) -> tuple[np.ndarray, np.ndarray]:
        binary = kind == "binary" and data.y.ndim == 1
        labels = data.y[rows] if binary else None
        parts = train_test_split(rows, random_state=random, test_size=self.validation_fraction, stratify=labels)
        mine, held = map(np.asarray, parts)
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
        state: Any = trained.state
        history, layers = trained.history, [f"dense_{i}" for i in range(len(trained.params))]
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
