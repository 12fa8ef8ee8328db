"""Ranges as Optuna draws them, and the points that come of it."""

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

import jaxnn as nn
from jaxnn.search.distributions import Ranges


def relu(x):
    return x


GIVEN = {  # what one writes -> Optuna's distribution, something that it draws, and the hyperparameter of that
    "log": (nn.space.log(1e-3, 0.1), FloatDistribution(1e-3, 0.1, log=True), 0.01, 0.01),
    "even": ((0, 2), FloatDistribution(0.0, 2.0), 1.5, 1.5),
    "own": (IntDistribution(1, 9, log=True), IntDistribution(1, 9, log=True), 3, 3),
    "range": (range(2, 11, 3), IntDistribution(2, 8, step=3), 5, 5),
    "range down": (range(8, 1, -3), IntDistribution(2, 8, step=3), 5, 5),
    "names": (["a", "b"], CategoricalDistribution(["a", "b"]), "b", "b"),
    "numbers": ([0, 0.5], CategoricalDistribution([0.0, 0.5]), 0.0, 0.0),
    "mixed": ([None, True], CategoricalDistribution([None, True]), None, None),
    "array": (np.array([1, 2]), CategoricalDistribution([1, 2]), 2, 2),
    "tuples": ([(8,), (4, 4)], CategoricalDistribution(["(8,)", "(4, 4)"]), "(4, 4)", (4, 4)),
    "functions": ([relu, "tanh"], CategoricalDistribution(["relu", "'tanh'"]), "relu", relu),
    "traced": (nn.traced(range(1, 4)), IntDistribution(1, 3), 2, nn.traced(2)),
    "traced own": (nn.traced(IntDistribution(1, 3)), IntDistribution(1, 3), 2, nn.traced(2)),
    "static": (nn.static((0.0, 1.0)), FloatDistribution(0.0, 1.0), 0.5, nn.static(0.5)),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_range_is_drawn_from_and_comes_back(name):
    given, distribution, drawn, value = GIVEN[name]
    ranges = Ranges.of({"a": given})
    assert ranges.distributions == {"a": distribution} and type(ranges.distributions["a"]) is type(distribution)
    point = ranges(FixedTrial({"a": drawn}))["a"]
    assert point == value and type(point) is type(value)


@pytest.mark.parametrize("given", [3, "relu", [0.5], (8, 8, 8), nn.traced(3), relu, range(4, 5), None])
def test_a_constant_is_not_drawn(given):
    if given == (8, 8, 8):
        with pytest.raises(ValueError, match=r"the axis a is the tuple \(8, 8, 8\); write a list"):
            Ranges.of({"a": given})
        return
    ranges = Ranges.of({"a": given, "lr": (0.0, 1.0)})
    assert set(ranges.distributions) == {"lr"}
    first = given[0] if isinstance(given, (list, range)) else given
    assert ranges(FixedTrial({"lr": 0.5})) == {"a": first, "lr": 0.5}


def test_choices_of_one_name_and_empty_ranges_are_refused():
    with pytest.raises(ValueError, match=r"choices of a have one name.*\['<lambda>', '<lambda>'\]"):
        Ranges.of({"a": [lambda x: x, lambda x: -x]})
    with pytest.raises(ValueError, match=r"a range goes up, and a is \(1, 1\)"):
        Ranges.of({"a": (1, 1)})
    with pytest.raises(ValueError, match="the axis a has no values"):
        Ranges.of({"a": []})
