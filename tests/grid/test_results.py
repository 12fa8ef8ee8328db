"""`Runs`: order, best and top, what diverged last and told, missing runs, and the widest dtype."""

from types import SimpleNamespace

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.cohort import Cohort
from jaxnn.grid.results import Runs
from jaxnn.grid.space import product
from jaxnn.train.outcome import Outcome

X = np.linspace(-1, 1, 8)[:, None]
Y = 2 * X[:, 0]


def made(history, diverged=(), stop=None, missing=(), dtype=np.float32, spec=()):
    """Runs of one epoch with these metrics, as a grid would have made them."""
    history = {name: np.array(values, dtype)[:, None] for name, values in history.items()}
    members = len(next(iter(history.values())))
    here = np.array([i for i in range(members) if i not in missing])
    sick = np.where(np.isin(np.arange(members), diverged), 3, -1)
    best = np.zeros(members, int)
    outcome = Outcome({}, {}, np.ones(members, int), best, sick, np.zeros(members, bool), history)
    outcome = jax.tree.map(lambda a: a[here], outcome)
    make = lambda k: SimpleNamespace(number=int(here[k]), spec=spec)  # noqa: E731
    return Runs(None, None, product(lr=[float(i) for i in range(members)]), None,
                (Cohort(here, outcome, make, None, stop),), {})  # fmt: skip


def test_order_is_that_of_the_metric_and_ties_that_of_the_space():
    runs = made(dict(loss=[3.0, 1.0, 2.0, 1.0], val_accuracy=[0.1, 0.9, 0.9, 0.5]))
    assert runs.order("loss").tolist() == [1, 3, 2, 0]
    assert runs.order("val_accuracy").tolist() == [1, 2, 3, 0]
    assert runs.order("loss", "max").tolist() == [0, 2, 1, 3]
    assert [run.number for run in runs.top(2, "loss")] == [1, 3]


def test_what_diverged_stands_last_and_nan_before_it():
    runs = made(dict(loss=[0.5, np.nan, 0.1, 0.3]), diverged=[2])
    assert runs.order("loss").tolist() == [3, 0, 1, 2]
    assert runs.order("loss", "max").tolist() == [0, 3, 1, 2]
    assert runs.best("loss").number == 3
    assert runs.diverged.tolist() == [2] and "1 of them diverged" in repr(runs)


def test_the_best_of_runs_that_all_diverged_is_told():
    runs = made(dict(loss=[0.5, 0.1]), diverged=[0, 1])
    with pytest.warns(nn.DivergedWarning, match="every run diverged"):
        assert runs.best().number == 1


@pytest.mark.parametrize(
    ("names", "default"),
    [
        (["loss", "accuracy", "val_loss", "val_accuracy"], "val_accuracy"),
        (["loss", "val_loss", "speed", "val_speed"], "val_loss"),
        (["loss", "accuracy"], "loss"),
    ],
)
def test_best_goes_by_validation_first(names, default):
    runs = made({name: [2.0, 1.0, 3.0] for name in names})
    assert runs.default_metric == default
    assert runs.best().number == (2 if default == "val_accuracy" else 1)


@pytest.mark.parametrize(("mode", "first"), [("max", 1), ("min", 0)])
def test_the_mode_that_stopping_was_given_holds(mode, first):
    stop = nn.EarlyStopping("val_speed", mode=mode)
    runs = made(dict(loss=[1.0, 2.0], val_speed=[0.2, 0.8]), stop=stop)
    assert runs.order("val_speed")[0] == first and runs.order("val_speed", "max")[0] == 1
    assert runs.order("loss")[0] == 0


def test_without_a_direction_there_is_no_best():
    runs = made(dict(loss=[1.0, 2.0], val_speed=[0.2, 0.8]))
    for call in (runs.order, runs.best, lambda m: runs.top(1, m)):
        with pytest.raises(ValueError, match=r'larger val_speed is better is not known; .* mode="max"\) or mode="min"'):
            call("val_speed")
    assert runs.best("val_speed", mode="max").number == 1 and runs.top(1, "val_speed", "min")[0].number == 0


def test_the_mode_of_a_trials_own_stopping_holds(tmp_path):
    def speed(outputs, targets):
        return (outputs[:, 0] - targets) ** 2

    def trial(lr):
        stop = nn.EarlyStopping("val_speed", mode="max")
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), (speed,), stop)

    options = dict(epochs=2, validation=0.25, plan="map", folder=tmp_path, progress=False)
    runs = nn.grid(trial, (X, Y), dict(lr=[0.1, 0.2]), **options)
    worst = int(np.argmax(runs.table["val_speed"]))
    assert runs.order("val_speed")[0] == nn.load_runs(tmp_path).order("val_speed")[0] == worst


