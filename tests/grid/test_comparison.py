"""Paired comparisons against SciPy, and the correction for folds against a simulation."""

import numpy as np
import pytest
from scipy import stats

from jaxnn.grid.comparison import paired

RNG = np.random.default_rng(0)
VALUES = RNG.normal(size=(2, 3, 8)) + np.array([0.0, 0.7])[:, None, None]
SPACE = dict(lr=[0.1, 0.01], l2=[0.0, 0.1, 0.2], seed=range(8))


@pytest.fixture
def runs(made_runs):
    return made_runs(SPACE, val_loss=VALUES, val_accuracy=-VALUES)


@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_pairs_by_seed_are_those_of_the_paired_t_test(runs, confidence):
    one, other = VALUES[0, 1], VALUES[1, 1]
    found = runs.compare(dict(lr=0.1, l2=0.1), dict(lr=0.01, l2=0.1), "val_loss", confidence=confidence)
    wanted = stats.ttest_rel(one, other)
    interval = wanted.confidence_interval(confidence)
    np.testing.assert_allclose(found.p, wanted.pvalue, rtol=1e-10)
    np.testing.assert_allclose((found.low, found.high), interval, rtol=1e-10)
    np.testing.assert_allclose((found.difference, *found.means), ((one - other).mean(), one.mean(), other.mean()))
    assert (found.pairs, found.over, found.better) == (8, ("seed",), dict(lr=0.1, l2=0.1))


def test_values_of_other_axes_are_no_seeds_and_averaged_first(runs):
    found = runs.compare(dict(lr=0.1), dict(lr=0.01), "val_accuracy")
    wanted = stats.ttest_rel(*-VALUES.mean(1))
    np.testing.assert_allclose(
        (found.p, found.difference), (wanted.pvalue, -(VALUES[0] - VALUES[1]).mean()), rtol=1e-10
    )
    assert (found.pairs, found.over, found.within, found.better) == (8, ("seed",), ("l2",), dict(lr=0.1))
    assert "8 pairs by seed, each a mean over l2, paired t test" in repr(found)


def test_without_seeds_every_other_axis_makes_the_pairs(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.01], l2=[0.0, 0.1, 0.2], seed=[0]), val_loss=VALUES[:, :, 0])
    found = runs.compare(dict(lr=0.1), dict(lr=0.01))
    np.testing.assert_allclose(found.p, stats.ttest_rel(*VALUES[:, :, 0]).pvalue, rtol=1e-10)
    assert (found.pairs, found.over, found.within) == (3, ("l2", "seed"), ())


def test_the_signed_rank_test_is_that_of_scipy(runs):
    found = runs.compare(dict(lr=0.1), dict(lr=0.01), "val_loss", test="wilcoxon")
    np.testing.assert_allclose(found.p, stats.wilcoxon(*VALUES.mean(1)).pvalue, rtol=1e-10)
    assert "Wilcoxon" in repr(found)


def test_folds_widen_the_interval_as_nadeau_and_bengio_say(made_runs):
    values = RNG.normal(size=(2, 5))
    runs = made_runs(dict(lr=[0.1, 0.01], fold=range(5)), val_loss=values)
    found = runs.compare(dict(lr=0.1), dict(lr=0.01))
    each = values[0] - values[1]
    t = each.mean() / np.sqrt((1 / 5 + 1 / 4) * each.var(ddof=1))
    np.testing.assert_allclose(found.p, 2 * stats.t.sf(abs(t), 4), rtol=1e-10)
    assert "t test corrected for folds (0.25 held-out rows for one training row)" in repr(found)
    shuffled = runs.compare(dict(lr=0.1), dict(lr=0.01), held=1 / 9)
    t = each.mean() / np.sqrt((1 / 5 + 1 / 9) * each.var(ddof=1))
    np.testing.assert_allclose(shuffled.p, 2 * stats.t.sf(abs(t), 4), rtol=1e-10)


def test_seeds_of_a_fold_are_one_pair(made_runs):
    values = RNG.normal(size=(2, 3, 5))
    runs = made_runs(dict(lr=[0.1, 0.01], seed=range(3), fold=range(5)), val_loss=values)
    means = made_runs(dict(lr=[0.1, 0.01], fold=range(5)), val_loss=values.mean(1))
    many, one = (r.compare(dict(lr=0.1), dict(lr=0.01)) for r in (runs, means))
    assert many.pairs == one.pairs == 5
    np.testing.assert_allclose((many.p, many.low), (one.p, one.low), rtol=1e-10)


