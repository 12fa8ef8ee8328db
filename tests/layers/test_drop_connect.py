import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

import jaxnn as nn
from jaxnn.core.checks import SpecError

KEY = jax.random.key(2, impl="threefry2x32")
X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)


def train(layer, params, state, x=X, key=KEY):
    return layer.apply(params, state, jnp.asarray(x), key=key, train=True)


def seen(layer, params, key=KEY):
    """The kernel under its mask: what the layer makes of the unit vectors, without the bias."""
    bare = {"dense_0": {**params["dense_0"], "bias": jnp.zeros_like(params["dense_0"]["bias"])}}
    return np.asarray(train(layer, bare, {}, np.eye(params["dense_0"]["kernel"].shape[0], dtype=np.float32), key)[0])


@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_weights_are_dropped_with_the_rate_and_the_rest_is_scaled(rate):
    layer = nn.DropConnect(nn.Dense(60), rate)
    params, _ = layer.init(KEY, jnp.ones((1, 50)))
    kernel, found = np.asarray(params["dense_0"]["kernel"]), seen(layer, params)
    whole = np.isclose(found, kernel / (1 - rate), rtol=1e-5)
    assert (whole | (found == 0)).all()
    assert stats.binomtest(int((found == 0).sum()), found.size, rate).pvalue > 1e-3


def test_one_mask_serves_all_rows_and_the_bias_is_whole():
    layer = nn.DropConnect(nn.Dense(3, bias_init="ones"), 0.5)
    params, state = layer.init(KEY, jnp.asarray(X))
    y, _ = train(layer, params, state)
    np.testing.assert_allclose(y, X @ seen(layer, params) + 1, rtol=1e-5, atol=1e-6)


def test_the_mean_over_masks_is_the_layer_in_use():
    layer = nn.DropConnect(nn.Dense(3), 0.5)
    params, state = layer.init(KEY, jnp.asarray(X))
    many = jax.jit(jax.vmap(lambda k: train(layer, params, state, X, k)[0]))(jax.random.split(KEY, 20_000))
    kernel, bias = (np.asarray(params["dense_0"][name]) for name in ("kernel", "bias"))
    error = np.sqrt((X**2) @ kernel**2 / 20_000)
    assert (np.abs(np.asarray(many).mean(0) - (X @ kernel + bias)) < 4.5 * error).all()
    np.testing.assert_allclose(layer.apply(params, state, X)[0], X @ kernel + bias, rtol=1e-5, atol=1e-6)


def test_only_the_leaves_that_are_named_are_dropped_each_under_a_mask_of_its_own():
    layer = nn.DropConnect(nn.Sequential(nn.Dense(4, kernel_init="ones"), nn.Dense(4, kernel_init="ones")), 0.5)
    params, state = layer.init(KEY, jnp.asarray(X))
    first, second = (f"dense_{i}/kernel" for i in (0, 1))
    dropped = {
        name: nn.DropConnect(layer.layer, 0.5, name)._dropped(KEY, params["sequential_0"]) for name in (first, second)
    }
    for name, other in ((first, "dense_1"), (second, "dense_0")):
        assert (np.asarray(dropped[name][name[:7]]["kernel"]) == 0).any()
        np.testing.assert_array_equal(dropped[name][other]["kernel"], np.ones((4, 4)))
    both = layer._dropped(KEY, params["sequential_0"])
    assert (np.asarray(both["dense_0"]["kernel"]) != np.asarray(both["dense_1"]["kernel"])).any()
    assert not train(layer, params, state)[1]


def test_a_rate_of_zero_is_the_layer_and_needs_no_key():
    layer = nn.DropConnect(nn.Dense(3, "tanh"), 0.0)
    params, state = layer.init(KEY, jnp.asarray(X))
    plain = nn.Dense(3, "tanh").apply(params["dense_0"], {}, X)[0]
    np.testing.assert_array_equal(train(layer, params, state, key=None)[0], plain)
    traced = jax.jit(lambda r: train(nn.DropConnect(nn.Dense(3, "tanh"), r), params, state)[0])(0.0)
    np.testing.assert_allclose(traced, plain, rtol=1e-6)


def test_a_grid_over_rates_is_one_program_and_penalties_find_the_kernel():
    def trial(rate, l2):
        model = nn.Sequential(nn.DropConnect(nn.Dense(6, "relu"), rate), nn.Dense(1))
        return nn.Trial(model, "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.05)))

    data, options = (X, X[:, 0]), {"epochs": 3, "batch_size": 5, "progress": False}
    runs = nn.grid(trial, data, {"rate": [0.0, 0.2, 0.6], "l2": [0.1]}, **options)
    again = nn.grid(trial, data, {"rate": [0.1, 0.3, 0.5], "l2": [0.1]}, **options)
    assert again.n_compiles == 0
    solo = nn.fit(trial, data, {"rate": 0.6, "l2": 0.1}, **options)
    np.testing.assert_allclose(runs[2].history["loss"], solo.history["loss"], rtol=1e-5)
    weights = [np.asarray(p) for path, p in jax.tree_util.tree_leaves_with_path(solo.params) if "kernel" in str(path)]
    assert len(weights) == 2
    assert solo.history["penalty"][-1] == pytest.approx(0.1 * sum((w**2).sum() for w in weights), rel=1e-4)


def test_what_cannot_be_dropped_is_told():
    with pytest.raises(SpecError, match="DropConnect drops 'kernels' and dense_0 has bias, kernel; write where="):
        nn.DropConnect(nn.Dense(3), 0.5, "kernels").init(KEY, jnp.ones((1, 2)))
    with pytest.raises(SpecError, match="flatten_0 has no weights"):
        nn.DropConnect(nn.Flatten(), 0.5).init(KEY, jnp.ones((1, 2)))
    with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\), got 1.0; write DropConnect\(Dense\(100\), 0.5"):
        nn.DropConnect(nn.Dense(3), 1.0)
    with pytest.raises(TypeError, match="DropConnect takes layers"):
        nn.DropConnect(nn.Dense)
    layer = nn.DropConnect(nn.Dense(3), 0.5)
    params, state = layer.init(KEY, jnp.ones((1, 2)))
    with pytest.raises(SpecError, match="DropConnect draws random numbers in training and got no key"):
        layer.apply(params, state, jnp.ones((1, 2)), train=True)
