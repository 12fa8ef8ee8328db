"""Accuracy and its like against scikit-learn."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from jaxnn import metrics
from tests.metrics.rows import BINARY, HALVES, LABELS, LOGITS, SCORES, WEIGHTS

DRAW = np.random.default_rng(1)


def value(metric, outputs, targets, weights=None):
    return float(metric.score(outputs, targets, weights))


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_accuracy_is_scikit_learn_s(weights):
    wanted = sk.accuracy_score(LABELS, LOGITS.argmax(1), sample_weight=weights)
    assert value(metrics.accuracy, LOGITS, LABELS, weights) == pytest.approx(wanted, rel=1e-6)
    for outputs in (SCORES, SCORES[:, None]):
        for labels in (BINARY, 2 * BINARY - 1, BINARY.astype(np.float32)):
            wanted = sk.accuracy_score(BINARY, SCORES > 0, sample_weight=weights)
            assert value(metrics.accuracy, outputs, labels, weights) == pytest.approx(wanted, rel=1e-6)


def test_accuracy_of_probabilities_goes_by_the_largest():
    chances = DRAW.dirichlet(np.ones(5), 40).astype(np.float32)
    assert value(metrics.accuracy, LOGITS, chances) == pytest.approx((LOGITS.argmax(1) == chances.argmax(1)).mean())


def test_accuracy_over_time_is_the_mean_over_it():
    outputs, labels = LOGITS.reshape(8, 5, 5), LABELS.reshape(8, 5)
    rows = metrics.accuracy(jnp.asarray(outputs), jnp.asarray(labels))
    np.testing.assert_allclose(rows, (outputs.argmax(-1) == labels).mean(1), rtol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 4, 5, 9])
@pytest.mark.filterwarnings("ignore:'k'.*greater than or equal:sklearn.exceptions.UndefinedMetricWarning")
def test_top_k_is_scikit_learn_s(k):
    wanted = sk.top_k_accuracy_score(LABELS, LOGITS, k=k, labels=range(5))
    assert value(metrics.top_k(k), LOGITS, LABELS) == pytest.approx(wanted)


@given(hnp.arrays(np.float32, (6, 4), elements=HALVES), st.lists(st.integers(0, 3), min_size=6, max_size=6))
@settings(max_examples=60, deadline=None)
def test_top_1_is_accuracy_even_in_ties(logits, labels):
    pair = jnp.asarray(logits), jnp.asarray(labels)
    np.testing.assert_array_equal(metrics.top_k(1)(*pair), metrics.accuracy(*pair))


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_top_k_takes_whole_numbers_of_at_least_one(k):
    with pytest.raises(ValueError, match=r"k must be a whole number of at least 1, got .*; write top_k\(5\)"):
        metrics.top_k(k)


def test_several_labels_at_every_step_are_all_right_or_not():
    scores = np.random.default_rng(0).normal(size=(5, 4, 3)).astype(np.float32)  # (batch, time, labels)
    yes = (scores > 0).astype(np.int32)
    yes[0, 1, 2] = 1 - yes[0, 1, 2]
    yes[3, 0] = 1 - yes[3, 0]
    rows = zip(yes, scores > 0, strict=True)
    right = [np.mean([sk.accuracy_score([y], [p]) for y, p in zip(*row, strict=True)]) for row in rows]
    assert right == [0.75, 1, 1, 0.75, 1]
    np.testing.assert_allclose(metrics.accuracy(scores, jnp.asarray(yes)), right)
    each = ((scores > 0) == yes).mean((1, 2))
    np.testing.assert_allclose(metrics.binary_accuracy(scores, jnp.asarray(yes)), each, rtol=1e-6)
