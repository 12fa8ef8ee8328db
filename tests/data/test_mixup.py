import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.data.mixup import Mixed, partners, symmetric_beta

KEY = jax.random.key(4, impl="threefry2x32")
RNG = np.random.default_rng(0)
MIX = jax.jit(lambda alpha, key, batch: nn.Mixup(alpha)(key, batch))


def batch_of(n, weight=None, rows=None):
    """Rows that carry their own number as input, target and, in part, as a one-hot input."""
    x = {"number": jnp.arange(n, dtype=jnp.float32), "image": jnp.eye(n, dtype=jnp.float32)[:, :, None]}
    weight = jnp.ones(n) if weight is None else jnp.asarray(weight, jnp.float32)
    return nn.Batch(x, jnp.arange(n), weight, rows)


def mixed(alpha, batch, key=KEY):
    return MIX(alpha, key, batch)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_shares_are_drawn_from_the_beta_distribution_one_for_each_row(alpha):
    share = np.asarray(mixed(alpha, batch_of(2000)).y.share, np.float64)
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 1e-3
    assert abs(np.corrcoef(share[1:], share[:-1])[0, 1]) < 4 / np.sqrt(2000)


def test_inputs_targets_and_weights_are_blended_by_the_same_share():
    weight = RNG.uniform(0.5, 2, 7)
    after = mixed(1.0, batch_of(7, weight))
    (one, other, s), whole = map(np.asarray, after.y), np.arange(7)
    np.testing.assert_array_equal(one, whole)
    assert sorted(other) == list(whole)
    np.testing.assert_allclose(after.x["number"], s * whole + (1 - s) * other, rtol=1e-5)
    image = s[:, None] * np.eye(7) + (1 - s[:, None]) * np.eye(7)[other]
    np.testing.assert_allclose(after.x["image"][..., 0], image, atol=1e-6)
    np.testing.assert_allclose(after.weight, s * weight + (1 - s) * weight[other], rtol=1e-5)


def test_padding_and_rows_of_weight_zero_are_no_partners_and_stay_as_they_are():
    weight = np.array([1, 0, 2, 1, 1, 1.0])
    rows = jnp.array([True, True, True, False, True, True])
    live = [0, 2, 4, 5]
    found = []
    for i in range(60):
        after = mixed(1.0, batch_of(6, weight, rows), jax.random.fold_in(KEY, i))
        other = np.asarray(after.y.other)
        found.append(tuple(other[live]))
        assert sorted(other[live]) == live
        assert other[[1, 3]].tolist() == [1, 3]
        np.testing.assert_allclose(np.asarray(after.x["number"])[[1, 3]], [1, 3], rtol=1e-6)
        assert float(after.weight[1]) == 0
        assert after.rows is rows or (np.asarray(after.rows) == np.asarray(rows)).all()
    assert len(set(found)) > 15


def test_all_permutations_are_as_likely():
    live = jnp.array([True, False, True, True])
    found = np.asarray(jax.vmap(lambda k: partners(k, live))(jax.random.split(KEY, 6000)))
    kinds, counts = np.unique(found, axis=0, return_counts=True)
    assert (len(kinds), (kinds[:, 1] == 1).all()) == (6, True)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_an_alpha_of_zero_mixes_nothing_to_the_bit():
    batch = batch_of(5, [1, 2, 3, 0, 1])
    batch = batch._replace(x=jnp.array([-0.0, 1e-40, 3.3, 7, np.inf], jnp.float32)[:, None])
    after = mixed(0.0, batch)
    assert np.asarray(after.x).tobytes() == np.asarray(batch.x).tobytes()
    np.testing.assert_array_equal(after.weight, batch.weight)
    np.testing.assert_array_equal(after.y.share, np.ones(5))
    loss = after.y.judge(lambda outputs, y: outputs * y.astype(float), jnp.full(5, 0.3))
    np.testing.assert_array_equal(loss, jnp.full(5, 0.3) * jnp.arange(5.0))


