import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import jaxnn as nn

KEY = jax.random.key(7, impl="threefry2x32")
IMAGE = np.random.default_rng(0).normal(size=(5, 4, 2)).astype(np.float32)


def places(fill, padding, n=3000):
    """Where each of many crops of one image lies, by comparing it with every cut of the padded image."""
    x = jnp.asarray(np.repeat(IMAGE[None], n, 0))
    y = np.asarray(nn.RandomCrop(padding, fill).apply({}, {}, x, key=KEY, train=True)[0])
    p = int(padding)
    word = {"constant": "constant", "nearest": "edge", "reflect": "symmetric"}[fill]
    padded = np.pad(IMAGE, ((p, p), (p, p), (0, 0)), word)
    span = 2 * p + 1
    cuts = {padded[i : i + 5, j : j + 4].tobytes(): (i, j) for i in range(span) for j in range(span)}
    return np.array([cuts[row.tobytes()] for row in y]), span


@pytest.mark.parametrize("fill", ["constant", "nearest", "reflect"])
@pytest.mark.parametrize("padding", [1, 2.7])
def test_every_cut_of_the_padded_image_is_as_likely_as_any_other(fill, padding):
    found, span = places(fill, padding)
    counts = np.bincount(found[:, 0] * span + found[:, 1], minlength=span * span)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_padding_rides_along_as_one_axis_and_below_one_pixel_moves_nothing():
    x = jnp.asarray(np.repeat(IMAGE[None], 50, 0))
    crop = jax.jit(jax.vmap(lambda p: nn.RandomCrop(p).apply({}, {}, x, key=KEY, train=True)[0]))
    small, large = crop(jnp.array([0.9, 6.0]))
    np.testing.assert_array_equal(small, x)
    assert (np.asarray(large) == 0).all((1, 2, 3)).any(), "moved by more than its size, an image is all padding"
    whole = jax.jit(lambda p: nn.RandomCrop(p).apply({}, {}, x, key=KEY, train=True)[0])(6)
    np.testing.assert_array_equal(whole, large)
