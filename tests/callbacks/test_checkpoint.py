"""Checkpoints: each is what the training was at that epoch, to look at and to go on from."""

import chex
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.callbacks import checkpoint

X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
Y = (X @ np.float32([1, -2])).astype(np.float32)
RATES = dict(lr=[0.1, 0.03])
OPTIONS = dict(batch_size=4, validation=0.25)


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(optax.adam(lr), nn.ema(0.5)))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept") / "new"
    keep = checkpoint(folder, every=2)
    return nn.grid(line, (X, Y), RATES, epochs=5, callbacks=[keep], progress=False, **OPTIONS), folder


def test_there_is_one_after_each_so_many_epochs(kept):
    assert sorted(path.name for path in kept[1].iterdir()) == ["epoch_00002", "epoch_00004"]


@pytest.mark.parametrize("epoch", [2, 4])
def test_load_runs_reads_what_a_training_of_so_many_epochs_gives(kept, epoch):
    shorter = nn.grid(line, (X, Y), RATES, epochs=epoch, progress=False, **OPTIONS)
    stored = nn.load_runs(kept[1] / f"epoch_{epoch:05d}")
    assert len(stored) == 2
    for theirs, ours in zip(shorter, stored, strict=True):
        chex.assert_trees_all_equal(ours.params, theirs.params)
        chex.assert_trees_all_equal(dict(ours.history), dict(theirs.history))
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_a_population_goes_on_from_it_to_the_same_end(kept):
    runs, folder = kept
    population = nn.Population.load(folder / "epoch_00002", line, (X, Y))
    assert population.epoch == 2
    population.advance(3)
    for i, run in enumerate(runs):
        chex.assert_trees_all_equal(population.run(i).params, run.params)
        chex.assert_trees_all_equal(dict(population.run(i).history), dict(run.history))


def test_another_training_does_not_write_over_it(kept):
    with pytest.raises(ValueError, match="epoch_00002 holds another training: x of the data has changed"):
        nn.fit(
            line,
            (X + 1, Y),
            dict(lr=0.2),
            epochs=2,
            callbacks=[checkpoint(kept[1], every=2)],
            progress=False,
            **OPTIONS,
        )


@pytest.mark.parametrize("every", [0, 1.5, None])
def test_bad_calls_say_what_to_write(every, tmp_path):
    with pytest.raises(ValueError, match=r"every must be a whole number of at least 1.*write checkpoint\(folder"):
        checkpoint(tmp_path, every)
