"""Values in the places of others; what `Population.put` makes of it is tested with the population."""

import numpy as np
import pytest

from jaxnn.train.exchange import replaced


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
