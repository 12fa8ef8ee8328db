"""`MLPClassifier`: scikit-learn's classifier, trained by this package."""

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if

from jaxnn.sklearn.mlp import BaseMLP
from jaxnn.sklearn.targets import OfClasses


def stochastic(estimator: Any) -> bool:
    """Whether it has ``partial_fit``: L-BFGS sees all rows at once."""
    if estimator.solver == "lbfgs":
        raise AttributeError('partial_fit goes step by step, and lbfgs does not; write solver="adam"')
    return True


class MLPClassifier(OfClasses, BaseMLP):
    """A fully connected network for classes, with the parameters, the meaning and the numbers of scikit-learn's.

    With the same ``random_state`` it draws the same weights and sees the rows in the same order as
    ``sklearn.neural_network.MLPClassifier``, so that the two agree but for rounding, and stop at the same iteration.
    It minimises the mean cross-entropy and ``(alpha / 2 sum w^2 + l1 sum |w|) / n`` over the ``n`` rows of a step.

    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: ``"relu"``, ``"tanh"``, ``"logistic"``, ``"identity"``, or any other of `jaxnn.activations`.
        solver: ``"adam"``, ``"sgd"`` or ``"lbfgs"``.
        alpha: strength of the penalty of squares.
        batch_size: rows of a step; ``"auto"`` for ``min(200, rows)``.
        learning_rate: ``"constant"``, ``"invscaling"`` or ``"adaptive"``, of ``"sgd"``.
        learning_rate_init, power_t: the learning rate at first, and the exponent of ``"invscaling"``.
        max_iter: passes over the rows at most; steps of L-BFGS.
        shuffle: whether rows are shuffled before each pass.
        random_state: draws weights, orders, the validation part and dropout.
        tol: by how much the loss or the score must improve, in ``n_iter_no_change`` iterations.
        verbose: print the loss of each iteration.
        warm_start: go on from the weights of the fit before.
        momentum, nesterovs_momentum: of ``"sgd"``.
        early_stopping: hold rows out, and keep the weights of the best accuracy on them.
        validation_fraction: share of the rows that is held out.
        beta_1, beta_2, epsilon: of ``"adam"``.
        n_iter_no_change: iterations without improvement before the end.
        max_fun: evaluations of the objective by L-BFGS at most.
        dropout: drop rate after each hidden layer.
        l1: strength of the penalty of absolute values.
        class_weight: ``"balanced"``, or a dict from classes to what their rows weigh.
        optimizer: from a learning rate to a transformation of Optax, like ``optax.lion``, in the place of ``solver``.
        dtype: ``"float32"`` or ``"float64"`` to compute in; None for that of ``X``, as in scikit-learn. float32 is
            twice as fast on a CPU, and more on a GPU.
        precision: of the training, as in `jaxnn.fit`: ``"bfloat16"``, say, of rows in float32; None for what the
            platform does by itself.

    Attributes:
        classes_, n_features_in_, feature_names_in_, coefs_, intercepts_, n_layers_, n_outputs_, out_activation_, loss_,
        loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_iter_, t_: as in scikit-learn.
        validation_loss_curve_: the loss of the held-out rows under early stopping.

    Source: ``sklearn.neural_network.MLPClassifier``.

    Example:
        >>> from sklearn.datasets import make_moons
        >>> from jaxnn.sklearn import MLPClassifier
        >>> X, y = make_moons(200, noise=0.1, random_state=0)
        >>> model = MLPClassifier((16,), learning_rate_init=0.1, max_iter=60, random_state=0, tol=1e-2).fit(X, y)
        >>> model.score(X, y) > 0.9, model.predict_proba(X[:1]).shape
        (True, (1, 2))
    """

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size="auto",
        learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
        random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
        max_fun=15000, dropout=0.0, l1=0.0, class_weight=None, optimizer=None, dtype=None, precision=None,
    ):  # fmt: skip
        self.hidden_layer_sizes, self.activation, self.solver, self.alpha = (
            hidden_layer_sizes,
            activation,
            solver,
            alpha,
        )
        self.batch_size, self.learning_rate, self.learning_rate_init = batch_size, learning_rate, learning_rate_init
        self.power_t, self.max_iter, self.shuffle, self.random_state = power_t, max_iter, shuffle, random_state
        self.tol, self.verbose, self.warm_start, self.momentum = tol, verbose, warm_start, momentum
        self.nesterovs_momentum, self.early_stopping = nesterovs_momentum, early_stopping
        self.validation_fraction, self.beta_1, self.beta_2, self.epsilon = validation_fraction, beta_1, beta_2, epsilon
        self.n_iter_no_change, self.max_fun, self.dropout, self.l1 = n_iter_no_change, max_fun, dropout, l1
        self.class_weight, self.optimizer, self.dtype, self.precision = class_weight, optimizer, dtype, precision

    @available_if(stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "MLPClassifier":
        """One pass over these rows, on from where it was.

        Args:
            X, y, sample_weight: as in `fit`.
            classes: all there will ever be; needed in the first call.
        """
        self._first_classes(y, classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def _kind(self, y: np.ndarray) -> tuple[str, int]:
        """What the outputs are, and how many."""
        if self._several:
            return "binary", y.shape[1]
        return ("multiclass", len(self.classes_)) if len(self.classes_) > 2 else ("binary", 1)

    def _out_activation(self, kind: str) -> str:
        return "softmax" if kind == "multiclass" else "logistic"

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits: ``(rows,)`` for two classes, else ``(rows, classes)``."""
        z = self._outputs(X)
        return z[:, 0] if z.shape[1] == 1 and not self._several else z

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`, finite where a probability is too small for a float."""
        return self._log_proba(self._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities ``(rows, classes)`` in the order of ``classes_``; of each label, where rows have several."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Classes ``(rows,)``, or 0 and 1 for each label."""
        z = self._outputs(X)
        return self._names(z)
