"""Outputs and targets must fit."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnn import losses


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.lists(st.integers(1, 4), min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_nothing_is_broadcast(outputs, targets):
    outputs, targets = tuple(outputs), tuple(targets)
    fits = targets in (outputs, outputs[:-1] if outputs[-1] == 1 and len(outputs) > 1 else outputs)
    shapes = [jax.ShapeDtypeStruct(s, jnp.float32) for s in (outputs, targets)]
    if fits:
        assert jax.eval_shape(losses.squared_error, *shapes).shape == targets[:1]
    else:
        with pytest.raises(ValueError, match="write a model with one output per target"):
            jax.eval_shape(losses.squared_error, *shapes)
