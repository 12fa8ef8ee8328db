"""Means, spreads and intervals against pandas and SciPy."""

import numpy as np
import pandas
import pytest
from scipy import stats

from jaxnn.grid.levels import levels
from jaxnn.grid.statistics import statistics

RNG = np.random.default_rng(0)
SPACE = dict(lr=[0.1, 0.01, 0.001], act=["tanh", "relu"], seed=range(5))


@pytest.fixture
def runs(made_runs):
    return made_runs(SPACE, val_loss=RNG.normal(size=30), val_accuracy=RNG.uniform(size=30))


@pytest.mark.parametrize("axes", [("lr",), ("lr", "act"), ("act", "seed"), ("seed",)])
def test_they_are_those_of_pandas(runs, axes):
    ours = runs.by(*axes).to_pandas()
    theirs = runs.to_pandas().groupby(list(axes), sort=False)
    for metric in ("val_loss", "val_accuracy"):
        for name in ("mean", "std", "sem", "count"):
            pandas.testing.assert_series_equal(
                ours[f"{metric}_{name}"].sort_index(), theirs[metric].agg(name).sort_index(), check_names=False
            )


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_intervals_are_those_of_scipy(runs, confidence):
    table = runs.by("lr", confidence=confidence).table
    for i, lr in enumerate(table["lr"]):
        values = np.array(runs.table["val_loss"])[np.array(runs.table["lr"]) == lr]
        wanted = stats.t.interval(confidence, 4 + 5, loc=values.mean(), scale=stats.sem(values))
        np.testing.assert_allclose((table["val_loss_low"][i], table["val_loss_high"][i]), wanted, rtol=1e-10)


def test_numbers_are_sorted_and_words_stay_in_the_order_of_the_space(runs):
    assert runs.by("act", "lr").table["act"] == ["tanh"] * 3 + ["relu"] * 3
    assert runs.by("act", "lr").table["lr"] == [0.001, 0.01, 0.1] * 2


def test_what_diverged_has_not_begun_or_is_not_finite_does_not_count(made_runs):
    values = [1.0, 3.0, np.nan, 5.0, np.inf, 7.0, 9.0, 9.0]
    runs = made_runs(dict(lr=[0.1, 0.2], seed=range(4)), val_loss=values, diverged=[1], missing=[7])
    table = runs.by("lr").table
    assert (table["runs"], table["left_out"], table["val_loss_count"]) == ([3, 3], [1, 1], [2, 2])
    assert table["val_loss_mean"] == [3.0, 8.0]
    text = repr(runs.by("lr"))
    assert "left out" in text and "those that diverged or had not begun are left out" in text


def test_one_run_has_a_mean_and_no_spread_and_none_has_neither(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2]), val_loss=[1.0, 2.0], diverged=[1])
    table = runs.by("lr").table
    assert table["val_loss_mean"][0] == 1.0 and np.isnan(table["val_loss_mean"][1])
    assert np.isnan([table["val_loss_std"], table["val_loss_sem"], table["val_loss_low"]]).all()
    assert repr(runs.by("lr")).splitlines()[1].split() == ["0.1", "1", "0", "1"]


def test_a_list_of_axes_is_taken_as_pandas_takes_it(runs):
    assert repr(runs.by(["lr", "act"])) == repr(runs.by("lr", "act"))


def test_without_axes_it_is_one_row_over_all(runs):
    whole = runs.by()
    assert len(whole) == 1 and whole.table["runs"] == [30]
    np.testing.assert_allclose(whole.table["val_loss_mean"], np.mean(runs.table["val_loss"]))
    assert list(whole.to_pandas()["runs"]) == [30]


def test_strings_tuples_none_functions_and_booleans_are_values(made_runs):
    values = ["relu", (8, 8), (8,), None, True, 1, np.tanh, lambda x: x, lambda x: -x, np.ones(2)]
    runs = made_runs([dict(a=value, seed=s) for value in values for s in (0, 1)], loss=np.arange(20.0))
    own = runs.by("a").table
    assert own["loss_mean"] == [2 * k + 0.5 for k in range(10)]
    assert own["a"][:7] == ["relu", (8, 8), (8,), None, True, 1, "tanh"]
    assert own["a"][7:9] == ["<lambda>", "<lambda> (2)"]
    assert levels(runs, "a").codes.tolist() == np.repeat(np.arange(10), 2).tolist()


