"""Some of the runs are runs again; those of two grids are one."""

import numpy as np
import optax
import pytest

import jaxnn as nn

X = np.linspace(-1, 1, 16)[:, None].astype(np.float32)
DATA = (X, 2 * X[:, 0])
SPACE = dict(hidden=[(), (2,)], lr=[0.1, 0.01, 1e30], seed=[0, 1])
OPTIONS = dict(epochs=2, batch_size=8, validation=0.25, plan="map", progress=False)


def trial(lr, hidden=()):
    return nn.Trial(nn.mlp(hidden, 1), "squared_error", optax.sgd(lr))


@pytest.fixture(scope="module")
def runs():
    with pytest.warns(nn.DivergedWarning):
        return nn.grid(trial, DATA, SPACE, **OPTIONS)


@pytest.fixture
def made(made_runs):
    space = dict(lr=[0.1, 0.01, 0.001], hidden=[(8,), (8, 8)], act=[np.tanh, "relu", None])
    return made_runs(space, val_loss=np.arange(18.0), loss=np.arange(18.0)[::-1], diverged=[4])


@pytest.mark.parametrize(
    ("conditions", "query"),
    [
        (dict(lr=0.1), "lr == 0.1"),
        (dict(lr=[0.1, 0.001]), "lr in (0.1, 0.001)"),
        (dict(lr=np.array([0.1, 0.01])), "lr in (0.1, 0.01)"),
        (dict(lr=lambda lr: lr < 0.05), "lr < 0.05"),
        (dict(lr=np.float32(0.1)), "lr == 0.1"),
        (dict(lr=0.1 * (1 + 1e-9)), "lr == 0.1"),
        (dict(lr=0.1, val_loss=lambda v: v > 2), "lr == 0.1 and val_loss > 2"),
        (dict(val_loss=5.0), "val_loss == 5"),
        (dict(val_loss=[5.0, 7]), "val_loss in (5, 7)"),
        (dict(hidden=(8,)), "index % 6 < 3"),
        (dict(hidden=[(8,), (8, 8)]), "index >= 0"),
        (dict(hidden=lambda sizes: len(sizes) == 2), "index % 6 >= 3"),
        (dict(act=np.tanh), "index % 3 == 0"),
        (dict(act="tanh"), "index % 3 == 0"),
        (dict(act=["relu", None]), "index % 3 > 0"),
        (dict(act=None), "index % 3 == 2"),
        (dict(diverged_at=None), "index != 4"),
        (dict(diverged_at=lambda step: step < 5), "index == 4"),
        ({}, "index >= 0"),
    ],
)
def test_the_runs_that_meet_conditions_are_those_of_pandas(made, conditions, query):
    found = made.where(**conditions)
    assert found.numbers.tolist() == made.to_pandas().query(query).index.tolist()
    assert [run.number for run in found] == found.numbers.tolist()


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        (dict(lr=0.05), r"no run has lr=0.05; the nearest is 0.1: write runs.where\(lr=0.1\)"),
        (dict(lr=[5, 6]), r"no run has lr=\[5, 6\]; the nearest is 0.1"),
        (dict(rate=1), "no axis and no metric 'rate'; choose one of lr, hidden, act"),
        (dict(hidden=(9,)), r"no run has hidden=\(9,\); it is one of \(8,\), \(8, 8\)"),
        (dict(lr=lambda lr: lr > 1), "no run meets the condition on lr, which goes from 0.001 to 0.1"),
        (dict(val_loss=lambda v: v < 0), "no run meets the condition on val_loss, which goes from 0.0 to 17.0"),
        (dict(act="gelu"), "no run has act='gelu'; it is one of 'tanh', 'relu', None"),
        (dict(lr=0.1, val_loss=17.0), "no run has lr=0.1 and val_loss=17.0 at once, though some have each"),
        (dict(lr=[]), "no run has lr="),
    ],
)
def test_where_no_run_is_left_it_says_what_is_nearest(made, conditions, message):
    with pytest.raises(ValueError, match=message):
        made.where(**conditions)


