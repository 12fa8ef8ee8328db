import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxnn as nn

KEY = jax.random.key(7, impl="threefry2x32")


@pytest.mark.parametrize("stddev", [0.05, 2.0])
def test_noise_is_normal_with_its_standard_deviation(stddev):
    x = np.random.default_rng(0).normal(size=(40, 250)).astype(np.float32)
    y = nn.GaussianNoise(stddev).apply({}, {}, jnp.asarray(x), key=KEY, train=True)[0]
    noise = (np.asarray(y, np.float64) - x).ravel() / stddev
    assert stats.kstest(noise, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 4 / np.sqrt(noise.size)


def test_noise_keeps_the_dtype_and_grows_with_the_standard_deviation():
    x = jnp.ones((3, 4), jnp.bfloat16)
    assert nn.GaussianNoise(0.5).apply({}, {}, x, key=KEY, train=True)[0].dtype == jnp.bfloat16
    with jax.enable_x64(True):
        x = jnp.ones((3, 4))
        draw = lambda s: nn.GaussianNoise(s).apply({}, {}, x, key=KEY, train=True)[0]  # noqa: E731
        np.testing.assert_allclose(draw(0.6) - 1, 2 * (draw(0.3) - 1), rtol=1e-12)
