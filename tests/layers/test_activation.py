import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

X = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)


def test_is_the_function_on_every_element():
    y, state = nn.Activation("tanh").apply({}, {}, jnp.asarray(X))
    np.testing.assert_allclose(y, np.tanh(X), rtol=1e-6)
    assert state == {}


def test_softmax_goes_over_the_last_axis():
    y, _ = nn.Activation("softmax").apply({}, {}, jnp.asarray(X))
    np.testing.assert_allclose(y.sum(-1), np.ones((3, 2)), rtol=1e-6)


def test_a_function_is_used_as_it_is():
    y, _ = nn.Activation(jnp.sin).apply({}, {}, jnp.asarray(X))
    np.testing.assert_allclose(y, np.sin(X), rtol=1e-5, atol=1e-6)


def test_keeps_nothing(key):
    assert nn.Activation("relu").init(key, jax.ShapeDtypeStruct((2, 3), jnp.float32)) == ({}, {})


def test_an_unknown_name_is_refused_at_once():
    with pytest.raises(
        ValueError, match="no activation is named 'swisch'; write 'swish', or choose one of linear, step, "
    ):
        nn.Activation("swisch")
