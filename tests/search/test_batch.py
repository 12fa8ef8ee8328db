"""Members of several structures read as one."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.search.batch import means
from jaxnn.search.batches import Batches

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 2)).astype(np.float32)
Y = X @ np.float32([1.0, -2.0])
POINTS = [dict(lr=0.1), dict(lr=0.1, width=2), dict(lr=1e8), dict(lr=0.02), dict(lr=0.05, width=2)]


def trial(lr, width=0):
    return nn.Trial(nn.mlp((width,) * bool(width), out=1), "squared_error", optax.sgd(lr))


@pytest.fixture(scope="module")
def whole():
    with pytest.warns(nn.DivergedWarning):
        return nn.grid(trial, (X, Y), POINTS, epochs=3, plan="map", progress=False, batch_size=8)


def begun(stop=None, epochs=3):
    batches = Batches(trial, (X, Y), epochs=epochs, full=5, options=dict(plan="map", batch_size=8, stop=stop))
    return batches, batches.begin(POINTS)


def test_columns_are_in_the_order_of_the_points_and_nan_for_who_diverged(whole):
    _, batch = begun()
    batch.advance(3)
    assert len(batch.parts) == 2 and batch.epoch == 3 and not batch.going.any()
    assert batch.diverged.tolist() == [False, False, True, False, False]
    expected = np.where(batch.diverged, np.nan, whole.table["loss"])
    assert whole.table["epochs_done"][2] == 1
    np.testing.assert_array_equal(batch.last("loss"), expected)
    np.testing.assert_array_equal(batch.chosen("loss"), expected)


def test_who_is_dropped_is_kept_and_the_others_go_on_as_if_alone(whole):
    batches, batch = begun()
    batch.advance(1)
    batches.drop(batch, np.array([True, True, False, False, True]))
    assert np.isnan(batch.last("loss")[[0, 1, 4]]).all() and [len(part.members) for part in batch.parts] == [2]
    batch.advance(2)
    batches.close(batch)
    runs = batches.runs()
    assert runs.table["epochs_done"] == [1, 1, 1, 3, 1] and runs.table["width"] == whole.table["width"]
    for i, epochs in enumerate(runs.table["epochs_done"]):
        np.testing.assert_array_equal(runs[i].history["loss"], whole[i].history["loss"][:epochs])
    assert sum(report.members for report in runs.plan) == 5 and not batch.parts and batch.epoch == 0


def test_a_stopped_member_stands_at_its_chosen_epoch_and_at_its_last():
    stop = nn.EarlyStopping("loss", patience=1, min_delta=3.0)
    _, batch = begun(stop, epochs=6)
    batch.advance(6)
    with pytest.warns(nn.DivergedWarning):
        alone = nn.grid(trial, (X, Y), POINTS, epochs=6, plan="map", progress=False, batch_size=8, stop=stop)
    done, curves = np.array(alone.table["epochs_done"]), alone.history["loss"]
    well = ~batch.diverged
    assert (done[well] < 6).any() and np.array_equal(batch.chosen("loss")[well], np.array(alone.table["loss"])[well])
    np.testing.assert_array_equal(batch.last("loss")[well], curves[np.arange(5), done - 1][well])
    assert (batch.last("loss")[well] != batch.chosen("loss")[well]).any()


def test_means_over_seeds():
    np.testing.assert_array_equal(means(np.array([1, 2, 3, np.nan, 5, 7]), 2), [1.5, np.nan, 6])
    np.testing.assert_array_equal(means(np.array([1.0, 2.0]), 1), [1, 2])
