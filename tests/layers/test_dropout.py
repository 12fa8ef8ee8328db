import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import jaxnn as nn
from jaxnn.core.checks import SpecError

KEY = jax.random.key(3, impl="threefry2x32")
ONES = jnp.ones((64, 250))


def train(rate, x=ONES, key=KEY, noise_shape=None):
    return nn.Dropout(rate, noise_shape).apply({}, {}, x, key=key, train=True)[0]


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_elements_are_dropped_with_the_rate_and_the_rest_is_scaled(rate):
    y = np.asarray(train(rate))
    assert set(np.unique(y)) == {np.float32(0), np.float32(np.float32(1) / (np.float32(1) - np.float32(rate)))}
    assert stats.binomtest(int((y == 0).sum()), y.size, rate).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_over_masks_is_the_input(rate):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3)), jnp.float32)
    many = jax.vmap(lambda key: train(rate, x, key))(jax.random.split(KEY, 20_000))
    error = np.asarray(x) * np.sqrt(rate / (1 - rate) / 20_000)  # standard error of the mean
    assert (np.abs(many.mean(0) - x) < 4.5 * np.abs(error) + 1e-6).all()


@given(rate=st.floats(0, 0.95), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_traced_and_concrete_rates_draw_one_mask(rate, seed):
    key = jax.random.key(seed, impl="threefry2x32")
    traced = jax.jit(lambda r, k: train(r, jnp.ones((4, 8)), k))(rate, key)
    np.testing.assert_allclose(train(rate, jnp.ones((4, 8)), key), traced, rtol=1e-6)


@given(rate=st.floats(2**-16, 0.99), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_each_element_is_dropped_or_scaled(rate, seed):
    x = jnp.asarray(np.random.default_rng(seed).normal(size=(8, 16)), jnp.float32)
    y = np.asarray(train(rate, x, jax.random.key(seed, impl="threefry2x32")))
    scaled = np.asarray(x) / (1 - np.float32(rate))
    assert ((y == 0) | np.isclose(y, scaled, rtol=1e-6)).all()
    assert stats.binomtest(int((y == 0).sum()), y.size, rate).pvalue > 1e-9


def test_in_use_nothing_happens_and_no_key_is_needed():
    y, state = nn.Dropout(0.5).apply({}, {"a": 1}, ONES)
    assert y is ONES
    assert state == {"a": 1}


def test_a_concrete_rate_of_zero_draws_nothing_and_needs_no_key():
    assert train(0.0, key=None) is ONES
    np.testing.assert_array_equal(jax.jit(train)(0.0), ONES)


def test_rates_ride_along_as_one_axis():
    rates = jnp.array([0.0, 0.25, 0.75])
    many = jax.vmap(lambda rate: nn.Dropout(rate).apply({}, {}, ONES, key=KEY, train=True)[0])(rates)
    np.testing.assert_allclose((many == 0).mean((1, 2)), rates, atol=0.01)


def test_more_is_dropped_where_the_rate_is_higher():
    few, many = np.asarray(train(0.2)) == 0, np.asarray(train(0.6)) == 0
    assert many[few].all()


@pytest.mark.parametrize("noise_shape", [(None, 1, None), (None, 1, 5), (4, 1, 5)])
def test_the_noise_shape_shares_the_mask(noise_shape):
    x = jnp.ones((4, 6, 5))
    y = np.asarray(train(0.5, x, noise_shape=noise_shape))
    assert (y == y[:, :1]).all()
    assert 0 < (y == 0).mean() < 1
    assert len({row.tobytes() for row in y[:, 0]}) > 1


@pytest.mark.parametrize("noise_shape", [(None, 1), (None, 2, None), (3, 1, 5), (None, None, None, 1)])
def test_a_noise_shape_that_does_not_fit_is_told(noise_shape, key):
    with pytest.raises(SpecError, match=r"does not broadcast to inputs \(4, 6, 5\); write one entry per axis"):
        nn.Dropout(0.5, noise_shape).init(key, jnp.ones((4, 6, 5)))


@pytest.mark.parametrize("rate", [1, 1.0, -0.1, 2])
def test_a_rate_outside_is_refused(rate):
    with pytest.raises(ValueError, match=r"rate must lie in \[0, 1\), got .*; write Dropout\(0.5\)"):
        nn.Dropout(rate)


def test_the_gradient_by_the_rate_passes():
    with jax.enable_x64(True):
        x = jnp.linspace(1.0, 2.0, 12, dtype=jnp.float64).reshape(3, 4)
        total = lambda rate: train(rate, x).sum()  # noqa: E731
        slope = (total(0.5 + 1e-6) - total(0.5 - 1e-6)) / 2e-6
        np.testing.assert_allclose(jax.grad(total)(0.5), slope, rtol=1e-6)
