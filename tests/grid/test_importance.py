"""Shares of a variance whose parts are known in closed form, and beside Optuna's fANOVA."""

import sys

import numpy as np
import pytest

RNG = np.random.default_rng(0)


def test_shares_are_those_of_a_sum_whose_parts_are_known(made_runs):
    """Of ``a f + b g + c f g`` with f, g of mean 0 and variance 1, on a whole grid, the shares are a², b² and c²."""
    f, g = (v / v.std() for v in (np.arange(5.0) - 2, np.arange(4.0) - 1.5))
    values = 3 * f[:, None] + 2 * g + f[:, None] * g
    runs = made_runs(dict(lr=[0.1, 0.2, 0.3, 0.4, 0.5], l2=[1.0, 2.0, 3.0, 4.0]), val_loss=values)
    found = runs.importance()
    np.testing.assert_allclose(
        [found.shares["lr"], found.shares["l2"], found.pairs["lr", "l2"]], np.array([9, 4, 1]) / 14
    )
    np.testing.assert_allclose(found.rest, 0, atol=1e-12)
    np.testing.assert_allclose([found.totals["lr"], found.totals["l2"]], np.array([10, 5]) / 14)
    assert found.table["axis"] == ["lr", "l2", "lr x l2"] and "exact on the whole grid of 5 x 4" in repr(found)
    np.testing.assert_allclose(sum(found.to_pandas()["share"]), 1)
    assert repr(found).splitlines()[1].split() == ["lr", "64.3%", "71.4%"]


def test_what_three_axes_explain_together_is_the_rest(made_runs):
    sign = np.array([-1.0, 1.0])
    values = sign[:, None, None] * sign[:, None] * sign + 0.5 * sign
    found = made_runs(dict(a=["x", "y"], b=[None, (1,)], c=[1, 2]), val_loss=values).importance()
    np.testing.assert_allclose(found.rest, 1 / 1.25)
    np.testing.assert_allclose([found.shares[n] for n in "abc"], [0, 0, 0.25 / 1.25], atol=1e-12)


def test_it_is_the_decomposition_of_statsmodels(made_runs):
    """With the effects coded so that they sum to 0, each term's sum of squares over the total is its share."""
    formula = pytest.importorskip("statsmodels.formula.api")
    from statsmodels.stats.anova import anova_lm

    runs = made_runs(dict(a=[1, 2, 3], b=["p", "q"], seed=range(4)), val_loss=RNG.normal(size=24))
    frame = runs.to_pandas()
    table = anova_lm(formula.ols("val_loss ~ (C(a) + C(b) + C(seed)) ** 2", frame).fit(), typ=2)["sum_sq"]
    table /= table.sum()
    found = runs.importance()
    for name in ("a", "b", "seed"):
        np.testing.assert_allclose(found.shares[name], table[f"C({name})"], rtol=1e-8)
    for one, other in found.pairs:
        np.testing.assert_allclose(found.pairs[one, other], table[f"C({one}):C({other})"], rtol=1e-8)
    np.testing.assert_allclose(found.rest, table["Residual"], rtol=1e-8)


def test_seeds_that_are_not_whole_are_averaged(made_runs):
    values = RNG.normal(size=(3, 2, 4))
    space = dict(lr=[0.1, 0.2, 0.3], l2=[0.0, 1.0], seed=range(4))
    found = made_runs(space, val_loss=values, diverged=[0, 9]).importance()
    values.reshape(-1)[[0, 9]] = np.nan
    means = made_runs(dict(lr=[0.1, 0.2, 0.3], l2=[0.0, 1.0]), val_loss=np.nanmean(values, axis=2)).importance()
    for name in means.shares:
        np.testing.assert_allclose(found.shares[name], means.shares[name])
    assert "3 x 2, means over seed" in repr(found) and found.left_out == 2 and found.runs == 22


def test_a_value_at_which_all_diverged_drops_out(made_runs):
    values = RNG.normal(size=(2, 3))
    whole = made_runs(dict(lr=[0.1, 0.2], l2=[0.0, 1.0, 2.0]), val_loss=values).importance()
    more = np.concatenate([values, np.full((1, 3), np.nan)])
    found = made_runs(dict(lr=[0.1, 0.2, 9.0], l2=[0.0, 1.0, 2.0]), val_loss=more, diverged=[6, 7, 8]).importance()
    assert found.shares == whole.shares and found.left_out == 3


