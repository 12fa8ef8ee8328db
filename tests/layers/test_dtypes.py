import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.layers.dtypes import compute_dtype, param_dtype


@pytest.mark.parametrize(
    ("x", "computed", "kept"),
    [
        ("float32", "float32", "float32"),
        ("bfloat16", "bfloat16", "float32"),
        ("float16", "float16", "float32"),
        ("int32", "float32", "float32"),
        ("bool", "float32", "float32"),
    ],
)
def test_floating_inputs_decide_the_computation_and_never_the_parameters(x, computed, kept):
    x, parameter = jnp.ones(2, x), jnp.ones(2)
    assert compute_dtype(x, parameter) == computed
    assert np.dtype(param_dtype(x)) == kept


def test_float64_keeps_its_parameters():
    assert param_dtype(np.ones(2)) == compute_dtype(np.ones(2), jnp.ones(2)) == np.float64