def test_whole_labels_are_judged_as_blended_ones():
    logits, share = RNG.normal(size=(6, 4)).astype(np.float32), RNG.uniform(size=6).astype(np.float32)
    one, other = RNG.integers(0, 4, (2, 6))
    soft = share[:, None] * np.eye(4)[one] + (1 - share[:, None]) * np.eye(4)[other]
    y = Mixed(jnp.asarray(one), jnp.asarray(other), jnp.asarray(share))
    found = y.judge(nn.losses.softmax_cross_entropy, jnp.asarray(logits))
    np.testing.assert_allclose(found, -(soft * special.log_softmax(logits, -1)).sum(-1), rtol=1e-5)
    right = y.judge(nn.metrics.accuracy, jnp.asarray(logits))
    np.testing.assert_allclose(right, soft[np.arange(6), logits.argmax(-1)], rtol=1e-6)


def test_the_gradient_of_the_squared_error_is_that_of_blended_targets():
    outputs, share = RNG.normal(size=(5, 2)), RNG.uniform(size=5)
    one, other = RNG.normal(size=(2, 5, 2))
    with jax.enable_x64(True):
        y = Mixed(*map(jnp.asarray, (one, other, share)))
        found = jax.grad(lambda o: y.judge(nn.losses.squared_error, o).sum())(jnp.asarray(outputs))
    blended = share[:, None] * one + (1 - share[:, None]) * other
    np.testing.assert_allclose(found, outputs - blended, rtol=1e-9)


@pytest.mark.parametrize("x", [jnp.ones((3, 2), jnp.int32), (jnp.ones((3, 2, 1)), jnp.ones((3, 2), jnp.int32))])
def test_words_and_masks_are_told(x):
    with pytest.raises(SpecError, match=r"Mixup blends inputs, which must be floats, and got int32 of shape \(3, 2\)"):
        nn.Mixup(0.2)(KEY, nn.Batch(x, jnp.arange(3), jnp.ones(3)))


def test_an_alpha_below_zero_is_refused_and_the_record_prints_itself():
    with pytest.raises(ValueError, match=r"alpha must be 0 or more, got -0.1; write Mixup\(0.2\)"):
        nn.Mixup(-0.1)
    assert (repr(nn.Mixup(0.2)), nn.Mixup(0.2) == nn.Mixup(0.2)) == ("Mixup(alpha=0.2)", True)


DRAW = jax.jit(symmetric_beta, static_argnums=2)


@pytest.mark.parametrize("alpha", [0.1, 0.3, 0.5, 1.0, 2.0, 5.0])
def test_symmetric_draws_are_those_of_the_beta_distribution(alpha):
    """Draws below 1/2, and those above it as far as floats near 1 tell them apart; as many are small as large."""
    drawn = np.asarray(DRAW(KEY, jnp.float32(alpha), 20000), np.float64)
    cdf = stats.beta(alpha, alpha).cdf
    small, large = drawn[drawn < 0.5], 1 - drawn[(drawn > 0.5) & (drawn < 0.999)]
    assert stats.kstest(small, lambda b: 2 * cdf(b)).pvalue > 1e-3
    assert stats.kstest(large, lambda b: (cdf(b) - cdf(0.001)) / (0.5 - cdf(0.001))).pvalue > 1e-3
    assert abs(len(small) - 10000) < 4 * np.sqrt(5000)


def test_the_derivative_in_alpha_is_that_of_each_draw():
    total = lambda alpha: DRAW(KEY, alpha, 500).std()  # noqa: E731
    with jax.enable_x64(True):
        slope = jax.grad(total)(jnp.float64(0.3))
        up, down = (float(total(jnp.float64(0.3 + step))) for step in (1e-6, -1e-6))
    np.testing.assert_allclose(slope, (up - down) / 2e-6, rtol=1e-5)