def test_an_axis_of_one_value_explains_nothing_and_is_left_out(made_runs):
    found = made_runs(dict(lr=[0.1, 0.2], l2=[0.5]), val_loss=[1.0, 2.0]).importance()
    assert found.shares == {"lr": 1.0}


def ishigami(made_runs, points=400):
    """``sin a + 7 sin² b + 0.1 c⁴ sin a`` on [-π, π]: shares 0.3139, 0.4424 and 0 alone, 0.2437 of a and c."""
    a, b, c = RNG.uniform(-np.pi, np.pi, size=(3, points))
    values = np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)
    space = [dict(a=float(x), b=float(y), c=float(z)) for x, y, z in zip(a, b, c, strict=True)]
    return made_runs(space, val_loss=values)


def test_random_points_have_the_shares_of_ishigamis_function(made_runs):
    found = ishigami(made_runs).importance()
    assert list(found.shares) == ["b", "a", "c"] and "by a forest of 100 trees" in repr(found)
    for name, alone, total in (("a", 0.3139, 0.5576), ("b", 0.4424, 0.4424), ("c", 0.0, 0.2437)):
        assert abs(found.shares[name] - alone) < 0.08, (name, found.shares)
        assert abs(found.totals[name] - total) < 0.08, (name, found.totals)


def test_optuna_finds_the_same_order_of_axes(made_runs):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rates, names = np.exp(RNG.uniform(-7, 0, 60)), RNG.integers(0, 3, 60)
    values = 4 * np.log(rates) + 3 * names
    space = [dict(lr=float(r), act=["relu", (8,), None][k], l2=float(l2))
             for r, k, l2 in zip(rates, names, RNG.uniform(size=60), strict=True)]  # fmt: skip
    found = made_runs(space, val_loss=values).importance()
    study = optuna.create_study()
    known = {"lr": optuna.distributions.FloatDistribution(rates.min(), rates.max(), log=True),
             "l2": optuna.distributions.FloatDistribution(0, 1),
             "act": optuna.distributions.CategoricalDistribution([0, 1, 2])}  # fmt: skip
    for point, k, v in zip(space, names, values, strict=True):
        params = {**point, "act": int(k)}
        study.add_trial(optuna.create_trial(params=params, distributions=known, value=v))
    theirs = optuna.importance.FanovaImportanceEvaluator(n_trees=16, seed=0).evaluate(study)
    assert list(found.shares) == sorted(theirs, key=lambda name: -theirs[name]) == ["lr", "act", "l2"]
    of_rate, of_act = 16 * 7**2 / 12, 3**2 * 2 / 3  # variances of the two terms
    wanted = np.array([of_rate, of_act, 0.0]) / (of_rate + of_act)
    np.testing.assert_allclose(list(found.shares.values()), wanted, atol=0.1)


def test_seeds_are_averaged_for_the_forest(made_runs):
    rates = RNG.uniform(size=20)
    space = [dict(lr=float(r), l2=float(r) ** 2, seed=s) for r in rates for s in range(2)]
    found = made_runs(space, val_loss=RNG.normal(size=40), diverged=[3]).importance()
    assert set(found.shares) == {"lr", "l2"} and found.left_out == 1 and found.runs == 39


def test_without_scikit_learn_it_says_what_to_install(made_runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    runs = made_runs([dict(lr=0.1, l2=1.0), dict(lr=0.2, l2=2.0)], val_loss=[1.0, 2.0])
    with pytest.raises(ImportError, match=r"no whole grid, .* write pip install 'jaxnn-grid\[data\]'"):
        runs.importance()


def test_without_variance_there_is_nothing_to_share_out(made_runs):
    for options in (dict(val_loss=[1.0, 1.0]), dict(val_loss=[1.0, 2.0], diverged=[0, 1])):
        with pytest.raises(ValueError, match="there is no variance of val_loss to share out"):
            made_runs(dict(lr=[0.1, 0.2]), **options).importance()
    with pytest.raises(ValueError, match="the history has no 'speed'"):
        made_runs(dict(lr=[0.1, 0.2]), val_loss=[1.0, 2.0]).importance("speed")
