"""Axes in chunks, and joined again."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.core.chunks import joined, strided


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("chunks", [1, 2, 3, 5])
def test_chunks_are_strides_and_join_to_what_was_cut(axis, chunks):
    a = np.random.default_rng(0).normal(size=(5, 3, 4)).astype(np.float32)
    cut = strided(jnp.asarray(a), chunks, axis)
    for i in range(chunks):
        own = np.take(a, range(i, a.shape[axis], chunks), axis)
        found = np.asarray(cut[i])
        np.testing.assert_array_equal(np.take(found, range(own.shape[axis]), axis), own)
        assert not np.take(found, range(own.shape[axis], found.shape[axis]), axis).any()
    np.testing.assert_array_equal(joined(cut, a.shape[axis], axis), a)
