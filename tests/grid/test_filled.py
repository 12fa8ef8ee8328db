"""Spaces of different names: what a point leaves out is what the trial function would take."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.filled import filled
from jaxnn.grid.space import as_space, product, random

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = X @ np.float32([1.0, 2.0, 3.0])
OPTIONS = dict(batch_size=4, plan="map", progress=False)


def trial(lr, l2=0.0, hidden=(), warmup=2):
    return nn.Trial(
        nn.mlp(hidden, out=1),
        "squared_error",
        optax.chain(nn.l2(l2), optax.sgd(lr / jnp.asarray(1 + warmup, jnp.float32))),
    )


def solo(run, **hparams):
    """Raise unless a run is the solo run of these hyperparameters, to the bit."""
    alone = nn.fit(trial, (X, Y), hparams, epochs=run.epochs, seed=run.seed, batch_size=4, progress=False)
    np.testing.assert_array_equal(run.history["loss"], alone.history["loss"])


def test_a_list_of_dicts_has_a_column_for_every_name_and_one_program():
    runs = nn.grid(trial, (X, Y), [dict(lr=0.1), dict(lr=0.01, l2=0.1), dict(lr=1)], epochs=2, **OPTIONS)
    assert runs.space.axes == ("lr", "l2") and runs.table["lr"] == [0.1, 0.01, 1.0]
    assert runs.table["l2"] == [0.0, 0.1, 0.0] and len(runs.cohorts) == 1
    assert [run.hparams for run in runs] == [dict(lr=0.1, l2=0.0), dict(lr=0.01, l2=0.1), dict(lr=1.0, l2=0.0)]
    solo(runs[0], lr=0.1)
    solo(runs[1], lr=0.01, l2=0.1)


def test_spaces_of_different_names_are_one_grid(tmp_path):
    space = product(lr=[0.1], l2=[0.0, 0.1]) + product(lr=[0.2], hidden=[(2,)]) * dict(seed=[3, 4])
    runs = nn.grid(trial, (X, Y), space, epochs=2, folder=tmp_path, **OPTIONS)
    assert runs.table["hidden"] == [(), (), (2,), (2,)] and runs.table["seed"] == [0, 0, 3, 4]
    assert runs.table["l2"] == [0.0, 0.1, 0.0, 0.0] and [len(c.indices) for c in runs.cohorts] == [2, 2]
    solo(runs[1], lr=0.1, l2=0.1)
    solo(runs[3], lr=0.2, hidden=(2,))
    assert runs[3].seed == 4 and runs.best("loss").metrics == runs.replay(int(runs.order("loss")[0])).metrics
    assert nn.load_runs(tmp_path).table == runs.table
    again = nn.grid(trial, (X, Y), space, epochs=2, folder=tmp_path, **OPTIONS)
    assert again.table == runs.table and again.n_compiles == 0


def test_epochs_and_batch_size_of_some_points_stand_in_the_table_of_all():
    points = [dict(lr=0.1), dict(lr=0.1, epochs=3), dict(lr=0.1, batch_size=6)]
    runs = nn.grid(trial, (X, Y), points, epochs=2, **OPTIONS)
    assert runs.table["epochs"] == [2, 3, 2] == runs.table["epochs_done"] and runs.table["batch_size"] == [4, 4, 6]
    assert nn.grid(trial, (X, Y), dict(lr=[0.1], epochs=[1, 2]), **OPTIONS).table["epochs_done"] == [1, 2]
    with pytest.raises(ValueError, match=r"a point without epochs needs a number.*write grid\(\.\.\., epochs=100\)"):
        nn.grid(trial, (X, Y), points, **OPTIONS)


def test_random_points_times_seeds():
    space = random(3, lr=(0.01, 0.1)) * dict(seed=range(2))
    runs = nn.grid(trial, (X, Y), space, epochs=1, **OPTIONS)
    assert runs.table["seed"] == [0, 1] * 3 and runs.table["lr"][::2] == runs.table["lr"][1::2]
    assert len(set(runs.table["lr"])) == 3


def test_a_default_goes_as_the_others_of_its_axis():
    """A warm-up inside the program where others are, and structure where they are that."""
    inside = filled(as_space([dict(lr=0.1), dict(lr=0.1, warmup=nn.traced(5))]), trial)
    assert inside.points[0]["warmup"] == nn.traced(2)
    fixed = filled(as_space([dict(lr=0.1), dict(lr=0.1, l2=nn.static(0.5))]), trial)
    assert fixed.points[0]["l2"] == nn.static(0.0)
    assert filled(as_space([dict(lr=0.1), dict(lr=0.1, hidden=(2,))]), trial).points[0]["hidden"] == ()
    runs = nn.grid(trial, (X, Y), [dict(lr=0.1), dict(lr=0.1, warmup=nn.traced(5))], epochs=1, **OPTIONS)
    assert len(runs.cohorts) == 1 and runs.table["warmup"] == [2, 5]


def test_what_has_no_default_is_missing_and_shown_as_none():
    def open_ended(lr, **more):
        return trial(lr, more.get("strength", 0.0))

    runs = nn.grid(open_ended, (X, Y), [dict(lr=0.1), dict(lr=0.1, strength=0.5)], epochs=1, **OPTIONS)
    assert runs.table["strength"] == [None, 0.5] and runs[0].hparams == dict(lr=0.1)
    with pytest.raises(ValueError, match=r"point 1 of the space.*the hyperparameter 'lr' has no value"):
        nn.grid(trial, (X, Y), [dict(lr=0.1), dict(l2=0.1)], epochs=1, **OPTIONS)


def test_a_population_is_filled_too():
    pop = nn.population(trial, (X, Y), [dict(lr=0.1), dict(lr=0.1, l2=0.5)], batch_size=4)
    pop.advance(1)
    assert pop.table["l2"] == [0.0, 0.5]


def test_points_that_lack_nothing_are_as_they_were():
    space = product(lr=[0.1, 0.2], kind=["a", None], flag=[True, 0.5])
    assert filled(space, trial, seed=0) == space
