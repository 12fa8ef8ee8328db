import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.layers.children import layer_names

X = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)


def test_equals_the_layers_one_by_one_in_flax(key):
    model = nn.Sequential(nn.Dense(5, "relu"), nn.BatchNorm(), nn.Dense(2, "tanh"))
    params, state = model.init(key, X)

    class Theirs(linen.Module):
        @linen.compact
        def __call__(self, x):
            x = linen.relu(linen.Dense(5, name="dense_0")(x))
            x = linen.BatchNorm(use_running_average=False, epsilon=1e-3, name="batch_norm_0")(x)
            return jnp.tanh(linen.Dense(2, name="dense_1")(x))

    statistics = {"batch_norm_0": {name: state["batch_norm_0"][name] for name in ("mean", "var")}}
    wanted, after = Theirs().apply({"params": params, "batch_stats": statistics}, X, mutable=["batch_stats"])
    y, moved = model.apply(params, state, X, train=True)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-5)
    for name, leaf in after["batch_stats"]["batch_norm_0"].items():
        np.testing.assert_allclose(moved["batch_norm_0"][name], leaf, rtol=1e-5, atol=1e-6)


def test_names_count_per_class_so_that_a_dropout_renames_nothing(key):
    short = nn.Sequential(nn.Dense(4), nn.BatchNorm(), nn.Dense(2))
    long = nn.Sequential(nn.Dense(4), nn.Dropout(0.1), nn.BatchNorm(), nn.Flatten(), nn.Dense(2))
    for model in (short, long):
        params, state = model.init(key, X)
        assert list(params) == ["dense_0", "batch_norm_0", "dense_1"]
        assert list(state) == ["batch_norm_0"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Dense", "dense_0"),
        ("BatchNorm", "batch_norm_0"),
        ("RMSNorm", "rms_norm_0"),
        ("LSTM", "lstm_0"),
        ("SimpleRNN", "simple_rnn_0"),
        ("MaxPool", "max_pool_0"),
    ],
)
def test_names_are_those_of_flax_and_keras(name, wanted):
    assert layer_names((type(name, (), {})(),)) == (wanted,)


def test_layer_i_gets_the_key_folded_with_i(key):
    model = nn.Sequential(nn.Dense(5), nn.Dropout(0.5), nn.Dropout(0.5))
    params, state = model.init(key, X)
    alone, _ = nn.Dense(5).init(jax.random.fold_in(key, 0), X)
    np.testing.assert_array_equal(params["dense_0"]["kernel"], alone["kernel"])
    step = jax.random.fold_in(key, 7)
    y, _ = nn.Dense(5).apply(alone, {}, X)
    for i in (1, 2):
        y, _ = nn.Dropout(0.5).apply({}, {}, y, key=jax.random.fold_in(step, i), train=True)
    np.testing.assert_array_equal(model.apply(params, state, X, key=step, train=True)[0], y)


def test_no_layers_are_the_identity(key):
    assert nn.Sequential().init(key, X) == ({}, {})
    assert nn.Sequential().apply({}, {}, X)[0] is X


def test_nesting_nests_the_names(key):
    model = nn.Sequential(nn.Sequential(nn.Dense(3), nn.BatchNorm()), nn.Residual(nn.Dense(3)))
    params, state = model.init(key, X)
    assert jax.tree.map(jnp.shape, params) == {
        "sequential_0": {"dense_0": {"kernel": (3, 3), "bias": (3,)}, "batch_norm_0": {"scale": (3,), "bias": (3,)}},
        "residual_0": {"dense_0": {"kernel": (3, 3), "bias": (3,)}},
    }
    _, after = model.apply(params, state, X, train=True)
    assert jax.tree.structure(after) == jax.tree.structure(state)
    assert (after["sequential_0"]["batch_norm_0"]["mean"] != 0).all()


def test_the_old_state_is_left_alone(key):
    model = nn.Sequential(nn.BatchNorm())
    params, state = model.init(key, X)
    model.apply(params, state, X, train=True)
    assert not state["batch_norm_0"]["mean"].any()


def test_residual_adds_its_input(key):
    block = nn.Residual(nn.Dense(3, "tanh"))
    params, state = block.init(key, X)
    inner, _ = nn.Dense(3, "tanh").apply(params["dense_0"], {}, X)
    np.testing.assert_array_equal(block.apply(params, state, X)[0], X + inner)


def test_residual_of_another_shape_is_refused_with_both(key):
    with pytest.raises(SpecError, match=r"residual_0: Residual adds \(4, 3\) to \(4, 2\).*Residual\(Dense\(3\)\)"):
        nn.Sequential(nn.Residual(nn.Dense(2))).init(key, X)


@pytest.mark.parametrize("wrong", [nn.Dense, jnp.tanh, "relu", lambda x: x])
def test_what_is_no_layer_is_refused_at_once(wrong):
    with pytest.raises(TypeError, match=r"Sequential takes layers, and argument 1 is .*; write Sequential\("):
        nn.Sequential(nn.Dense(3), wrong)
    with pytest.raises(TypeError, match=r"Residual takes"):
        nn.Residual(wrong)


def test_a_list_of_layers_is_refused_with_the_call_to_write():
    with pytest.raises(TypeError, match=r"Sequential takes layers, and argument 0 is \[.*; write Sequential\("):
        nn.Sequential([nn.Dense(3), nn.Dense(2)])


def test_the_path_in_an_error_leads_to_the_layer(key):
    model = nn.Sequential(nn.Dense(4), nn.Residual(nn.Sequential(nn.Dense(4), nn.Dropout(0.5, (None, 1, None)))))
    with pytest.raises(SpecError, match=r"^residual_0/sequential_0/dropout_0: noise_shape"):
        model.init(key, X)


def test_all_dropout_rates_are_leaves_of_the_whole(key):
    model = nn.mlp((8, 8), out=1, dropout=0.5)
    params, state = model.init(key, X)
    none = jax.tree.map(jnp.zeros_like, jax.tree.map(jnp.float32, model))
    y, _ = jax.jit(lambda m: m.apply(params, state, X, key=key, train=True))(none)
    np.testing.assert_allclose(y, model.apply(params, state, X)[0], rtol=1e-6)
