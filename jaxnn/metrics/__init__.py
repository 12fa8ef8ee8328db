"""Metrics, exact over a whole set whatever its batches and weights are, by name or as functions.

A metric gives something for every row, ``(outputs, targets) -> (batch, ...)``, and says what becomes of the rows: their
weighted mean, mean and variance, or all of them at once. Sample weights, padding and folds so come for free.
"""

from jaxnn.core.records import Metric
from jaxnn.metrics.errors import mean_absolute_error, mean_squared_error
from jaxnn.metrics.explained import r2
from jaxnn.metrics.hits import accuracy, binary_accuracy, top_k
from jaxnn.metrics.likelihood import log_likelihood
from jaxnn.metrics.names import resolve
