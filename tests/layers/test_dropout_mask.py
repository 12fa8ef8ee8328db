"""Sixteen bits a unit, compared as whole numbers: against NumPy, and with exact binomial bounds from SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxnn.layers.dropout_mask import PIECE, keep_mask

KEY = jax.random.key(5, impl="threefry2x32")
SHAPE = (40, 500)  # 20,000 units, so several pieces on a CPU
SHAPES = [(3,), (4,), (5, 1, 7), (4, PIECE), (4 * PIECE + 1,), (3, 5 * PIECE)]


def dropped(rate, key=KEY, shape=SHAPE):
    return ~np.asarray(keep_mask(key, jnp.float32(rate), shape))


def likely(hits, trials, chance):
    """Whether so many hits are within what the binomial distribution lets happen 999 times of 1,000."""
    return stats.binomtest(int(hits), int(trials), float(chance)).pvalue > 1e-3


def bits(key, shape):
    """The 16 bits of each unit, in NumPy out of the keys ``fold_in(key, i)``."""
    size = int(np.prod(shape))
    numbers = jnp.arange(-(-size // 4), dtype=jnp.uint32)
    words = np.asarray(jax.vmap(lambda i: jax.random.key_data(jax.random.fold_in(key, i)))(numbers))
    halves = [words[:, 0] % 65536, words[:, 0] // 65536, words[:, 1] % 65536, words[:, 1] // 65536]
    return np.concatenate(halves)[:size].reshape(shape).astype(int)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_unit_stays_where_its_bits_reach_the_level_of_the_rate(shape):
    drawn = bits(KEY, shape)
    for rate in (0.0, 2**-16, 0.1, 0.3, 0.5, 0.9, 1 - 2**-16):
        level = round(float(np.float32(rate)) * 65536)
        np.testing.assert_array_equal(dropped(rate, KEY, shape), drawn < level)


@given(rate=st.floats(0, 1, exclude_max=True, width=32), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_the_level_is_the_nearest_for_any_rate(rate, seed):
    key, shape = jax.random.key(seed, impl="threefry2x32"), (8, 16)
    np.testing.assert_array_equal(dropped(rate, key, shape), bits(key, shape) < np.rint(rate * 65536))


def test_the_ends_of_the_range():
    assert not dropped(0.0).any()
    assert not dropped(2**-18).any()
    assert dropped(np.nextafter(np.float32(1), np.float32(0))).all()
    assert likely(dropped(1 - 2**-10).sum(), 20_000, 1 - 2**-10)


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.3, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_units_are_dropped_with_the_rate(rate, seed):
    assert likely(dropped(rate, jax.random.key(seed, impl="threefry2x32")).sum(), 20_000, rate)


def test_all_levels_are_drawn_equally_often():
    """Between neighbouring rates fall equally many units, by the high bits and by the low ones."""
    cuts = np.stack([dropped(i / 32) for i in range(1, 32)]).sum((1, 2))
    assert stats.chisquare(np.diff([0, *cuts, 20_000])).pvalue > 1e-3
    low = np.bincount(bits(KEY, SHAPE).ravel() % 32)
    assert stats.chisquare(low).pvalue > 1e-3


@pytest.mark.parametrize("rate", [0.2, 0.5])
@pytest.mark.parametrize("apart", [1, 2, 250, 500, 5_000, 10_000])
def test_units_are_independent(rate, apart):
    """Of pairs without a unit in common, both are dropped with the square of the rate; four units share a key."""
    flat = dropped(rate).ravel().reshape(-1, 2, apart)
    assert likely((flat[:, 0] & flat[:, 1]).sum(), 10_000, np.float32(rate) ** 2)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_steps_are_independent_and_no_unit_is_dropped_more_than_another(rate):
    keys = jax.vmap(lambda i: jax.random.fold_in(KEY, i))(jnp.arange(1_000))
    steps = ~np.asarray(jax.vmap(lambda k: keep_mask(k, jnp.float32(rate), (8, 10)))(keys)).reshape(1_000, 80)
    both = steps[::2] & steps[1::2]
    assert likely(both.sum(), both.size, np.float32(rate) ** 2)
    chances = [stats.binomtest(int(n), 1_000, rate).pvalue for n in steps.sum(0)]
    assert min(chances) > 1e-3 / 80
    assert stats.kstest(chances, "uniform", alternative="greater").pvalue > 1e-3


def test_other_keys_draw_other_masks():
    one, two = (dropped(0.3, jax.random.key(seed, impl="threefry2x32")) for seed in (0, 1))
    assert likely((one == two).sum(), one.size, 0.3**2 + 0.7**2)
    np.testing.assert_array_equal(one, dropped(0.3, jax.random.key(0, impl="threefry2x32")))


@pytest.mark.parametrize("shape", [(5, 7), (3, 5 * PIECE)])
def test_one_mask_alone_under_jit_and_under_vmap(shape):
    keys, rates = jax.random.split(KEY, 3), jnp.array([0.1, 0.4, 0.7])
    alone = np.stack([keep_mask(k, r, shape) for k, r in zip(keys, rates, strict=True)])
    compiled = jax.jit(lambda k, r: keep_mask(k, r, shape))
    np.testing.assert_array_equal(np.stack([compiled(k, r) for k, r in zip(keys, rates, strict=True)]), alone)
    np.testing.assert_array_equal(jax.jit(jax.vmap(lambda k, r: keep_mask(k, r, shape)))(keys, rates), alone)
    scanned = jax.lax.scan(lambda _, each: (None, keep_mask(*each, shape)), None, (keys, rates))[1]
    np.testing.assert_array_equal(scanned, alone)


def test_an_empty_mask():
    assert keep_mask(KEY, jnp.float32(0.5), (0, 3)).shape == (0, 3)


def test_only_a_cpu_draws_in_pieces():
    """The bits are the same: the keys are drawn by their numbers, one piece after the other or all at once."""

    def calls(platform):
        traced = jax.jit(lambda k: keep_mask(k, jnp.float32(0.3), SHAPE)).trace(KEY)
        return traced.lower(lowering_platforms=(platform,)).as_text().count("stablehlo.while")

    assert calls("cuda") == calls("tpu") == 0
    assert calls("cpu") > 0
