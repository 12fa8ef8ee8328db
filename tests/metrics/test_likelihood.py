"""Likelihoods against statsmodels and scikit-learn."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn import losses, metrics
from tests.metrics.rows import BINARY, LABELS, LOGITS, SCORES


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
