"""Errors against scikit-learn."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from jaxnn import losses

DRAW = np.random.default_rng(0)
LOGITS, LABELS = 3 * DRAW.normal(size=(7, 4)).astype(np.float32), DRAW.integers(0, 4, 7)
SCORES, BINARY = 3 * DRAW.normal(size=7).astype(np.float32), np.array([0, 1, 1, 0, 1, 0, 0])
OUTPUTS, TARGETS = DRAW.normal(size=(7, 3)).astype(np.float32), DRAW.normal(size=(7, 3)).astype(np.float32)
WIDTHS = st.integers(-300, 300).map(lambda n: n / 10)
ROWS = hnp.arrays(np.float32, (5, 3), elements=WIDTHS)


def test_errors_are_those_of_scikit_learn():
    pair = jnp.asarray(OUTPUTS), jnp.asarray(TARGETS)
    assert losses.squared_error(*pair).mean() == pytest.approx(sk.mean_squared_error(TARGETS, OUTPUTS), rel=1e-6)
    assert losses.absolute_error(*pair).mean() == pytest.approx(sk.mean_absolute_error(TARGETS, OUTPUTS), rel=1e-6)
    half = sk.mean_squared_error(TARGETS, OUTPUTS) * 3 / 2
    assert losses.half_squared_error(*pair).mean() == pytest.approx(half, rel=1e-6)
