"""Targets as numbers: class names of any kind, several labels a row, values."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from jaxnn.core.types import Batch
from jaxnn.sklearn.estimator import Trainable
from jaxnn.train.reading import log_probabilities


class OfClasses(ClassifierMixin, Trainable):
    """The part of a classifier that has to do with classes: numbers for names, weights, and names for outputs."""

    class_weight: Any

    def _targets(self, y: Any, first: bool, incremental: bool) -> np.ndarray:
        """Class numbers ``(rows,)`` int32; where rows have several labels 0 and 1, ``(rows, labels)``."""
        check_classification_targets(y)
        several = type_of_target(y) == "multilabel-indicator"
        y = y.toarray() if hasattr(y, "toarray") else np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y, several = column_or_1d(y, warn=True), False
        if y.ndim == 2 and not several:
            raise ValueError("rows have several targets of several classes each; fit one classifier for each column")
        if first and not incremental:
            self._several = several
            self.classes_ = np.arange(y.shape[1]) if several else np.unique(y)
        elif several != self._several or (several and y.shape[1] != len(self.classes_)):
            raise ValueError(f"y had the {len(self.classes_)} classes {self.classes_} and is of another shape now")
        elif not several:
            self._check_classes(np.unique(y), incremental)
        return y.astype(np.int32) if several else np.searchsorted(self.classes_, y).astype(np.int32)

    def _check_classes(self, found: np.ndarray, incremental: bool) -> None:
        if not incremental and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {found}"
            )
        if not set(found) <= set(self.classes_):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {found}."
            )

    def _first_classes(self, y: Any, classes: Any) -> None:
        """What the first of several calls of ``partial_fit`` says of the classes."""
        known = getattr(self, "classes_", None)
        if known is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit; write classes=np.unique(y)")
        if known is not None and classes is not None and not np.array_equal(known, unique_labels(classes)):
            raise ValueError(f"classes={classes!r} is not the same as on the last call to partial_fit, {known!r}")
        if known is None:
            self._several = type_of_target(y) == "multilabel-indicator"
            self.classes_ = np.arange(np.shape(y)[1]) if self._several else unique_labels(classes)

    def _weights(self, data: Batch, rows: np.ndarray) -> Any:
        if self.class_weight is not None:
            if self._several:
                raise ValueError("class_weight weighs rows by their one class, and these have several; write None")
            found = np.ones(len(data.x), data.x.dtype) if data.weight is None else data.weight.copy()
            found[rows] *= compute_sample_weight(self.class_weight, self.classes_[data.y[rows]])
            data = data._replace(weight=found)
        return super()._weights(data, rows)

    def _log_proba(self, z: np.ndarray) -> np.ndarray:
        """Of logits: ``(rows, classes)`` of classes, ``(rows, 1)`` or ``(rows,)`` of yes or no."""
        if self._several or (z.ndim == 2 and z.shape[1] > 1):
            labels = log_probabilities("binary", np.repeat(z, 2, 1), "")[:, ::2] if self._several else None
            return log_probabilities("classes", z, "") if labels is None else labels
        both = log_probabilities("binary", z, "")
        return both if len(self.classes_) == 2 else np.zeros((len(z), 1), z.dtype)

    def _names(self, z: np.ndarray) -> np.ndarray:
        """Predictions of logits."""
        if self._several:
            return (z > 0).astype(int)
        best = z.argmax(1) if z.ndim == 2 and z.shape[1] > 1 else (z.reshape(-1) > 0).astype(int)
        return self.classes_[np.minimum(best, len(self.classes_) - 1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class OfValues(RegressorMixin, Trainable):
    """The part of a regressor that has to do with its targets."""

    def _targets(self, y: Any, first: bool, incremental: bool) -> np.ndarray:
        """Values ``(rows, outputs)``."""
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else np.asarray(y)
        targets = y.reshape(len(y), -1)
        if first:
            self.n_outputs_ = targets.shape[1]
        elif targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y has {targets.shape[1]} outputs and had {self.n_outputs_}; write a fresh fit")
        return targets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
