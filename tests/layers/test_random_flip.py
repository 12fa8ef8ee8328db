import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxnn as nn

KEY = jax.random.key(7, impl="threefry2x32")


@pytest.mark.parametrize(("axis", "number"), [("height", 1), ("width", 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_an_image_is_itself_or_mirrored_with_the_rate(axis, number, dtype):
    x = np.random.default_rng(0).integers(0, 255, (2000, 3, 4, 2)).astype(dtype)
    y = np.asarray(nn.RandomFlip(0.3, axis).apply({}, {}, jnp.asarray(x), key=KEY, train=True)[0])
    flipped = (y == np.flip(x, number)).all((1, 2, 3))
    assert y.dtype == dtype
    assert (flipped | (y == x).all((1, 2, 3))).all()
    assert stats.binomtest(int(flipped.sum()), 2000, 0.3).pvalue > 1e-3


def test_a_rate_of_one_mirrors_all():
    x = np.random.default_rng(0).normal(size=(500, 1, 3, 1)).astype(np.float32)
    y = nn.RandomFlip(1).apply({}, {}, jnp.asarray(x), key=KEY, train=True)[0]
    np.testing.assert_array_equal(y, x[:, :, ::-1])
