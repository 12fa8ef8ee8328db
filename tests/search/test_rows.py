"""Nested samples of the rows."""

import numpy as np
import pytest

from jaxnn.data.source import read
from jaxnn.search.rows import nested


@pytest.mark.parametrize("y", [np.repeat([0, 1, 2], [60, 30, 10]), np.arange(100.0)], ids=["classes", "numbers"])
def test_an_order_holds_each_training_row_once(y):
    source = read((np.zeros((100, 1)), y), 0.2)
    (order,) = nested(source)
    assert sorted(order) == sorted(source.parts[0])
    assert order.tolist() == nested(source)[0].tolist()


def test_each_class_is_there_in_proportion_however_few_rows():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    (order,) = nested(read((np.zeros((100, 1)), y)))
    for n in range(1, 101):
        assert np.abs(np.bincount(y[order[:n]], minlength=3) - n * np.array([0.6, 0.3, 0.1])).max() <= 1.5


def test_another_seed_draws_another_sample():
    data = np.zeros((100, 1)), np.arange(100.0)
    a, b = (nested(read(data, shuffle_seed=seed))[0][:20].tolist() for seed in (0, 1))
    assert a != b
