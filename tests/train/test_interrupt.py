"""Ctrl-C: heard within about a second, and nothing is lost."""

import os
import signal
import threading
import time

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

X = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
Y = 2 * X[:, 0]


def slow(lr):
    return nn.Trial(nn.mlp((16, 16), out=1), "squared_error", optax.adam(lr))


def pressed(call, seconds=1.0):
    """What the call raises when Ctrl-C is pressed while it runs, and how long it took to hear of it."""
    times = []

    def press():
        times.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, press)
    timer.start()
    try:
        with pytest.raises(nn.Interrupted) as caught:
            call()
        return caught.value, time.perf_counter() - times[0]
    finally:
        timer.cancel()
        timer.join()


def test_a_fit_of_a_million_epochs_comes_back_with_what_it_has():
    options = dict(batch_size=4, progress=False)
    nn.fit(slow, (X, Y), {"lr": 1e-3}, epochs=1, **options)
    error, waited = pressed(lambda: nn.fit(slow, (X, Y), {"lr": 1e-3}, epochs=10**6, **options))
    assert waited < 10
    (run,) = error.runs
    assert 0 < run.epochs < 10**6 and int(run.last.step) == 16 * run.epochs == 16 * len(run.history["loss"])
    assert np.isfinite(run.predict(X)).all()
    more = nn.fit(slow, (X, Y), {"lr": 1e-3}, epochs=2, start=run, **options)
    assert more.epochs == run.epochs + 2
    np.testing.assert_array_equal(more.history["loss"][:-2], run.history["loss"])


def test_an_interruption_before_the_first_visit_brings_no_run(monkeypatch):
    def press(self, *args):
        raise KeyboardInterrupt

    monkeypatch.setattr("jaxnn.train.group.Group.start", press)
    with pytest.raises(nn.Interrupted) as caught:
        nn.fit(slow, (X, Y), {"lr": 1e-3}, epochs=3, progress=False)
    assert caught.value.runs == []


@pytest.mark.parametrize("visits", [1, 3])
def test_an_interruption_from_a_callback_keeps_the_epochs_so_far(visits):
    def press(population, epoch, row):
        if epoch == visits:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        nn.fit(slow, (X, Y), {"lr": 1e-3}, epochs=9, callbacks=[press], progress=False)
    assert caught.value.runs[0].epochs == visits
    assert jnp.isfinite(caught.value.runs[0].history["loss"]).all()
