"""What a descent returns, and how to go on from it."""

import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(5)
X = RNG.normal(size=(40, 3))
Y = X @ [1.0, -1.0, 0.0] + RNG.normal(size=40)


def trial(rates, warmup):
    optimizer = optax.chain(nn.l2(rates[0]), optax.sgd(nn.schedules.warmup_constant(0.0, rates[1], warmup)))
    return nn.Trial(nn.linear_regression(), "squared_error", optimizer)


@pytest.fixture(scope="module")
def found():
    points = [{"rates": (0.1, 0.05), "warmup": nn.traced(w)} for w in (2, 4)]
    options = dict(epochs=6, steps=3, log="rates", validation=0.5, progress=False)
    return nn.descend(trial, (X, Y), points, **options)


def test_a_tree_of_floats_descends_and_whole_numbers_are_held(found):
    first, second = found.path["rates"]
    assert first.shape == second.shape == (4, 2)
    point = found.at(3, 1)
    assert point["rates"] == (pytest.approx(first[3, 1]), pytest.approx(second[3, 1]))
    assert point["warmup"] == nn.traced(4)
    assert found.ends == [found.at(-1, 0), point]


def test_the_best_is_the_least_of_all_ways(found):
    step, start = found.best_index
    assert found.values[step, start] == found.values.min()
    assert found.best == found.at(step, start)
    assert found.run().metrics["val_loss"] == pytest.approx(found.values.min(), rel=1e-5)
    assert found.run(found.at(0, 0)).metrics["val_loss"] == pytest.approx(found.values[0, 0], rel=1e-5)


def test_it_goes_on_from_its_ends(found):
    options = dict(epochs=6, steps=1, log="rates", validation=0.5, progress=False)
    further = nn.descend(trial, (X, Y), found.ends, **options)
    np.testing.assert_allclose(further.values[0], found.values[-1], rtol=1e-5)