def test_the_best_row_is_that_of_the_best_mean(runs):
    means = runs.to_pandas().groupby(["lr", "act"])["val_loss"].mean()
    assert runs.by("lr", "act").best("val_loss") == dict(zip(("lr", "act"), means.idxmin(), strict=True))
    assert runs.by("lr", "act").best("val_loss", "max") == dict(zip(("lr", "act"), means.idxmax(), strict=True))
    best = runs.to_pandas().groupby("lr")["val_accuracy"].mean().idxmax()
    assert runs.by("lr").best() == {"lr": best}


def test_a_row_of_which_a_run_is_left_out_comes_after_whole_ones(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2, 0.3], seed=[0, 1]), val_loss=[1, 1, 5, 5, 3, np.nan], diverged=[0])
    assert runs.by("lr").order("val_loss").tolist() == [1, 0, 2]


def test_a_marginal_counts_settings(made_runs):
    space = dict(lr=[0.1, 0.2], l2=[0.0, 1.0, 2.0], seed=range(2))
    values = RNG.normal(size=(2, 3, 2))
    table = made_runs(space, val_loss=values).marginal("lr").table
    means = values.mean(2)
    assert table["settings"] == [3, 3]
    np.testing.assert_allclose(table["val_loss_mean"], means.mean(1))
    np.testing.assert_allclose(table["val_loss_sem"], stats.sem(means, axis=1))


def test_a_marginal_of_many_numbers_is_one_of_ranges(made_runs):
    rates = np.sort(RNG.uniform(size=40))
    values = RNG.normal(size=40)
    table = made_runs([dict(lr=float(lr)) for lr in rates], val_loss=values).marginal("lr", bins=5).table
    np.testing.assert_allclose(table["lr"], np.median(rates.reshape(5, 8), axis=1))
    np.testing.assert_allclose(table["val_loss_mean"], values.reshape(5, 8).mean(1))
    assert table["settings"] == [8] * 5


def test_many_metrics_are_not_all_printed(made_runs):
    made = made_runs(dict(lr=[0.1, 0.2]), **{f"m{k}": [1.0, 2.0] for k in range(5)}, val_loss=[1.0, 2.0])
    text = repr(made.by("lr"))
    assert "2 more in .table" in text and "val_loss" in text.splitlines()[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda runs: runs.by("rate"), "the space has no axis 'rate'; choose one of lr, act, seed"),
        (
            lambda runs: runs.by("lr", metric="speed"),
            "the history has no 'speed'; choose one of val_loss, val_accuracy",
        ),
        (lambda runs: runs.by("lr", confidence=95), "between 0 and 1, got 95; write confidence=0.95"),
        (lambda runs: runs.by("lr").best("loss"), "no statistics of 'loss'; choose one of val_loss, val_accuracy"),
        (lambda runs: runs.marginal("rate"), "the space has no axis 'rate'"),
    ],
)
def test_bad_calls_say_what_to_write(runs, call, message):
    with pytest.raises(ValueError, match=message):
        call(runs)


def test_a_metric_without_a_direction_has_no_best(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2]), val_speed=[1.0, 2.0])
    with pytest.raises(ValueError, match=r'write \.best\("val_speed", mode="max"\)'):
        runs.by("lr").best("val_speed")
    assert runs.by("lr").best("val_speed", "max") == {"lr": 0.2}


def test_statistics_of_columns_alone():
    made = statistics({"a": ["x", "y"]}, np.array([0, 1, 1]), {"m": [1.0, 2.0, 4.0]}, np.array([True, True, False]))
    assert made.table["m_mean"] == [1.0, 2.0] and made.table["left_out"] == [0, 1]
