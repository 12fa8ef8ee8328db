import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn


@given(st.lists(st.integers(0, 4), min_size=1, max_size=4).map(tuple))
@settings(max_examples=25, deadline=None)
def test_flatten_keeps_the_rows_and_the_order(shape):
    x = np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)
    y, state = nn.Flatten().apply({}, {}, jnp.asarray(x))
    assert y.shape == (shape[0], int(np.prod(shape[1:])))
    assert np.asarray(y).ravel().tolist() == x.ravel().tolist()
    assert state == {}
    assert nn.Flatten().init(jax.random.key(0), y) == ({}, {})


@pytest.mark.parametrize("shape", [(24,), (-1,), (4, 6), (2, -1), (-1, 3), (2, 3, 4), (2, -1, 2), (24, 1), (1, 24, 1)])
def test_reshape_is_numpys_row_by_row(shape):
    x = np.arange(48.0, dtype=np.float32).reshape(2, 4, 6)
    layer = nn.Reshape(shape)
    assert layer.init(jax.random.key(0), x) == ({}, {})
    y, state = layer.apply({}, {}, jnp.asarray(x))
    np.testing.assert_array_equal(y, np.stack([row.reshape(shape) for row in x]))
    assert state == {}
    empty, _ = layer.apply({}, {}, jnp.zeros((0, 4, 6)))
    assert empty.shape == (0, *y.shape[1:])


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((0, 3), r"a size of shape must be a whole number of at least 1, got 0; write Reshape\(\(8, 8, 1\)\)"),
        ((3, -2), "a size of shape must be"),
        ((2.0, 3), "a size of shape must be"),
        ((-1, -1), r"shape must be a tuple with at most one -1, got \(-1, -1\)"),
        ([2, 3], "shape must be a tuple"),
        (6, "shape must be a tuple"),
    ],
)
def test_shapes_that_cannot_be_are_refused(shape, words):
    with pytest.raises((ValueError, TypeError), match=words):
        nn.Reshape(shape)


@pytest.mark.parametrize("shape", [(5,), (4,), (12,), (5, -1), (12, -1), (3, 3)])
def test_rows_of_another_number_of_entries_are_told(shape):
    layer, x = nn.Reshape(shape), jnp.ones((12, 6))
    for call in (lambda: layer.init(jax.random.key(0), x), lambda: layer.apply({}, {}, x)):
        with pytest.raises(ValueError, match=r"got inputs \(12, 6\) with 6 entries a row; write Reshape\(\(-1,\)\)"):
            call()