def test_the_corrected_test_keeps_its_level_where_the_plain_one_does_not():
    """Two guesses of a mean that are equally good, in ten random splits of 30 rows into halves, over and over."""
    rng = np.random.default_rng(0)
    false = {0.0: 0, 1.0: 0}
    for _ in range(400):
        x, y = rng.normal(size=(2, 30))
        one, other = [], []
        for _ in range(10):
            order = rng.permutation(30)
            train, test = order[:15], order[15:]
            one.append(((x[test] - x[train].mean()) ** 2).mean())
            other.append(((y[test] - y[train].mean()) ** 2).mean())
        for share in false:
            false[share] += paired(one, other, "m", {}, {}, share=share).p < 0.05
    assert false[0.0] > 0.3 * 400 and false[1.0] < 0.2 * 400


def test_pairs_of_which_one_diverged_are_left_out_and_told(made_runs):
    values = VALUES[:, 0].copy()
    values[1, 3] = np.nan
    runs = made_runs(dict(lr=[0.1, 0.01], seed=range(8)), val_loss=values, diverged=[0], missing=[15])
    found = runs.compare(dict(lr=0.1), dict(lr=0.01))
    keep = [1, 2, 4, 5, 6]
    np.testing.assert_allclose(found.p, stats.ttest_rel(values[0, keep], values[1, keep]).pvalue, rtol=1e-10)
    assert found.pairs == 5 and found.left_out == 3 and "3 pairs left out" in repr(found)


@pytest.mark.parametrize(("shift", "p"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_difference_without_spread_is_certain(shift, p):
    found = paired([1.0 + shift] * 3, [1.0] * 3, "m", {"a": 1}, {"a": 2}, rises=True)
    assert found.p == p and found.low == found.high == shift
    assert found.better == ({"a": 1} if shift else None)
    assert paired([1.0] * 3, [1.0] * 3, "m", {}, {}, test="wilcoxon").p == 1.0


def test_in_a_selection_too(runs):
    some = runs.where(l2=[0.1, 0.2], seed=[0, 1, 2])
    found = some.compare(dict(lr=0.1), dict(lr=0.01), "val_loss")
    wanted = stats.ttest_rel(*VALUES[:, 1:, :3].mean(1))
    np.testing.assert_allclose(found.p, wanted.pvalue, rtol=1e-10)


@pytest.mark.parametrize(
    ("settings", "options", "message"),
    [
        ((dict(lr=0.1), dict(l2=0.1)), {}, r"the same axes, .*write runs.compare\(dict\(lr=0.1\), dict\(lr=0.01\)\)"),
        (({}, {}), {}, "the same axes"),
        ((0.1, 0.01), {}, r"the same axes, got 0.1 and 0.01; write runs.compare\("),
        ((dict(lr=0.1), dict(lr=0.5)), {}, "no run has lr=0.5; the nearest is 0.1"),
        ((dict(lr=0.1), dict(lr=[0.1, 0.01])), {}, "is not one setting; give one value to each axis"),
        ((dict(lr=0.1), dict(lr=0.01)), dict(test="sign"), 'test is "t"'),
        ((dict(lr=0.1), dict(lr=0.01)), dict(metric="speed"), "the history has no 'speed'"),
        ((dict(lr=0.1, l2=0.0, seed=0), dict(lr=0.01, l2=0.0, seed=0)), {}, r"have 1 pairs by any other axis, .*seed="),
        ((dict(seed=0, l2=0.0), dict(seed=1, l2=0.0)), dict(test="t"), None),
    ],
)
def test_bad_calls_say_what_to_write(runs, settings, options, message):
    if message is None:
        assert runs.compare(*settings, **options).pairs == 2
        return
    with pytest.raises(ValueError, match=message):
        runs.compare(*settings, **options)


def test_settings_without_pairs_are_told(made_runs):
    runs = made_runs([dict(lr=0.1, seed=0), dict(lr=0.1, seed=1), dict(lr=0.2, seed=2)], val_loss=[1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"have 0 pairs by seed, .* write an axis seed=range\(10\)"):
        runs.compare(dict(lr=0.1), dict(lr=0.2))
