"""The depthwise convolution against Flax linen's grouped one and Keras's channel order."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")


@pytest.mark.parametrize("options", [{}, {"strides": 2, "multiplier": 2}, {"dilation": 2, "padding": "valid"}], ids=str)
def test_equals_linen_with_one_group_per_channel(options):
    x = np.random.default_rng(0).normal(size=(2, 7, 6, 3)).astype(np.float32)
    layer = nn.DepthwiseConv((3, 3), **options)
    params, _ = jax.jit(layer.init)(KEY, x)
    module = linen.Conv(
        3 * options.get("multiplier", 1),
        (3, 3),
        options.get("strides", 1),
        padding=options.get("padding", "same").upper(),
        kernel_dilation=options.get("dilation", 1),
        feature_group_count=3,
    )

    def value_and_grads(f):
        y, back = jax.vjp(f, params, x)
        return y, back(jnp.cos(jnp.arange(y.size, dtype=jnp.float32)).reshape(y.shape))

    ours = jax.jit(lambda: value_and_grads(lambda p, v: layer.apply(p, {}, v)[0]))()
    theirs = jax.jit(lambda: value_and_grads(lambda p, v: module.apply({"params": p}, v)))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), ours, theirs)


def test_each_channel_has_its_own_filters_in_order():
    x = jnp.zeros((1, 1, 1, 2)).at[..., 1].set(5.0)
    kernel = jnp.arange(1.0, 5.0).reshape(1, 1, 1, 4)
    y, _ = nn.DepthwiseConv((1, 1), multiplier=2, use_bias=False).apply({"kernel": kernel}, {}, x)
    assert y.ravel().tolist() == [0, 0, 15, 20]


def test_other_channels_are_refused():
    params, _ = nn.DepthwiseConv((3, 3)).init(KEY, jnp.ones((1, 4, 4, 2)))
    with pytest.raises(ValueError, match=r"\(1, 4, 4, 3\)"):
        nn.DepthwiseConv((3, 3)).apply(params, {}, jnp.ones((1, 4, 4, 3)))
    with pytest.raises(ValueError, match="multiplier"):
        nn.DepthwiseConv((3, 3), multiplier=0)
