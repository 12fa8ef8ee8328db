import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.checks import SpecError

DRAW = np.random.default_rng(0)


@given(
    lead=st.lists(st.integers(1, 3), min_size=1, max_size=3),
    inputs=st.integers(1, 5),
    units=st.integers(1, 5),
    use_bias=st.booleans(),
)
@settings(max_examples=12, deadline=None)
def test_equals_numpy_for_any_shape(lead, inputs, units, use_bias):
    x = DRAW.normal(size=(*lead, inputs)).astype(np.float32)
    layer = nn.Dense(units, use_bias=use_bias, bias_init="normal")
    params, state = layer.init(jax.random.key(0), jnp.asarray(x))
    assert {name: p.shape for name, p in params.items()} == (
        {"kernel": (inputs, units), "bias": (units,)} if use_bias else {"kernel": (inputs, units)}
    )
    wanted = np.einsum("...i,io->...o", x.astype(np.float64), np.asarray(params["kernel"], np.float64))
    wanted = wanted + np.asarray(params.get("bias", 0), np.float64)
    y, after = layer.apply(params, state, jnp.asarray(x))
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)
    assert state == after == {}


@pytest.mark.parametrize("activation", [None, "relu", "tanh", "softmax"])
def test_equals_flax_with_the_same_parameters(activation, key):
    x = jnp.asarray(DRAW.normal(size=(4, 2, 3)), jnp.float32)
    layer = nn.Dense(5, activation, bias_init="normal")
    params, _ = layer.init(key, x)
    theirs = linen.Dense(5).apply({"params": params}, x)
    theirs = getattr(jax.nn, activation)(theirs) if activation else theirs
    np.testing.assert_allclose(layer.apply(params, {}, x)[0], theirs, rtol=1e-6, atol=1e-6)


def test_gradient_equals_flax(key):
    x = jnp.asarray(DRAW.normal(size=(4, 3)), jnp.float32)
    layer = nn.Dense(2, "tanh")
    params, _ = layer.init(key, x)
    ours = jax.jit(jax.grad(lambda p: (layer.apply(p, {}, x)[0] ** 2).sum()))(params)
    theirs = jax.jit(jax.grad(lambda p: (jnp.tanh(linen.Dense(2).apply({"params": p}, x)) ** 2).sum()))(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), ours, theirs)


def test_the_defaults_are_those_of_keras(key):
    params, _ = nn.Dense(200).init(key, jax.ShapeDtypeStruct((1, 300), jnp.float32))
    limit = np.sqrt(6 / 500)
    assert 0.99 * limit < np.abs(params["kernel"]).max() <= limit
    assert not params["bias"].any()


def test_whole_numbers_meet_float32_parameters(key):
    x = jnp.array([[1, 2], [3, 4]], jnp.uint8)
    params, _ = nn.Dense(2).init(key, x)
    y, _ = nn.Dense(2).apply(params, {}, x)
    assert params["kernel"].dtype == y.dtype == jnp.float32
    np.testing.assert_allclose(y, np.asarray(x, np.float64) @ np.asarray(params["kernel"]), rtol=1e-6)


def test_float64_inputs_have_float64_parameters(key):
    with jax.enable_x64(True):
        x = jnp.ones((2, 3), jnp.float64)
        params, _ = nn.Dense(2).init(key, x)
        assert params["kernel"].dtype == nn.Dense(2).apply(params, {}, x)[0].dtype == jnp.float64


def test_a_single_row_is_asked_for_as_a_batch(key):
    with pytest.raises(SpecError, match=r"Dense needs \(batch, ..., features\), got \(4,\); write x\[None\]"):
        nn.Dense(3).init(key, jnp.ones(4))


def test_inputs_that_do_not_fit_are_told_with_both_shapes(key):
    model = nn.Sequential(nn.Dense(4), nn.Dense(3))
    params, state = model.init(key, jnp.ones((2, 5)))
    with pytest.raises(SpecError, match=r"dense_0: Dense holds a kernel \(5, 4\) and got inputs \(2, 6\).* write"):
        model.apply(params, state, jnp.ones((2, 6)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": 0}, "units must be a whole number of at least 1, got 0; write Dense"),
        ({"units": 2.0}, "units must be a whole number"),
        ({"units": 3, "activation": "rleu"}, "no activation is named 'rleu'"),
        ({"units": 3, "kernel_init": "xavier"}, "no initialiser is named 'xavier'"),
        ({"units": 3, "bias_init": "zero"}, "no initialiser is named 'zero'"),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, message):
    with pytest.raises(ValueError, match=message):
        nn.Dense(**arguments)
