"""`TrialClassifier` and `TrialRegressor`: any trial function behind scikit-learn's interface."""

from typing import Any

import numpy as np

from jaxnn.sklearn.any_trial import OfTrial
from jaxnn.sklearn.targets import OfClasses, OfValues
from jaxnn.train.reading import decide


class TrialClassifier(OfClasses, OfTrial):
    """A classifier of any `Trial`, or of a trial function whose hyperparameters are parameters of the estimator.

    ``get_params``, ``set_params`` and searches reach the hyperparameters by their own names. A trial function with an
    argument ``outputs`` gets the number of outputs: of classes, or of labels, or 1 for two classes under a loss of yes
    or no. Targets reach the loss as whole numbers, and rows of several labels as 0 and 1.

    Args:
        trial: a `Trial`, or a function that returns one.
        epochs: passes over the rows at most.
        batch_size: rows of a step; None for all of them.
        validation_fraction: share of the rows that is held out, for ``stop``; or None.
        stop: a `jaxnn.EarlyStopping`, or None.
        shuffle: whether rows are shuffled before each pass.
        random_state: draws weights, orders, the validation part and dropout.
        warm_start: begin from the weights of the fit before.
        verbose: print the loss of each epoch.
        class_weight: ``"balanced"``, or a dict from classes to what their rows weigh.
        dtype: ``"float32"`` or ``"float64"`` to compute in; None for that of ``X``.
        precision: as in `jaxnn.fit`, for rows in float32.
        **hparams: arguments of the trial function.

    Attributes:
        run_: the `jaxnn.Run`.
        classes_, n_features_in_, feature_names_in_, n_iter_: as in scikit-learn.
        history_: curves by metric.

    Example:
        >>> import optax, jaxnn as nn
        >>> from sklearn.datasets import load_iris
        >>> from jaxnn.sklearn import TrialClassifier
        >>> def flowers(lr, outputs):
        ...     return nn.Trial(nn.mlp((8,), out=outputs), "softmax_cross_entropy", optax.adam(lr))
        >>> model = TrialClassifier(flowers, epochs=40, random_state=0, lr=0.03).fit(*load_iris(return_X_y=True))
        >>> model.score(*load_iris(return_X_y=True)) > 0.9, model.get_params()["lr"]
        (True, 0.03)
    """

    def __init__(
        self, trial, *, epochs=10, batch_size=32, validation_fraction=None, stop=None, shuffle=True, random_state=None,
        warm_start=False, verbose=False, class_weight=None, dtype=None, precision=None, **hparams,
    ):  # fmt: skip
        super().__init__(
            trial, epochs=epochs, batch_size=batch_size, validation_fraction=validation_fraction, stop=stop,
            shuffle=shuffle, random_state=random_state, warm_start=warm_start, verbose=verbose, dtype=dtype,
            precision=precision, **hparams,
        )  # fmt: skip
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> "TrialClassifier":
        """One pass over these rows, on from where it was.

        Args:
            X, y, sample_weight: as in `fit`.
            classes: all there will ever be; needed in the first call.
        """
        self._first_classes(y, classes)
        return super().partial_fit(X, y, sample_weight)

    def _outputs_of(self, y: np.ndarray) -> int:
        return y.shape[1] if y.ndim > 1 else max(2, len(self.classes_))

    def decision_function(self, X: Any) -> np.ndarray:
        """Logits: ``(rows,)`` for two classes, else ``(rows, classes)``."""
        z = self._raw(X)
        if len(self.classes_) > 2 or self._several or z.ndim == 1:
            return z
        return z[:, 0] if z.shape[1] == 1 else z[:, 1] - z[:, 0]

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Logarithms of `predict_proba`."""
        return self._log_proba(self._raw(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities ``(rows, classes)`` in the order of ``classes_``; of each label, where rows have several."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """Classes ``(rows,)``, or 0 and 1 for each label."""
        z = self._raw(X)
        return self._names(z)


class TrialRegressor(OfValues, OfTrial):
    """A regressor of any `Trial`, or of a trial function whose hyperparameters are parameters of the estimator.

    Args:
        trial: as in `TrialClassifier`; a trial function with an argument ``outputs`` gets how many targets a row has.
        epochs, batch_size, validation_fraction, stop, shuffle, random_state: as in `TrialClassifier`.
        warm_start, verbose, dtype, precision: as in `TrialClassifier`.
        **hparams: arguments of the trial function.

    Attributes:
        run_, n_features_in_, feature_names_in_, n_iter_, history_: as in `TrialClassifier`.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> from jaxnn.sklearn import TrialRegressor
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> model = TrialRegressor(line, epochs=100, lr=0.3).fit(x, 3 * x[:, 0] + 1)
        >>> model.predict(np.array([[2.0]])).round(2).tolist()
        [7.0]
    """

    def __init__(
        self, trial, *, epochs=10, batch_size=32, validation_fraction=None, stop=None, shuffle=True, random_state=None,
        warm_start=False, verbose=False, dtype=None, precision=None, **hparams,
    ):  # fmt: skip
        super().__init__(
            trial, epochs=epochs, batch_size=batch_size, validation_fraction=validation_fraction, stop=stop,
            shuffle=shuffle, random_state=random_state, warm_start=warm_start, verbose=verbose, dtype=dtype,
            precision=precision, **hparams,
        )  # fmt: skip

    def _batch(self, data: Any) -> Any:
        data = super()._batch(data)
        return data._replace(y=data.y[:, 0].astype(data.x.dtype)) if data.y.shape[1] == 1 else data

    def _outputs_of(self, y: np.ndarray) -> int:
        return y.shape[1]

    def predict(self, X: Any) -> np.ndarray:
        """Values ``(rows,)``, or ``(rows, outputs)`` for several."""
        z = self._raw(X)
        found = np.asarray(decide(self.run_.model.task, z))
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found
