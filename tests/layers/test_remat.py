"""Rematerialised layers against the layers alone: values, states and gradients, and what is kept."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
LAYER = nn.Sequential(nn.Dense(8, "tanh"), nn.BatchNorm(momentum=0.5), nn.Dropout(0.3), nn.Dense(2))


def loss(layer):
    def of(params, state, x):
        y, after = layer.apply(params, state, x, key=KEY, train=True, rows=np.arange(6) < 5)
        return (y[:5] ** 2).sum(), after

    return of


@pytest.mark.parametrize("policy", ["full", "dots"])
def test_value_state_and_gradient_are_those_of_the_layer(policy):
    with jax.enable_x64(True):
        params, state, x = jax.tree.map(lambda a: np.asarray(a, np.float64), (*LAYER.init(KEY, X), X))
        found = [jax.jit(jax.value_and_grad(loss(layer), (0, 2), has_aux=True))(params, state, x)
                 for layer in (LAYER, nn.Remat(LAYER, policy))]  # fmt: skip
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), *found)


def kept(layer, x):
    """How many numbers that are no inputs wait for the backward pass."""
    params, state = layer.init(KEY, x)
    _, back = jax.eval_shape(lambda p, x: jax.vjp(lambda p, x: layer.apply(p, state, x)[0], p, x), params, x)
    whole = sum(a.size for a in jax.tree.leaves(back))
    return whole - sum(a.size for a in jax.tree.leaves((params, x)))


def test_a_policy_tells_what_waits_for_the_backward_pass():
    layer = nn.Sequential(nn.Dense(32, "gelu"), nn.Dense(32, "gelu"), nn.Dense(32, "gelu"))
    x = jnp.ones((16, 32))
    plain, dots, full = (kept(each, x) for each in (layer, nn.Remat(layer, "dots"), nn.Remat(layer)))
    assert full <= 0 < dots <= 3 * 16 * 32 < plain


def test_names_and_parameters_are_those_without_it():
    plain, other = (nn.gpt(5, 4, 8, 2, 2, remat=remat) for remat in (None, "full"))
    ids = jnp.array([[1, 2, 3]])
    one, two = (model.init(KEY, ids)[0] for model in (plain, other))
    jax.tree.map(np.testing.assert_array_equal, one, two)
    values = [jax.jit(lambda p, m=model: m.apply(p, {}, ids)[0])(one) for model in (plain, other)]
    np.testing.assert_allclose(*values, rtol=1e-6)


def test_hyperparameters_inside_stay_traced():
    params, state = LAYER.init(KEY, X)

    @jax.jit
    def at(rate):
        layer = nn.Remat(nn.Sequential(nn.Dense(8, "tanh"), nn.BatchNorm(momentum=0.5), nn.Dropout(rate), nn.Dense(2)))
        return jax.grad(lambda p: loss(layer)(p, state, X)[0])(params)

    for rate in (0.3, 0.6):
        alone = nn.Sequential(nn.Dense(8, "tanh"), nn.BatchNorm(momentum=0.5), nn.Dropout(rate), nn.Dense(2))
        expected = jax.grad(lambda p, layer=alone: loss(layer)(p, state, X)[0])(params)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), at(rate), expected)
    assert at._cache_size() == 1


def test_what_is_no_policy_or_no_layer_is_told():
    with pytest.raises(ValueError, match="policy must be one of 'full', 'dots', got 'all'; write Remat"):
        nn.Remat(nn.Dense(2), "all")
    with pytest.raises(TypeError, match="takes layers"):
        nn.Remat(nn.Dense)
    with pytest.raises(ValueError, match="remat must be one of 'full', 'dots', got True; write gpt"):
        nn.gpt(5, 4, 8, 2, 2, remat=True)
