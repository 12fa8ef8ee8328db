"""Values in the places of others; what `Population.put` makes of it is tested with the population."""

import jax
import numpy as np
import pytest

from jaxnn.train.exchange import apart, back, draw, replaced


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_some_places_get_other_values_and_the_original_stays(dtype):
    values = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    before = values.copy()
    after = replaced(values, np.array([2, 0]), np.array([[0, 0], [1, 1]], dtype))
    np.testing.assert_array_equal(after, np.array([[1, 1], [1, 0], [0, 0]], dtype))
    np.testing.assert_array_equal(values, before)
    assert after.dtype == values.dtype


def test_none_at_all():
    values = np.arange(3.0)
    np.testing.assert_array_equal(replaced(values, np.array([], int), np.array([])), values)


def test_who_goes_on_apart_comes_home_and_the_others_stay(rich):
    pop, whole = (rich.population([rich.never] * 3, [0.1, 0.05, 0.01]) for _ in range(2))
    draw(pop)
    assert pop.epoch == 0 and pop.history == {}
    part = apart(pop, np.array([2, 0]), 0)
    part.advance(2)
    back(pop, np.array([2, 0]), part)
    assert pop.outcome.epochs.tolist() == [2, 0, 2]
    assert np.isnan(pop.history["loss"][1]).all()
    whole.advance(2)
    for i in (0, 2):
        np.testing.assert_array_equal(pop.history["loss"][i], whole.history["loss"][i])
    rest = apart(pop, np.array([1]), 0)
    rest.advance(2)
    back(pop, np.array([1]), rest)
    jax.tree.map(np.testing.assert_array_equal, pop.state(), whole.state())


def test_who_has_not_gone_on_stays(rich):
    pop = rich.population([rich.never] * 2, [0.1, 0.05])
    draw(pop)
    before = pop.state()
    back(pop, np.array([0, 1]), apart(pop, np.array([0, 1]), 0))
    jax.tree.map(np.testing.assert_array_equal, pop.state(), before)
