import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
MODELS = [
    (nn.linear_regression(), 1),
    (nn.linear_regression(2), 2),
    (nn.logistic_regression(), 1),
    (nn.softmax_regression(4), 4),
    (nn.perceptron(), 1),
]


@pytest.mark.parametrize(("model", "out"), MODELS, ids=repr)
def test_is_an_affine_map_that_starts_at_zero(model, out, key):
    params, state = model.init(key, X)
    assert jax.tree.map(jnp.shape, params) == {"kernel": (3, out), "bias": (out,)}
    assert not any(leaf.any() for leaf in params.values())
    draw = np.random.default_rng(1)
    params = {name: jnp.asarray(draw.normal(size=leaf.shape), jnp.float32) for name, leaf in params.items()}
    y, _ = model.apply(params, state, X)
    np.testing.assert_allclose(y, X @ np.asarray(params["kernel"]) + np.asarray(params["bias"]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("make", [nn.linear_regression, nn.softmax_regression])
def test_sizes_below_one_are_refused(make):
    with pytest.raises(ValueError, match="units must be a whole number of at least 1, got 0"):
        make(0)


def test_one_row_is_asked_for_as_a_batch(key):
    with pytest.raises(SpecError, match=r"write x\[None\]"):
        nn.linear_regression().init(key, X[0])
