"""A callback that is called more seldom: when, with what, and what it may do."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.callbacks import every

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
Y = (X @ np.float32([1, -2])).astype(np.float32)
OPTIONS = dict(batch_size=4, progress=False)


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


def test_it_calls_after_each_n_epochs_with_the_row_of_that_epoch():
    seen = {1: [], 2: [], 3: []}

    def tell(n):
        def callback(population, epoch, row):
            assert population.epoch == epoch and len(population) == 2
            seen[n].append((epoch, row["loss"].tolist()))

        return every(n, callback)

    runs = nn.grid(line, (X, Y), dict(lr=[0.1, 0.01]), epochs=7, callbacks=[tell(n) for n in seen], **OPTIONS)
    loss = runs.history["loss"]
    for n, calls in seen.items():
        assert calls == [(epoch, loss[:, epoch - 1].tolist()) for epoch in range(n, 8, n)]


def test_the_rhythm_is_that_of_all_epochs_where_a_run_goes_on():
    seen = []
    tell = every(2, lambda population, epoch, row: seen.append(epoch))
    first = nn.fit(line, (X, Y), dict(lr=0.1), epochs=3, callbacks=[tell], **OPTIONS)
    nn.fit(line, (X, Y), dict(lr=0.1), epochs=3, start=first, callbacks=[tell], **OPTIONS)
    assert seen == [2, 4, 6]


def test_it_may_stop_members_and_is_not_called_when_none_goes_on():
    seen = []

    def cut(population, epoch, row):
        seen.append(epoch)
        population.stop([0] if epoch == 2 else [0, 1])

    runs = nn.grid(line, (X, Y), dict(lr=[0.1, 0.01]), epochs=9, callbacks=[every(2, cut)], **OPTIONS)
    assert seen == [2, 4] and runs.table["epochs_done"] == [2, 4]


def test_bad_calls_say_what_to_write():
    for n in (0, 2.5, True):
        with pytest.raises(ValueError, match=r"n must be a whole number of at least 1, got .*; write every\(10"):
            every(n, print)
    with pytest.raises(ValueError, match=r"a callback is a function, got 3; write every\(10, callback\)"):
        every(2, 3)
