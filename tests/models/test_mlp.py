import itertools

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neural_network import MLPRegressor

import jaxnn as nn
from jaxnn.core.tree import count

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)


def size_of(model, *row):
    return count(jax.eval_shape(model.init, KEY, jax.ShapeDtypeStruct((1, *row), jnp.float32))[0])


def test_the_reference_classifier_has_22501_parameters():
    assert size_of(nn.mlp((100, 100, 100), out=1), 21) == 22_501


@given(st.lists(st.integers(1, 20), max_size=4), st.integers(1, 9), st.lists(st.integers(1, 4), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_the_number_of_parameters_is_that_of_the_formula(hidden, out, row):
    widths = [int(np.prod(row)), *hidden, out]
    dense = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    assert size_of(nn.mlp(hidden, out), *row) == dense
    assert size_of(nn.mlp(hidden, out, batch_norm=True), *row) == dense + sum(hidden)  # scale, and a bias for a bias


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_equals_scikit_learn_with_the_same_parameters(activation):
    ours = nn.mlp((5, 3), out=2, activation={"logistic": "sigmoid", "identity": "linear"}.get(activation, activation))
    params, state = ours.init(KEY, X)
    params = jax.tree.map(lambda p: p + 0.1, params)
    theirs = MLPRegressor(hidden_layer_sizes=(5, 3), activation=activation, max_iter=1)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        theirs.fit(X, X[:, :2])
    theirs.coefs_ = [np.asarray(layer["kernel"]) for layer in params.values()]
    theirs.intercepts_ = [np.asarray(layer["bias"]) for layer in params.values()]
    np.testing.assert_allclose(ours.apply(params, state, X)[0], theirs.predict(X), rtol=1e-5, atol=1e-5)


def test_batch_norm_stands_before_the_activation_as_in_flax():
    model = nn.mlp((5,), out=2, batch_norm=True)
    params, state = model.init(KEY, X)
    assert list(params) == ["dense_0", "batch_norm_0", "dense_1"]
    hidden = linen.Dense(5, use_bias=False).apply({"params": params["dense_0"]}, X)
    norm = linen.BatchNorm(use_running_average=False, epsilon=1e-3)
    statistics = {name: state["batch_norm_0"][name] for name in ("mean", "var")}
    variables = {"params": params["batch_norm_0"], "batch_stats": statistics}
    hidden, _ = norm.apply(variables, hidden, mutable=["batch_stats"])
    wanted = linen.Dense(2).apply({"params": params["dense_1"]}, linen.relu(hidden))
    np.testing.assert_allclose(model.apply(params, state, X, train=True)[0], wanted, rtol=1e-5, atol=1e-5)


def test_dropout_follows_every_hidden_layer_and_renames_nothing():
    plain, dropped = nn.mlp((4, 4), out=1), nn.mlp((4, 4), out=1, dropout=0.3)
    assert jax.tree.leaves(dropped) == [0.3, 0.3]
    assert [type(layer).__name__ for layer in dropped.layers] == [
        "Flatten",
        "Dense",
        "Dropout",
        "Dense",
        "Dropout",
        "Dense",
    ]
    jax.tree.map(np.testing.assert_array_equal, plain.init(KEY, X)[0], dropped.init(KEY, X)[0])


def test_a_concrete_dropout_of_zero_needs_no_key():
    model = nn.mlp((4,), out=1)
    params, state = model.init(KEY, X)
    np.testing.assert_array_equal(model.apply(params, state, X, train=True)[0], model.apply(params, state, X)[0])


def test_pictures_are_flattened():
    model = nn.mlp((4,), out=2)
    pictures = X.reshape(6, 2, 2)
    params, state = model.init(KEY, pictures)
    np.testing.assert_array_equal(model.apply(params, state, pictures)[0], model.apply(params, state, X)[0])


def test_the_initialiser_is_that_of_every_kernel():
    params, _ = nn.mlp((4, 3), out=2, kernel_init="ones").init(KEY, X)
    assert all((layer["kernel"] == 1).all() for layer in params.values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden": 100, "out": 1}, r"hidden must be a sequence of widths, got 100; write mlp\(\(100,\), out=1\)"),
        ({"hidden": (0,), "out": 1}, "a hidden width must be a whole number of at least 1, got 0"),
        ({"hidden": (4.0,), "out": 1}, "a hidden width must be a whole number"),
        ({"hidden": (4,), "out": 0}, "units must be a whole number of at least 1, got 0"),
        ({"hidden": (4,), "out": 1, "dropout": 1.0}, r"rate must lie in \[0, 1\)"),
        ({"hidden": (4,), "out": 1, "activation": "rleu"}, "no activation is named 'rleu'"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.mlp(**arguments)
