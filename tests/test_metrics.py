import functools

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from jaxnn import losses, metrics

DRAW = np.random.default_rng(0)
LOGITS, LABELS = DRAW.normal(size=(40, 5)).astype(np.float32), DRAW.integers(0, 5, 40)
SCORES, BINARY = DRAW.normal(size=40).astype(np.float32), DRAW.integers(0, 2, 40)
WEIGHTS = DRAW.uniform(0, 2, 40).astype(np.float32)
HALVES = st.integers(-8, 8).map(lambda n: n / 2)


def value(metric, outputs, targets, weights=None):
    rows = np.asarray(metric(jnp.asarray(outputs), jnp.asarray(targets)), np.float64)
    return float(metrics.finish(metric, jnp.asarray(np.average(rows, 0, weights), jnp.float32)))


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


def test_errors_are_scikit_learn_s():
    for metric, theirs in ((metrics.mean_absolute_error, sk.mean_absolute_error),
                           (metrics.mean_squared_error, sk.mean_squared_error)):  # fmt: skip
        wanted = theirs(LOGITS, LOGITS[::-1], sample_weight=WEIGHTS)
        assert value(metric, LOGITS[::-1], LOGITS, WEIGHTS) == pytest.approx(wanted, rel=1e-5)


def test_log_likelihood_is_that_of_statsmodels():
    import statsmodels.api as sm

    fitted = sm.Logit(BINARY, sm.add_constant(SCORES)).fit(disp=False)
    logits = sm.add_constant(SCORES) @ fitted.params
    rows = metrics.log_likelihood(jnp.asarray(logits, jnp.float32)[:, None], jnp.asarray(BINARY))
    assert float(rows.sum()) == pytest.approx(fitted.llf, rel=1e-5)
    many = metrics.log_likelihood(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    np.testing.assert_allclose(many, -losses.softmax_cross_entropy(jnp.asarray(LOGITS), LABELS), rtol=1e-6)


def test_names():
    assert metrics.resolve("accuracy") == ("accuracy", metrics.accuracy)
    assert metrics.resolve("top_3") == ("top_3", metrics.top_k(3))
    assert metrics.resolve("hinge") == ("hinge", losses.hinge)
    assert metrics.resolve(metrics.top_k(3))[0] == "top_3"
    assert metrics.resolve(functools.partial(losses.huber, delta=2.0))[0] == "huber"


@pytest.mark.parametrize("name", ["acc", "top_", "top_0", "top_x", "top_-1"])
def test_an_unknown_name_is_told_with_those_there_are(name):
    with pytest.raises(
        ValueError, match=f"no metric is named '{name}'; choose one of accuracy, .*, or pass a function"
    ):
        metrics.resolve(name)


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_top_k_takes_whole_numbers_of_at_least_one(k):
    with pytest.raises(ValueError, match=r"k must be a whole number of at least 1, got .*; write top_k\(5\)"):
        metrics.top_k(k)
