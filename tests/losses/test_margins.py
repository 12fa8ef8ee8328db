"""Losses of signs against scikit-learn and Optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn import metrics as sk

from jaxnn import losses
from tests.losses.rows import BINARY, SCORES


@pytest.mark.parametrize("labels", [BINARY, 2 * BINARY - 1, BINARY.astype(bool), BINARY.astype(np.float32)], ids=str)
def test_hinge_is_scikit_learn_s_for_every_way_to_write_two_classes(labels):
    ours = losses.hinge(jnp.asarray(SCORES), jnp.asarray(labels))
    assert ours.mean() == pytest.approx(sk.hinge_loss(BINARY, SCORES), rel=1e-6)
    perceptron = losses.perceptron(jnp.asarray(SCORES)[:, None], jnp.asarray(labels))
    np.testing.assert_allclose(perceptron, np.maximum(0, -(2 * BINARY - 1) * SCORES), rtol=1e-6)


def test_perceptron_is_optax_s_away_from_the_boundary_and_pulls_fully_on_it():
    signs = jnp.asarray(2 * BINARY - 1, jnp.float32)
    np.testing.assert_allclose(
        losses.perceptron(jnp.asarray(SCORES), signs),
        optax.losses.perceptron_loss(jnp.asarray(SCORES), signs),
        rtol=1e-6,
    )
    pull = jax.grad(lambda s: losses.perceptron(s, jnp.array([1, 0])).sum())(jnp.zeros(2))
    assert pull.tolist() == [-1.0, 1.0]
