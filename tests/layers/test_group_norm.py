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


@pytest.mark.parametrize("kind", [bool, np.int32, np.float32])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_masked_steps_do_not_count(kind, groups):
    """Each row over its real steps alone, against Flax; with one axis of steps, and with another behind it."""
    mask = np.array([[1, 1, 0, 1], [0, 1, 1, 0]])
    layer = nn.GroupNorm(groups)
    module = linen.GroupNorm(groups, epsilon=1e-5, use_fast_variance=False)
    params = {name: np.random.default_rng(1).normal(size=6).astype(np.float32) for name in ("scale", "bias")}
    for x in (X[:, :, 0], X):
        noisy = np.where(mask.reshape(2, 4, *(1,) * (x.ndim - 2)) == 1, x, 1e3).astype(np.float32)
        (y, handed), state = layer.apply(params, {}, (jnp.asarray(noisy), mask.astype(kind)))
        assert handed.dtype == kind and state == {}
        for i in range(2):
            real = mask[i] == 1
            alone = module.apply({"params": params}, x[i : i + 1, real])
            np.testing.assert_allclose(y[i, real], alone[0], rtol=1e-4, atol=1e-5)
    nothing, _ = layer.apply(params, {}, (jnp.asarray(X), np.zeros((2, 4), kind)))
    assert np.isfinite(nothing[0]).all()


@pytest.mark.parametrize("shape", [(6,), (2, 5), (2, 3, 7)])
def test_channels_that_do_not_divide_are_told(shape):
    for call in (
        lambda x: nn.GroupNorm(3).init(KEY, x),
        lambda x: nn.GroupNorm(3, 1e-5, False, False).apply({}, {}, x),
    ):
        with pytest.raises(ValueError, match=r"3 groups do not divide the channels of inputs|needs \(batch, ..., feat"):
            call(jnp.ones(shape))
