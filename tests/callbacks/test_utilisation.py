"""Utilisation while training: operations by hand, seconds of the clock, and members that stopped."""

from importlib import import_module

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.callbacks import every, utilisation
from jaxnn.callbacks.utilisation import trained, work_of

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = X.sum(1)
IDS = np.random.default_rng(0).integers(0, 11, (12, 8)).astype(np.int32)
OPTIONS = dict(batch_size=4, progress=False)
ROW = 2 * (3 * 5 + 5 * 1)  # a forward pass of mlp((5,)) on three features


def trial(lr):
    return nn.Trial(nn.mlp((5,), out=1), "squared_error", optax.sgd(lr))


def test_rows_and_shares_are_what_the_clock_and_the_hand_say():
    meter, seen = utilisation(peak=1e9), []
    clock = lambda population, epoch, row: seen.append(population.timing["run"])  # noqa: E731
    nn.fit(trial, (X, Y), dict(lr=0.01), epochs=3, callbacks=[meter, clock], **OPTIONS)
    seconds = np.diff([0, *seen])
    backward = 2 * ROW - 2 * 3 * 5  # no gradient of the inputs
    table = {name: np.array(column) for name, column in meter.table.items() if name != "tokens_per_second"}
    np.testing.assert_allclose(table["rows_per_second"], 10 / seconds)
    np.testing.assert_allclose(table["flops_per_second"], 10 * (ROW + backward) / seconds)
    np.testing.assert_allclose(table["mfu"], 10 * (ROW + backward) / seconds / 1e9)
    np.testing.assert_allclose(table["hfu"], 12 * (ROW + backward) / seconds / 1e9)  # the last batch is padded
    assert meter.table["epoch"] == [1, 2, 3] and meter.table["tokens_per_second"] == [None] * 3


def test_tokens_and_recomputation_of_a_language_model():
    model = nn.gpt(11, 8, 16, 2, 2, repeat=True, remat="full")
    lm = nn.Trial(model, "softmax_cross_entropy", optax.adam(1e-3))
    lines = []
    meter = utilisation(peak=1e12, tell=lines.append)
    nn.fit(lm, (IDS, IDS), epochs=2, callbacks=[meter], **OPTIONS)
    table = meter.table
    assert table["tokens_per_second"][1] == pytest.approx(8 * table["rows_per_second"][1])
    block, logits = 24 * 8 * 16**2 + 4 * 8**2 * 16, 2 * 8 * 16 * 11
    spared = 2 * 8 * 16 * 64  # the last product of a block, computed again, is needed by nobody
    ratio = (2 * (4 * block - spared) + 3 * logits) / (3 * (2 * block + logits))
    assert table["hfu"][1] / table["mfu"][1] == pytest.approx(ratio)
    assert len(lines) == 2 and lines[1].startswith("epoch 2: ") and "tokens/s" in lines[1] and "MFU" in lines[1]


def test_members_that_stopped_do_no_work_and_structures_have_their_own_clocks():
    meter, seen = utilisation(peak=1e9), []

    def cut(population, epoch, row):
        seen.append((population.timing["run"], len(population)))
        if epoch == 1:
            population.stop([0])

    nn.grid(trial, (X, Y), dict(lr=[0.1, 0.01]), epochs=2, callbacks=[meter, cut], plan="map", **OPTIONS)
    seconds = np.diff([0, *(s for s, _ in seen)])
    np.testing.assert_allclose(meter.table["rows_per_second"], [20, 10] / seconds)

    def wide(units):
        return nn.Trial(nn.mlp((units,), out=1), "squared_error", optax.sgd(0.01))

    both = utilisation(peak=1e9)
    nn.grid(wide, (X, Y), dict(units=[nn.static(2), nn.static(5)]), epochs=2, callbacks=[both], plan="map", **OPTIONS)
    assert both.table["epoch"] == [1, 2, 1, 2]
    each = np.array(both.table["flops_per_second"]) / np.array(both.table["rows_per_second"])
    np.testing.assert_allclose(each[[0, 2]], [2 * 2 * 3 * 2 + 3 * 2 * 2, 2 * 2 * 3 * 5 + 3 * 2 * 5])


def test_a_training_that_goes_on_and_calls_that_are_seldom_start_the_clock_first():
    first = nn.fit(trial, (X, Y), dict(lr=0.01), epochs=2, **OPTIONS)
    meter, seldom = utilisation(peak=1e9), utilisation(peak=1e9)
    nn.fit(trial, (X, Y), dict(lr=0.01), epochs=4, start=first, callbacks=[meter, every(2, seldom)], **OPTIONS)
    assert meter.table["epoch"] == [4, 5, 6] and seldom.table["epoch"] == [6]
    ratio = seldom.table["rows_per_second"][0] / np.mean(meter.table["rows_per_second"][1:])
    assert 0.2 < ratio < 5 and str(utilisation(peak=1)) == "nothing measured yet"


def test_unknown_devices_are_refused_before_anything_trains():
    with pytest.raises(ValueError, match=r"what 'cpu' can do is not known .*; write utilisation\(peak=\.\.\.\)"):
        utilisation()
    for peak in (0, -1.0):
        with pytest.raises(ValueError, match=r"peak must be above 0, got .*; write utilisation\(peak=312e12\)"):
            utilisation(peak=peak)


def test_a_known_device_brings_its_peak(monkeypatch):
    class Card:
        device_kind, id = "NVIDIA H200", 0

    monkeypatch.setattr(jax, "local_devices", lambda *a, **k: [Card()])
    meter = utilisation()
    monkeypatch.undo()
    module = import_module("jaxnn.callbacks.utilisation")  # whose name in the room is the class
    monkeypatch.setattr(module, "_devices", lambda population: [Card(), Card()])
    nn.fit(trial, (X, Y), dict(lr=0.01), epochs=1, callbacks=[meter], **OPTIONS)
    assert meter.table["flops_per_second"][0] / meter.table["mfu"][0] == pytest.approx(2 * 989.4e12)


def test_what_a_row_takes_is_counted_from_shapes():
    pop = nn.population(trial, (X, Y), dict(lr=[0.1]), batch_size=4)
    work = work_of(pop)
    assert work == (3 * ROW - 2 * 3 * 5, 4 * (3 * ROW - 2 * 3 * 5), None)


def test_a_stream_is_counted_by_its_steps():
    x, y = np.ones((40, 3), np.float32), np.ones(40, np.float32)
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    seen = []
    for data in ((x, y), lambda: ((x[i : i + 10], y[i : i + 10]) for i in range(0, 40, 10))):
        clock = lambda pop, epoch, row: seen.append(trained(pop, epoch - 1, epoch, 4))  # noqa: E731
        nn.fit(trial, data, epochs=2, batch_size=10, callbacks=[clock], progress=False)
    assert seen == [(40, 4)] * 4
