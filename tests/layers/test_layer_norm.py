"""LayerNorm and RMSNorm against Flax linen, forward and gradient, in float32 and bfloat16."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(3.0, 2.0, (4, 3, 5)).astype(np.float32)

CASES = [
    (nn.LayerNorm(), linen.LayerNorm(epsilon=1e-5, use_fast_variance=False)),
    (nn.LayerNorm(1e-2, use_bias=False), linen.LayerNorm(epsilon=1e-2, use_bias=False, use_fast_variance=False)),
    (nn.LayerNorm(use_scale=False), linen.LayerNorm(epsilon=1e-5, use_scale=False, use_fast_variance=False)),
    (nn.RMSNorm(), linen.RMSNorm(epsilon=1e-5)),
    (nn.RMSNorm(0.1, use_scale=False), linen.RMSNorm(epsilon=0.1, use_scale=False)),
    (nn.GroupNorm(1), linen.GroupNorm(1, epsilon=1e-5, use_fast_variance=False)),
    (nn.GroupNorm(5, eps=0.1), linen.GroupNorm(5, epsilon=0.1, use_fast_variance=False)),
]


@pytest.mark.parametrize(("layer", "module"), CASES)
def test_equals_linen(layer, module):
    theirs = dict(jax.eval_shape(module.init, KEY, X).get("params", {}))
    assert jax.tree.map(jnp.shape, jax.eval_shape(layer.init, KEY, X)[0]) == jax.tree.map(jnp.shape, theirs)
    params = jax.tree.map(lambda a: np.random.default_rng(1).normal(size=a.shape).astype(np.float32), theirs)

    def both(apply):
        y, back = jax.vjp(apply, params, jnp.asarray(X))
        return y, back(jnp.cos(jnp.arange(X.size, dtype=jnp.float32)).reshape(X.shape))

    ours = jax.jit(lambda: both(lambda p, v: layer.apply(p, {}, v)[0]))()
    expected = jax.jit(lambda: both(lambda p, v: module.apply({"params": p}, v)))()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), ours, expected)


@pytest.mark.parametrize(("layer", "module"), CASES[::3])
def test_bfloat16_statistics_are_taken_in_float32(layer, module):
    x = jnp.asarray(X + 30, jnp.bfloat16)
    params, _ = layer.init(KEY, x)
    y, _ = layer.apply(params, {}, x)
    assert y.dtype == jnp.bfloat16
    wide, _ = layer.apply(params, {}, x.astype(jnp.float32))
    np.testing.assert_array_equal(y, wide.astype(jnp.bfloat16))


def test_large_means_do_not_lose_the_variance():
    x = jnp.asarray(X + 1e4)
    params, _ = nn.LayerNorm().init(KEY, x)
    exact = np.asarray(x, np.float64)
    exact = (exact - exact.mean(-1, keepdims=True)) / np.sqrt(exact.var(-1, keepdims=True) + 1e-5)
    np.testing.assert_allclose(nn.LayerNorm().apply(params, {}, x)[0], exact, atol=1e-3)


def test_wrong_arguments_and_inputs_are_told():
    for make in (nn.LayerNorm, nn.RMSNorm, lambda eps: nn.GroupNorm(2, eps=eps)):
        with pytest.raises(ValueError, match="eps"):
            make(eps=0.0)
    with pytest.raises(ValueError, match="2 groups do not divide"):
        nn.GroupNorm(2).init(KEY, X)
    params, _ = nn.LayerNorm().init(KEY, X)
    with pytest.raises(ValueError, match=r"\(5,\).*\(4, 3, 4\)"):
        nn.LayerNorm().apply(params, {}, jnp.ones((4, 3, 4)))
