"""Outputs and targets must fit."""

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnn import losses
from jaxnn.losses.shapes import at_least_float32


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


@pytest.mark.parametrize(
    ("dtype", "wide"),
    [("bfloat16", "float32"), ("float16", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_sums_are_taken_in_float32_at_least(dtype, wide):
    assert jnp.dtype(at_least_float32(jnp.dtype(dtype))) == jnp.dtype(wide)
