import jax
import jax.numpy as jnp
import numpy as np

import jaxnn as nn
from jaxnn.layers.kernel import affine_end, draw, product

RNG = np.random.default_rng(0)


def test_the_product_is_numpys_over_the_last_axis():
    for shape in ((4,), (2, 4), (2, 3, 4), (0, 4)):
        x, kernel = RNG.normal(size=shape).astype(np.float32), RNG.normal(size=(4, 5)).astype(np.float32)
        np.testing.assert_allclose(product(x, kernel), x @ kernel, rtol=1e-5, atol=1e-6)


def test_the_product_has_the_dtype_of_floating_inputs():
    kernel = jnp.ones((2, 3))
    assert product(jnp.ones((1, 2), jnp.bfloat16), kernel).dtype == jnp.bfloat16
    assert product(jnp.ones((1, 2), jnp.int32), kernel).dtype == jnp.float32


def test_kernel_and_bias_are_drawn_by_the_layers_initialisers(key):
    layer = nn.Dense(3, "relu", kernel_init="ones", bias_init="normal")
    params = draw(layer, key, (2, 3), jnp.float32)
    assert params["kernel"].tolist() == [[1.0] * 3] * 2
    expected = jax.nn.initializers.normal()(jax.random.split(key)[1], (3,), jnp.float32)
    np.testing.assert_array_equal(params["bias"], expected)
    assert "bias" not in draw(nn.Dense(3, use_bias=False), key, (2, 3), jnp.float32)


def test_bias_then_activation():
    y = np.array([[-2.0, 0.5]], np.float32)
    ended = affine_end(nn.Dense(2, "relu"), {"bias": jnp.array([1.0, 1.0])}, y)
    np.testing.assert_allclose(ended, [[0.0, 1.5]])
