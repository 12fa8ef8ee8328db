"""Errors against scikit-learn."""

import pytest
from sklearn import metrics as sk

from jaxnn import metrics
from tests.metrics.rows import LOGITS, WEIGHTS


def value(metric, outputs, targets, weights=None):
    return float(metric.score(outputs, targets, weights))


def test_errors_are_scikit_learn_s():
    for metric, theirs in ((metrics.mean_absolute_error, sk.mean_absolute_error),
                           (metrics.mean_squared_error, sk.mean_squared_error)):  # fmt: skip
        wanted = theirs(LOGITS, LOGITS[::-1], sample_weight=WEIGHTS)
        assert value(metric, LOGITS[::-1], LOGITS, WEIGHTS) == pytest.approx(wanted, rel=1e-5)
