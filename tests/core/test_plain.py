"""The switch to plain operations, and what it changes."""

import jax
import jax.numpy as jnp
import pytest

import jaxnn as nn
from jaxnn.core import checks
from jaxnn.core.plain import is_plain, plain_operations


def test_it_closes_again_after_an_error():
    with pytest.raises(KeyError), plain_operations():
        raise KeyError
    assert not is_plain()
    with plain_operations():
        assert is_plain()
    assert not is_plain()


def test_while_it_is_open_a_convolution_is_one_and_gives_the_same():
    layer, x = nn.Conv(2, (3, 3)), jnp.arange(32.0).reshape(1, 4, 4, 2)
    params, _ = layer.init(jax.random.key(0), x)
    fast = layer.apply(params, {}, x)[0]
    with plain_operations():
        program = jax.make_jaxpr(lambda v: layer.apply(params, {}, v)[0])(x)
        assert "conv_general_dilated" in str(program)
        assert jnp.allclose(layer.apply(params, {}, x)[0], fast, atol=1e-5)


def test_the_path_of_the_layer_at_work():
    assert checks.path() == ()
    with checks.at("model"):
        with checks.at("dense_0"):
            assert checks.path() == ("model", "dense_0")
        with pytest.raises(checks.SpecError), checks.at("dense_1"):
            raise checks.SpecError("wrong")
        assert checks.path() == ("model",)
