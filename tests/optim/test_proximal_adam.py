"""Proximal Adam step by step, against its formula written in NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(0)
START = RNG.normal(size=(3, 4))
GRADS = RNG.normal(size=(6, 3, 4))


def in_numpy(rate, l1, l2, b1, b2, eps):
    """Yun, Lozano and Yang, algorithm 1, with the bias corrections of Adam."""
    w, mu, nu = START.copy(), 0.0, 0.0
    for step, g in enumerate(GRADS, 1):
        mu, nu = b1 * mu + (1 - b1) * g, b2 * nu + (1 - b2) * g**2
        metric = np.sqrt(nu / (1 - b2**step)) + eps
        v = w - rate * (mu / (1 - b1**step)) / metric
        threshold = rate * l1 / metric
        w = np.sign(v) * np.maximum(np.abs(v) - threshold, 0) / (1 + 2 * rate * l2 / metric)
    return w


@pytest.mark.parametrize(
    ("l1", "l2", "b1", "b2", "eps"),
    [
        (0.0, 0.0, 0.9, 0.999, 1e-8),
        (0.5, 0.0, 0.9, 0.999, 1e-8),
        (0.2, 0.3, 0.5, 0.9, 1e-2),
        (0.0, 1.0, 0.0, 0.0, 1e-3),
    ],
)
def test_every_step_is_that_of_the_formula(l1, l2, b1, b2, eps):
    optimizer = nn.proximal_adam(0.1, l1, l2, b1, b2, eps)
    params = {"kernel": jnp.asarray(START, jnp.float32), "bias": jnp.asarray(START, jnp.float32)}

    @jax.jit
    def run(params):
        state = optimizer.init(params)
        for g in jnp.asarray(GRADS, jnp.float32):
            updates, state = optimizer.update({"kernel": g, "bias": g}, state, params)
            params = optax.apply_updates(params, updates)
        return params

    after = run(params)
    expected = in_numpy(0.1, l1, l2, b1, b2, eps)
    np.testing.assert_allclose(after["kernel"], expected, rtol=2e-5, atol=1e-6)
    assert ((np.asarray(after["kernel"]) == 0) == (expected == 0)).all(), "the zeros are exact, and where they belong"
    np.testing.assert_allclose(after["bias"], in_numpy(0.1, 0.0, 0.0, b1, b2, eps), rtol=2e-5, atol=1e-6)
