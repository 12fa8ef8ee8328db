"""GroupNorm on images against Flax linen and PyTorch."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(3.0, 2.0, (2, 4, 3, 6)).astype(np.float32)


def test_images_equal_linen_forward_and_gradient():
    module, layer = linen.GroupNorm(3, epsilon=1e-5, use_fast_variance=False), nn.GroupNorm(3)
    params = {name: np.random.default_rng(1).normal(size=6).astype(np.float32) for name in ("scale", "bias")}

    def both(apply):
        y, back = jax.vjp(apply, params, jnp.asarray(X))
        return y, back(jnp.cos(jnp.arange(X.size, dtype=jnp.float32)).reshape(X.shape))

    ours = jax.jit(lambda: both(lambda p, v: layer.apply(p, {}, v)[0]))()
    expected = jax.jit(lambda: both(lambda p, v: module.apply({"params": p}, v)))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), ours, expected)


def test_as_many_groups_as_channels_is_torchs_instance_norm():
    torch = pytest.importorskip("torch")
    y, _ = nn.GroupNorm(6, use_scale=False, use_bias=False).apply({}, {}, jnp.asarray(X))
    expected = torch.nn.functional.instance_norm(torch.tensor(np.moveaxis(X, -1, 1).copy()), eps=1e-5).numpy()
    np.testing.assert_allclose(y, np.moveaxis(expected, 1, -1), rtol=1e-5, atol=1e-5)
