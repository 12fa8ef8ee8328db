"""The values of an axis: equal ones are one, and nothing else is."""

import numpy as np
import pytest

from jaxnn.grid.levels import axes_of, cells, is_log, key, levels, settings_of


def test_folds_are_an_axis_wherever_they_stand(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2], fold=range(3), seed=[0]), loss=np.arange(6.0))
    assert axes_of(runs) == ["lr", "fold", "seed"] and settings_of(runs) == ["lr"]
    runs = made_runs([dict(lr=0.1), dict(lr=0.2)], loss=np.arange(2.0))
    runs.table["fold"] = [0, 1]
    assert axes_of(runs) == ["lr", "fold"] and levels(runs, "fold").codes.tolist() == [0, 1]


def test_a_point_without_a_value_has_none(made_runs):
    runs = made_runs([dict(lr=0.1, l2=1.0), dict(lr=0.2)], loss=[1.0, 2.0])
    assert levels(runs, "l2").values == [1.0, None]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (0.1, 0.1, True), (1, 1.0, True), (True, 1, False), (np.float64(0.5), 0.5, True), ((1, 2), [1, 2], True),
        (None, None, True), (len, len, True), (len, max, False), (np.ones(2), np.zeros(2), False),
        ({"a": [1]}, {"a": [1]}, True), ("1", 1, False),
    ],
)  # fmt: skip
def test_keys_are_equal_where_values_are(a, b, same):
    assert (key(a) == key(b)) is same


def test_cells_are_the_combinations_that_occur(made_runs):
    runs = made_runs([dict(a=2, b="x"), dict(a=1, b="y"), dict(a=2, b="x")], loss=[1.0, 2.0, 3.0])
    found, place = cells(runs, ["a", "b"])
    assert found == [(0, 1), (1, 0)] and place.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("values", "log"),
    [
        (np.geomspace(1e-4, 1, 9), True), (np.linspace(0.1, 9, 9), False), ([1.0], False), ([0.0, 1.0, 10.0], False),
        (np.exp(np.random.default_rng(0).uniform(-9, 0, 50)), True), ([32, 64, 128, 256], True), ([1, 2, 3], False),
    ],
)  # fmt: skip
def test_numbers_that_are_even_in_their_logarithm(values, log):
    assert is_log(values) is log
