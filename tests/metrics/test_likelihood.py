"""Likelihoods against statsmodels and scikit-learn."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st

from jaxnn import losses, metrics

DRAW = np.random.default_rng(0)
LOGITS, LABELS = DRAW.normal(size=(40, 5)).astype(np.float32), DRAW.integers(0, 5, 40)
SCORES, BINARY = DRAW.normal(size=40).astype(np.float32), DRAW.integers(0, 2, 40)
WEIGHTS = DRAW.uniform(0, 2, 40).astype(np.float32)
HALVES = st.integers(-8, 8).map(lambda n: n / 2)


def value(metric, outputs, targets, weights=None):
    return float(metric.score(outputs, targets, weights))


def test_log_likelihood_is_that_of_statsmodels():
    import statsmodels.api as sm

    fitted = sm.Logit(BINARY, sm.add_constant(SCORES)).fit(disp=False)
    logits = sm.add_constant(SCORES) @ fitted.params
    rows = metrics.log_likelihood(jnp.asarray(logits, jnp.float32)[:, None], jnp.asarray(BINARY))
    assert float(rows.sum()) == pytest.approx(fitted.llf, rel=1e-5)
    many = metrics.log_likelihood(jnp.asarray(LOGITS), jnp.asarray(LABELS))
    np.testing.assert_allclose(many, -losses.softmax_cross_entropy(jnp.asarray(LOGITS), LABELS), rtol=1e-6)
