"""`MLPRegressor`: scikit-learn's regressor, trained by this package."""

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from jaxnn.sklearn.classifier import stochastic
from jaxnn.sklearn.mlp import BaseMLP
from jaxnn.sklearn.targets import OfValues


class MLPRegressor(OfValues, BaseMLP):
    """A fully connected network for one value or several, with the parameters, meaning and numbers of scikit-learn's.

    It minimises half the squared error, summed over outputs, or half the Poisson deviance, and
    ``(alpha / 2 sum w^2 + l1 sum |w|) / n`` over the ``n`` rows of a step; ``loss_`` has the mean over outputs.

    Args:
        loss: ``"squared_error"``, or ``"poisson"`` for rates of counts.
        hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate: as in `MLPClassifier`.
        learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose: as in `MLPClassifier`.
        warm_start, momentum, nesterovs_momentum, beta_1, beta_2, epsilon, max_fun: as in `MLPClassifier`.
        early_stopping, validation_fraction, n_iter_no_change: as in `MLPClassifier`; early stopping looks at R2.
        dropout, l1, optimizer, dtype, precision: ours, as in `MLPClassifier`.

    Its attributes, ``coefs_``, ``loss_curve_`` and all others, are those of `MLPClassifier`, without ``classes_``.

    Source: ``sklearn.neural_network.MLPRegressor``.

    Example:
        >>> import numpy as np
        >>> from jaxnn.sklearn import MLPRegressor
        >>> X = np.linspace(-1, 1, 100)[:, None]
        >>> model = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0)
        >>> model.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.98
        True
    """

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
        random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
        max_fun=15000, dropout=0.0, l1=0.0, optimizer=None, dtype=None, precision=None,
    ):  # fmt: skip
        self.loss, self.hidden_layer_sizes, self.activation = loss, hidden_layer_sizes, activation
        self.solver, self.alpha, self.batch_size, self.learning_rate = solver, alpha, batch_size, learning_rate
        self.learning_rate_init, self.power_t, self.max_iter = learning_rate_init, power_t, max_iter
        self.shuffle, self.random_state, self.tol, self.verbose = shuffle, random_state, tol, verbose
        self.warm_start, self.momentum, self.nesterovs_momentum = warm_start, momentum, nesterovs_momentum
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.n_iter_no_change, self.max_fun, self.dropout, self.l1 = n_iter_no_change, max_fun, dropout, l1
        self.optimizer, self.dtype, self.precision = optimizer, dtype, precision

    @available_if(stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MLPRegressor":
        """One pass over these rows, on from where it was.

        Args:
            X, y, sample_weight: as in `fit`.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def _targets(self, y: Any, first: bool, incremental: bool) -> np.ndarray:
        if self.loss == "poisson" and not ((y >= 0).all() and y.sum() > 0):
            raise ValueError('loss="poisson" takes values of 0 or more that are not all 0; write loss="squared_error"')
        return super()._targets(y, first, incremental)

    def _kind(self, y: np.ndarray) -> tuple[str, int]:
        return "rates" if self.loss == "poisson" else "values", y.shape[1]

    def _out_activation(self, kind: str) -> str:
        return "exp" if kind == "rates" else "identity"

    def predict(self, X: Any) -> np.ndarray:
        """Values ``(rows,)``, or ``(rows, outputs)`` for several."""
        z = self._outputs(X)
        z = np.exp(z) if self.out_activation_ == "exp" else z
        return z[:, 0] if z.shape[1] == 1 else z
