"""What came of parts, put together, is what came of all."""

import jax
import numpy as np
import optax

import jaxnn as nn
from jaxnn.grid.came import Came, joined

X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)


def trial(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.adam(lr))


def test_parts_joined_are_the_whole_in_the_order_of_the_space():
    space = nn.space.zip(lr=[0.1, 0.2, 0.3, 0.4, 0.5], epochs=[3, 1, 2, 3, 1])
    pop = nn.population(trial, (X, X[:, 0]), space)
    pop.advance(3)
    points = np.array([2, 4, 7, 8, 9])
    parts = [Came.of(points[own], pop.take(own), True) for own in ([1, 4], [3, 0], [2])]
    both, whole = joined(parts), Came.of(points, pop, True)
    assert both.points.tolist() == points.tolist() and both.parts == 3
    assert list(both.outcome.history) == list(whole.outcome.history)
    jax.tree.map(np.testing.assert_array_equal, both.outcome, whole.outcome)
    jax.tree.map(np.testing.assert_array_equal, both.last, whole.last)
    assert joined([whole]) is whole
