"""How hyperparameters change: factors, functions, bounds, and what cannot change."""

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.search.perturb import Knob

VALUES = np.array([0.01, 0.1, 1.0])


def draws(change, value=0.1, resample=0.0, n=400):
    knob, rng = Knob("lr", change, VALUES), np.random.default_rng(0)
    return np.array([knob.moved(value, rng, resample) for _ in range(n)])


def test_one_of_two_factors_is_drawn():
    found = draws((0.8, 1.25))
    assert set(found) == {0.1 * 0.8, 0.1 * 1.25}
    assert abs((found < 0.1).mean() - 0.5) < 4 * 0.5 / np.sqrt(len(found))


def test_values_stay_between_those_of_the_space():
    assert set(draws((0.8, 1.25), 1.0)) == {0.8, 1.0} and set(draws((0.8, 1.25), 0.01)) == {0.01, 0.0125}


def test_a_function_gets_the_value_and_a_generator():
    found = draws(lambda value, rng: value * rng.uniform(0.5, 2.0))
    assert 0.05 < found.min() < 0.06 and 0.19 < found.max() < 0.2


def test_some_are_drawn_anew():
    found = draws((1.0, 1.0), 0.1, resample=0.5)
    share = 0.5 * 2 / 3  # of those drawn anew a third is 0.1 again
    assert set(found) == set(VALUES) and abs((found != 0.1).mean() - share) < 4 * 0.5 / np.sqrt(len(found))


@pytest.mark.parametrize("given", [np.nan, np.inf, "big", None, True])
def test_what_is_no_number_is_told(given):
    with pytest.raises(ValueError, match=r"perturb= gave .* for lr=0.1; write a function that returns a number"):
        draws(lambda value, rng: given)


@pytest.mark.parametrize(
    ("space", "perturb", "told"),
    [
        (dict(lr=[0.1, 0.2], wide=[True]), {"wide": (0.8, 1.25)}, "only floats can change .*, and wide is True"),
        (dict(lr=[0.1, 0.2]), {"l2": (0.8, 1.25)}, "and l2 is none of the axes of the space"),
        (dict(lr=[0.1, 0.2], seed=[3]), {"seed": (0.8, 1.25)}, "and seed is 3"),
        (dict(lr=[0.1]), (0.8, 1.25), "no float varies over the points of the space"),
        (dict(lr=[0.1], wide=[True, False]), (0.8, 1.25), "no float varies"),
    ],
)
def test_what_cannot_change_is_told_before_anything_is_trained(problem, space, perturb, told):
    with pytest.raises(ValueError, match=told):
        problem.grid(space, search=nn.PopulationBased(perturb=perturb))


@pytest.mark.parametrize("change", [(0.8,), (0.8, -1.0), "more", {"lr": (0.8, 0)}])
def test_changes_that_are_none_are_told(change):
    with pytest.raises(ValueError, match=r"perturb= takes two factors above 0 or a function"):
        nn.PopulationBased(perturb=change)
