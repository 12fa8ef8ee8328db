"""Metrics, exact over a whole set whatever its batches and weights are, by name or as functions.

A metric gives something for every row, ``(outputs, targets) -> (batch, ...)``, and says what becomes of the rows: their
weighted mean, mean and variance, or all of them at once. Sample weights, padding and folds so come for free. One's own
are made by `jaxnn.metric`; ``nn.metrics.r2.score(outputs, targets, weight)`` is the value over rows at hand.

===================  ==============================================================================================
of labels            accuracy, binary_accuracy, top_5 (any number), balanced_accuracy, matthews_correlation,
                     cohen_kappa; precision, recall and f1, of two classes, or with _macro, _micro or _weighted behind
of probabilities     log_loss, log_likelihood, brier_score, roc_auc, average_precision
of values            mean_absolute_error, mean_squared_error, root_mean_squared_error, median_absolute_error,
                     mean_absolute_percentage_error, mean_squared_log_error, r2, explained_variance
===================  ==============================================================================================
"""

from jaxnn.core.records import Metric
from jaxnn.metrics.agreement import balanced_accuracy, cohen_kappa, matthews_correlation
from jaxnn.metrics.confusion import (
    confusion_matrix,
    f1,
    f1_macro,
    f1_micro,
    f1_weighted,
    precision,
    precision_macro,
    precision_micro,
    precision_weighted,
    recall,
    recall_macro,
    recall_micro,
    recall_weighted,
)
from jaxnn.metrics.curves import average_precision, roc_auc
from jaxnn.metrics.errors import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_log_error,
    median_absolute_error,
    root_mean_squared_error,
)
from jaxnn.metrics.explained import explained_variance, r2
from jaxnn.metrics.hits import accuracy, binary_accuracy, top_k
from jaxnn.metrics.likelihood import brier_score, log_likelihood, log_loss
from jaxnn.metrics.names import resolve
