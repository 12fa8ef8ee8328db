"""What came of members, as arrays, runs and columns."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.train.enrol import enrol
from jaxnn.train.outcome import Outcome, bare, columns, merged, shown

NAN = np.nan


def outcome(done=(2, 0, 3), best=None, diverged=(-1, 5, -1), curves=None):
    n = len(done)
    state = SimpleNamespace(epoch=jnp.array(done), diverged=jnp.array(diverged), stopped=jnp.zeros(n, bool))
    rising = np.arange(4.0 * n, dtype=np.float32).reshape(n, 4)
    curves = {"val_loss": rising, "loss": rising + 100} if curves is None else curves
    weights = {"kernel": np.arange(2.0 * n, dtype=np.float32).reshape(n, 2)}
    return Outcome.of(state, weights, {"mean": np.arange(float(n))}, best, curves)


def test_epochs_that_were_not_done_are_not_numbers():
    found = outcome()
    assert list(found.history) == ["loss", "val_loss"]
    np.testing.assert_array_equal(found.history["val_loss"], [[0, 1, NAN], [NAN] * 3, [8, 9, 10]])
    assert found.history["loss"].dtype == np.float32
    assert found.best_epoch.tolist() == [1, -1, 2] and found.epochs.tolist() == [2, 0, 3]
    assert outcome(best=np.array([0, -1, 1])).best_epoch.tolist() == [0, -1, 1]
    short = outcome(curves={"loss": np.ones((3, 1), np.float32)})
    np.testing.assert_array_equal(short.history["loss"], [[1], [NAN], [1]])
    assert outcome(done=(0, 0, 0), curves={}).history == {}
    assert outcome(done=(0, 0, 0)).history["loss"].shape == (3, 0)


def test_columns_show_the_chosen_epoch():
    found = outcome(best=np.array([0, -1, 1]))
    points = [{"lr": 0.1, "act": jnp.tanh, "warm": nn.traced(3)}, {"lr": 0.2}, {"lr": 0.3, "act": "relu"}]
    table = columns(points, ["lr", "act", "warm"], found)
    assert list(table) == ["lr", "act", "warm", "loss", "val_loss", "epochs_done", "best_epoch", "diverged_at"]
    assert table["lr"] == [0.1, 0.2, 0.3] and table["act"] == ["tanh", None, "relu"]
    assert table["warm"] == [3, None, None]
    np.testing.assert_array_equal(table["val_loss"], [0, NAN, 9])
    np.testing.assert_array_equal(table["loss"], [100, NAN, 109])
    assert table["epochs_done"] == [2, 0, 3] and table["best_epoch"] == [0, -1, 1]
    assert table["diverged_at"] == [None, 5, None]
    assert columns(points, [], outcome(diverged=(0, -1, -1)))["diverged_at"] == [0, None, None]
    empty = columns(points, [], outcome(done=(0, 0, 0)))
    assert np.isnan(empty["loss"]).all() and len(empty["loss"]) == 3


def test_several_are_put_one_behind_the_other():
    one, other = outcome(), outcome(done=(1,), diverged=(-1,), curves={
        "loss": np.ones((1, 1), np.float32), "val_loss": np.ones((1, 1), np.float32)})  # fmt: skip
    both = merged([other, one])
    assert both.epochs.tolist() == [1, 2, 0, 3] and both.params["kernel"].shape == (4, 2)
    np.testing.assert_array_equal(both.history["val_loss"], [[1, NAN, NAN], [0, 1, NAN], [NAN] * 3, [8, 9, 10]])
    none = outcome(done=(0, 0, 0), curves={})
    assert merged([none, none]).epochs.tolist() == [0] * 6


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), metrics=("r2",))


def test_a_member_becomes_a_run_with_its_own_weights():
    class Data:
        x, y, features, classes = np.ones((4, 2)) * [[1], [2], [3], [5]], np.arange(4.0), ("a", "b"), None

    source = read(Data(), scale=True)
    entry = enrol(line, source, {"lr": 0.25}, epochs=1, batch_size=2, precision="bfloat16")
    model = bare(entry, source)
    assert (model.params, model.state, model.loss, model.metrics) == (None, None, "squared_error", ("r2",))
    assert model.standardiser is source.standardiser and model.features == ("a", "b") and model.classes is None
    assert str(model.precision) == "bfloat16" and model.spec == nn.linear_regression()
    found = outcome(best=np.array([0, -1, 1]))
    timing = {"run": 1.0}
    run = found.run(2, model, {"lr": 0.25}, 9, "last", "taken", timing)
    assert (run.seed, run.best_epoch, run.diverged, run.last, run.taken) == (9, 1, None, "last", "taken")
    assert run.timing == timing and run.timing is not timing and run.hparams == {"lr": 0.25}
    np.testing.assert_array_equal(run.history["val_loss"], [8, 9, 10])
    np.testing.assert_array_equal(run.params["kernel"], [4, 5])
    assert isinstance(run.params["kernel"], jax.Array) and run.model.loss == "squared_error"
    assert isinstance(run.state["mean"], np.ndarray) or run.state["mean"].dtype == np.float64
    assert found.run(1, model, {}, 0).diverged == 5 and found.run(1, model, {}, 0).epochs == 0
    assert outcome(diverged=(0, -1, -1)).run(0, model, {}, 0).diverged == 0


@pytest.mark.parametrize(("value", "expected"), [(nn.traced(3), 3), (0.5, 0.5), ("a", "a")])
def test_marks_are_not_shown(value, expected):
    assert shown(value) == expected
