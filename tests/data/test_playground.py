"""The four drawn sets, against their geometry."""

import numpy as np
import pytest
from scipy import stats

from jaxnn.data.playground import SETS, draw


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_balanced_and_follows_its_seed(name):
    x, y = draw(name, 401, 0.1, 3)
    again, _ = draw(name, 401, 0.1, 3)
    other, _ = draw(name, 401, 0.1, 4)
    assert np.array_equal(x, again)
    assert not np.array_equal(x, other)
    assert x.shape == (401, 2)
    assert y.dtype == np.int32
    assert 0.4 < y.mean() < 0.6


def test_circle():
    x, y = draw("circle", 1000, 0.0, 0)
    r = np.hypot(*x.T)
    assert r[y == 1].max() < 2.5 < 3.5 <= r[y == 0].min()
    assert r.max() <= 5.0
    noisy_x, noisy = draw("circle", 1000, 0.3, 0)
    assert np.array_equal(noisy_x, x)
    assert 0.05 < np.mean(noisy != y) < 0.5


@pytest.mark.parametrize("label", [0, 1])
def test_a_circle_is_evenly_drawn_all_around_and_outwards(label):
    x, y = draw("circle", 4000, 0.0, 1)
    inside = x[y == label]
    angle, r = np.arctan2(inside[:, 0], inside[:, 1]), np.hypot(*inside.T)
    assert stats.kstest(angle, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 1e-3
    assert stats.kstest(r, stats.uniform(*((0, 2.5) if label else (3.5, 1.5))).cdf).pvalue > 1e-3


def test_xor():
    x, y = draw("xor", 1000, 0.0, 0)
    assert np.array_equal(y == 1, x[:, 0] * x[:, 1] >= 0)
    assert np.abs(x).min() >= 0.3
    assert np.abs(x).max() <= 5.3
    assert 0.05 < np.mean(draw("xor", 1000, 0.3, 0)[1] != y) < 0.5


@pytest.mark.parametrize(("noise", "variance"), [(0.0, 0.5), (0.5, 4.0)])
def test_gauss(noise, variance):
    x, y = draw("gauss", 20000, noise, 0)
    for label, centre in ((1, 2.0), (0, -2.0)):
        np.testing.assert_allclose(x[y == label].mean(axis=0), centre, atol=5 * np.sqrt(variance / 10000))
        np.testing.assert_allclose(x[y == label].var(axis=0), variance, rtol=0.08)


def test_spiral():
    x, y = draw("spiral", 400, 0.0, 0)
    for label, start in ((1, 0.0), (0, np.pi)):
        r = np.hypot(*x[y == label].T)
        np.testing.assert_allclose(r, 5 * np.arange(200) / 200, atol=1e-12)
        angle = 1.75 * 2 * np.pi * r / 5 + start
        np.testing.assert_allclose(x[y == label], r[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1), atol=1e-12)
    assert np.abs(draw("spiral", 400, 0.5, 0)[0] - x).max() <= 0.5


@pytest.mark.parametrize(
    ("n", "noise", "words"), [(1, 0.0, "at least 2"), (9, 0.6, "noise must lie"), (9, -1, "noise")]
)
def test_draw_refuses(n, noise, words):
    with pytest.raises(ValueError, match=words):
        draw("xor", n, noise, 0)
