"""Explained variance against scikit-learn."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from jaxnn import metrics
from tests.metrics.rows import HALVES, WEIGHTS

DRAW = np.random.default_rng(1)


def value(metric, outputs, targets, weights=None):
    return float(metric.score(outputs, targets, weights))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("out", [None, 1, 3])
def test_r2_is_scikit_learn_s(out, weights):
    targets = 2 + DRAW.normal(size=(40, out or 1)).astype(np.float32)
    outputs = targets + 0.5 * DRAW.normal(size=targets.shape).astype(np.float32)
    wanted = sk.r2_score(targets, outputs, sample_weight=weights)
    if out is None:
        targets = targets[:, 0]
    assert value(metrics.r2, outputs, targets, weights) == pytest.approx(wanted, rel=1e-4)


@given(hnp.arrays(np.float32, 9, elements=HALVES), hnp.arrays(np.float32, 9, elements=HALVES))
@settings(max_examples=60, deadline=None)
def test_r2_of_any_numbers_is_scikit_learn_s(outputs, targets):
    assume(targets.std() > 0.1)
    assert value(metrics.r2, outputs, targets) == pytest.approx(sk.r2_score(targets, outputs), rel=1e-3, abs=1e-3)
