"""Errors against scikit-learn."""

import numpy as np
import pytest
from hypothesis import strategies as st
from sklearn import metrics as sk

from jaxnn import metrics

DRAW = np.random.default_rng(0)
LOGITS, LABELS = DRAW.normal(size=(40, 5)).astype(np.float32), DRAW.integers(0, 5, 40)
SCORES, BINARY = DRAW.normal(size=40).astype(np.float32), DRAW.integers(0, 2, 40)
WEIGHTS = DRAW.uniform(0, 2, 40).astype(np.float32)
HALVES = st.integers(-8, 8).map(lambda n: n / 2)


def value(metric, outputs, targets, weights=None):
    return float(metric.score(outputs, targets, weights))


def test_errors_are_scikit_learn_s():
    for metric, theirs in ((metrics.mean_absolute_error, sk.mean_absolute_error),
                           (metrics.mean_squared_error, sk.mean_squared_error)):  # fmt: skip
        wanted = theirs(LOGITS, LOGITS[::-1], sample_weight=WEIGHTS)
        assert value(metric, LOGITS[::-1], LOGITS, WEIGHTS) == pytest.approx(wanted, rel=1e-5)