def test_what_was_selected_is_runs_again(runs):
    some = runs.where(lr=[0.1, 0.01], hidden=(2,))
    assert isinstance(some, nn.Runs) and some.numbers.tolist() == [6, 7, 8, 9] and len(some) == 4
    for name, values in runs.history.items():
        np.testing.assert_array_equal(some.history[name], values[6:10])
    assert {n: v[6:10] for n, v in runs.table.items()} == some.table
    assert repr(some[1]) == repr(runs[7]) and some.replay(1).metrics == runs[7].metrics
    kernel = some.stacked_params()["dense_0"]["kernel"]
    np.testing.assert_array_equal(kernel, np.stack([runs[i].params["dense_0"]["kernel"] for i in range(6, 10)]))
    np.testing.assert_array_equal(some.top(2).ensemble().predict(X), nn.Ensemble(tuple(some.top(2))).predict(X))
    assert some.best().hparams == min(runs[6:10], key=lambda run: run.metrics["val_loss"]).hparams
    again = some.where(seed=1)
    assert again.numbers.tolist() == [7, 9] and repr(again[1]) == repr(runs[9])
    assert runs.where(lr=1e30).diverged.tolist() == [0, 1, 2, 3]


def test_taken_runs_stand_in_the_order_asked_for(runs):
    some = runs.take([9, 0, -1])
    assert some.numbers.tolist() == [9, 0, 11] and [repr(r) for r in some] == [repr(runs[i]) for i in (9, 0, 11)]
    assert some.table["val_loss"][:2] == [runs.table["val_loss"][i] for i in (9, 0)]
    np.testing.assert_array_equal(
        runs.take([7, 6]).stacked_params()["dense_0"]["kernel"][0], runs[7].params["dense_0"]["kernel"]
    )
    for members, message in (([], "no run is chosen"), ([0, 0], "a run is chosen twice")):
        with pytest.raises(ValueError, match=message):
            runs.take(members)


def test_the_start_of_each_goes_with_it(made_runs):
    runs = made_runs(dict(seed=range(3)), loss=np.arange(3.0))
    runs.options["start"] = ["a", "b", "c"]
    assert runs.take([2, 0]).options["start"] == ["c", "a"]


def test_runs_that_had_not_begun_are_missing_among_the_taken_too(made_runs):
    some = made_runs(dict(lr=[0.1, 0.2, 0.3]), loss=[1.0, 2.0, 3.0], missing=[1]).take([2, 1])
    assert some.begun.tolist() == [0] and some[0].number == 2 and "1 of them not begun" in repr(some)


def test_joined_runs_are_those_of_both(runs):
    more = nn.grid(trial, DATA, dict(hidden=[()], lr=[0.1, 0.05], seed=[5]), **OPTIONS)
    both = runs + more
    assert len(both) == 14 and both.space == runs.space + more.space
    for name in runs.table:
        np.testing.assert_equal(both.table[name], runs.table[name] + more.table[name])
    assert repr(both[13]) == repr(more[1]) and both.diverged.tolist() == runs.diverged.tolist()
    one = both.where(hidden=())
    wanted = np.stack([both[int(i)].params["dense_0"]["kernel"] for i in one.numbers])
    np.testing.assert_array_equal(one.stacked_params()["dense_0"]["kernel"], wanted)
    with pytest.raises(ValueError, match="the weights of 3 structures cannot be stacked"):
        both.stacked_params()
    assert both.replay(12).metrics == more[0].metrics


def test_parts_of_one_grid_are_joined_to_the_whole(runs):
    whole = runs.where(seed=1) + runs.where(seed=0)
    assert whole.best("val_loss").hparams == runs.best("val_loss").hparams
    assert sorted(map(repr, whole)) == sorted(map(repr, runs))
    assert whole.by("lr", "hidden").table == runs.by("lr", "hidden").table


def test_runs_of_which_some_are_the_same_or_the_axes_differ_are_not_joined(made_runs):
    one = made_runs(dict(lr=[0.1, 0.2]), loss=[1.0, 2.0])
    two = made_runs(dict(lr=[0.3, 0.2]), loss=[1.0, 2.0])
    told = r"1 of the 2 points stand in both, {'lr': 0.2} as run 1 of the first and run 1 of the second; "
    with pytest.raises(ValueError, match=told + r"write runs \+ other.take\(\[0\]\) for the others"):
        one + two
    assert (one + two.take([0])).table["lr"] == [0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match="none is new"):
        one + one
    with pytest.raises(ValueError, match="over lr and over rate cannot be joined"):
        one + made_runs(dict(rate=[1.0]), loss=[1.0])
    with pytest.raises(TypeError):
        one + 1


def test_metrics_of_one_part_are_nan_in_the_other(made_runs):
    both = made_runs(dict(lr=[0.1]), loss=[[1.0, 2.0]]) + made_runs(dict(lr=[0.2]), loss=[3.0], val_loss=[4.0])
    assert both.table["loss"] == [2.0, 3.0] and both.table["epochs_done"] == [2, 1]
    np.testing.assert_array_equal(both.table["val_loss"], [np.nan, 4.0])
