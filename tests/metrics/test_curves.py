"""Areas under curves: ties, weights, scores that are no numbers, classes that are missing."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from jaxnn import metrics

AREAS = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}
SMALL = st.integers(-2, 2).map(lambda n: n / 2)


@pytest.mark.parametrize("name", AREAS)
@given(
    hnp.arrays(np.float32, 12, elements=SMALL), hnp.arrays(np.int64, 12, elements=st.integers(0, 1)),
    hnp.arrays(np.float32, 12, elements=st.integers(0, 3)),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_ties_and_weights_are_those_of_scikit_learn(name, scores, labels, weight):
    assume(weight[labels == 1].sum() > 0 and weight[labels == 0].sum() > 0)
    wanted = AREAS[name](labels, scores, sample_weight=weight)
    assert float(metrics.resolve(name).score(scores, labels, weight)) == pytest.approx(wanted, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("name", AREAS)
def test_no_number_among_the_scores_is_told(name):
    record = metrics.resolve(name)
    scores, labels = np.float32([np.nan, 0.2, 0.9, 0.1]), np.array([1, 0, 1, 0])
    assert np.isnan(record.score(scores, labels))
    assert float(record.score(scores, labels, np.array([0.0, 1, 1, 1]))) == 1.0


def test_a_class_without_rows_has_no_roc_curve():
    scores = np.float32([0.3, 0.2, 0.9])
    assert np.isnan(metrics.roc_auc.score(scores, np.ones(3))) and np.isnan(metrics.roc_auc.score(scores, np.zeros(3)))
    assert float(metrics.average_precision.score(scores, np.zeros(3))) == 0


def test_a_hundred_thousand_rows_keep_their_digits():
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 2, 100_000)
    scores = (labels + 2 * draw.normal(size=100_000)).astype(np.float32)
    for name, theirs in AREAS.items():
        assert float(metrics.resolve(name).score(scores, labels)) == pytest.approx(theirs(labels, scores), rel=1e-5)


def test_members_side_by_side_are_each_alone():
    draw = np.random.default_rng(0)
    scores, labels = draw.integers(0, 4, (3, 20)).astype(np.float32), draw.integers(0, 2, 20)
    many = jax.vmap(lambda s: metrics.roc_auc.score(s, jnp.asarray(labels)))(scores)
    np.testing.assert_allclose(many, [sk.roc_auc_score(labels, s) for s in scores], rtol=1e-6)


@pytest.mark.parametrize("name", AREAS)
def test_time_steps_are_refused(name):
    with pytest.raises(ValueError, match="is of one label a row, got outputs"):
        metrics.resolve(name).score(np.zeros((2, 3, 4), np.float32), np.zeros((2, 3), int))
