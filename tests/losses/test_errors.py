"""Errors against scikit-learn."""

import jax.numpy as jnp
import pytest
from sklearn import metrics as sk

from jaxnn import losses
from tests.losses.rows import OUTPUTS, TARGETS


def test_errors_are_those_of_scikit_learn():
    pair = jnp.asarray(OUTPUTS), jnp.asarray(TARGETS)
    assert losses.squared_error(*pair).mean() == pytest.approx(sk.mean_squared_error(TARGETS, OUTPUTS), rel=1e-6)
    assert losses.absolute_error(*pair).mean() == pytest.approx(sk.mean_absolute_error(TARGETS, OUTPUTS), rel=1e-6)
    half = sk.mean_squared_error(TARGETS, OUTPUTS) * 3 / 2
    assert losses.half_squared_error(*pair).mean() == pytest.approx(half, rel=1e-6)
