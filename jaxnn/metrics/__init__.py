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

from jaxnn.core.records import Metric as Metric
from jaxnn.metrics.agreement import balanced_accuracy as balanced_accuracy
from jaxnn.metrics.agreement import cohen_kappa as cohen_kappa
from jaxnn.metrics.agreement import matthews_correlation as matthews_correlation
from jaxnn.metrics.confusion import confusion_matrix as confusion_matrix
from jaxnn.metrics.confusion import f1 as f1
from jaxnn.metrics.confusion import f1_macro as f1_macro
from jaxnn.metrics.confusion import f1_micro as f1_micro
from jaxnn.metrics.confusion import f1_weighted as f1_weighted
from jaxnn.metrics.confusion import precision as precision
from jaxnn.metrics.confusion import precision_macro as precision_macro
from jaxnn.metrics.confusion import precision_micro as precision_micro
from jaxnn.metrics.confusion import precision_weighted as precision_weighted
from jaxnn.metrics.confusion import recall as recall
from jaxnn.metrics.confusion import recall_macro as recall_macro
from jaxnn.metrics.confusion import recall_micro as recall_micro
from jaxnn.metrics.confusion import recall_weighted as recall_weighted
from jaxnn.metrics.curves import average_precision as average_precision
from jaxnn.metrics.curves import roc_auc as roc_auc
from jaxnn.metrics.errors import mean_absolute_error as mean_absolute_error
from jaxnn.metrics.errors import mean_absolute_percentage_error as mean_absolute_percentage_error
from jaxnn.metrics.errors import mean_squared_error as mean_squared_error
from jaxnn.metrics.errors import mean_squared_log_error as mean_squared_log_error
from jaxnn.metrics.errors import median_absolute_error as median_absolute_error
from jaxnn.metrics.errors import root_mean_squared_error as root_mean_squared_error
from jaxnn.metrics.explained import explained_variance as explained_variance
from jaxnn.metrics.explained import r2 as r2
from jaxnn.metrics.hits import accuracy as accuracy
from jaxnn.metrics.hits import binary_accuracy as binary_accuracy
from jaxnn.metrics.hits import top_k as top_k
from jaxnn.metrics.likelihood import brier_score as brier_score
from jaxnn.metrics.likelihood import log_likelihood as log_likelihood
from jaxnn.metrics.likelihood import log_loss as log_loss
from jaxnn.metrics.names import resolve as resolve
