import jax
import jax.numpy as jnp
import numpy as np
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