def test_a_run_that_never_began_has_a_row_of_nothing():
    table = made(dict(loss=[3.0, 1.0, 2.0]), missing=[1], diverged=[2]).table
    assert table["lr"] == [0.0, 1.0, 2.0]
    assert (table["epochs_done"], table["best_epoch"]) == ([1, 0, 1], [0, -1, 0])
    assert table["diverged_at"] == [None, None, 3] and np.isnan(table["loss"]).tolist() == [False, True, False]


def test_missing_runs_are_named_and_the_others_are_there():
    runs = made(dict(loss=[3.0, 1.0, 2.0]), missing=[1], diverged=[2])
    assert len(runs) == 3 and [run.number for run in runs.finished] == [0, 2]
    assert runs.order("loss").tolist() == [0, 1, 2] and runs.best("loss").number == 0
    assert np.isnan(runs.table["loss"][1]) and runs.table["epochs_done"][1] == 0
    assert "1 of them not begun" in repr(runs)
    with pytest.raises(ValueError, match=r"run 1 had not begun; write runs\.finished"):
        runs[1]
    nothing = Runs(None, None, product(lr=[0.1]), None, (), {})
    assert nothing.finished == [] and len(nothing) == 1 and nothing.table["lr"] == [0.1]
    with pytest.raises(ValueError, match="no run has begun"):
        nothing.best()


def test_members_of_several_structures_stand_in_the_order_of_the_space():
    one, other = (
        made(dict(loss=[5.0, 6.0, 7.0, 8.0]), missing=[0, 2]),
        made(dict(loss=[5.0, 6.0, 7.0, 8.0]), missing=[1, 3], spec=(0,)),
    )
    runs = Runs(None, None, one.space, None, one.cohorts + other.cohorts, {})
    assert [run.number for run in runs] == [0, 1, 2, 3] == [run.number for run in runs[0:4]]
    assert runs.history["loss"][:, 0].tolist() == runs.table["loss"] == [5.0, 6.0, 7.0, 8.0]
    assert runs[-1].number == 3 and runs[np.int64(2)].number == 2 and runs[2] is runs[2]
    with pytest.raises(ValueError, match="the weights of 2 structures cannot be stacked"):
        runs.stacked_params()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_history_has_the_widest_dtype(dtype):
    runs = made(dict(loss=[1 / 3, 2 / 3]), dtype=dtype)
    assert runs.history["loss"].dtype == dtype
    assert runs.table["loss"][0] == float(dtype(1 / 3))


def test_under_x64_the_table_is_that_of_float64():
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    with jax.enable_x64(True):
        runs = nn.grid(trial, (X, Y), dict(seed=[0, 1]), epochs=2, plan="map", progress=False)
        assert runs.history["loss"].dtype == runs[1].history["loss"].dtype == np.float64
        assert runs.table["loss"][1] == runs[1].history["loss"][-1] != float(np.float32(runs.table["loss"][1]))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda runs: runs.order("speed"), ValueError, "the history has no 'speed'; choose one of loss"),
        (lambda runs: runs.order("loss", "maximum"), ValueError, 'mode must be "min", "max" or None'),
        (lambda runs: runs.top(0), ValueError, r"top takes 1 to 2 runs, got 0; write runs\.top\(2\)"),
        (lambda runs: runs.top(3), ValueError, "top takes 1 to 2 runs, got 3"),
        (lambda runs: runs[2], IndexError, r"there are 2 runs; write runs\[1\] for the last"),
        (lambda runs: runs.replay(0), ValueError, "runs out of a folder hold no trial function"),
    ],
)
def test_bad_calls_say_what_to_write(call, kind, message):
    with pytest.raises(kind, match=message):
        call(made(dict(loss=[1.0, 2.0])))


def test_runs_are_counted_from_both_ends():
    runs = made(dict(loss=[3.0, 1.0, 2.0]))
    assert [runs[i].number for i in (0, 2, -1, -3)] == [0, 2, 2, 0]
    for i in (3, -4, 7):
        with pytest.raises(IndexError, match=r"there are 3 runs; write runs\[2\] for the last"):
            runs[i]


def test_weights_of_one_structure_are_stacked_and_those_of_several_refused():
    def trial(lr, hidden=()):
        return nn.Trial(nn.mlp(hidden, 1), "squared_error", optax.sgd(lr))

    options = dict(epochs=1, batch_size=8, progress=False)
    runs = nn.grid(trial, (X, Y), dict(lr=[0.1, 0.2]), **options)
    kernel = runs.stacked_params()["dense_0"]["kernel"]
    np.testing.assert_array_equal(kernel, np.stack([r.params["dense_0"]["kernel"] for r in runs]))
    with pytest.raises(ValueError, match=r"weights of 2 structures cannot be stacked; write runs\[i\]\.params"):
        nn.grid(trial, (X, Y), dict(lr=[0.1], hidden=[(), (2,)]), **options).stacked_params()
