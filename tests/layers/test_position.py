"""Rotary positions against complex numbers in NumPy; learned positions against plain addition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.layers.position import rotate


def test_rotation_is_a_product_of_complex_numbers():
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 8))
    positions = np.array([0, 1, 2, 7, 40])
    turned = np.exp(1j * positions[:, None] * 100.0 ** (-np.arange(4) / 4))  # (time, half)
    z = (x[..., :4] + 1j * x[..., 4:]) * turned[None, :, None]
    ours = rotate(jnp.asarray(x, jnp.float32), jnp.asarray(positions), 100.0)
    np.testing.assert_allclose(ours, np.concatenate([z.real, z.imag], -1), atol=1e-5)


def test_the_longest_wavelength_is_that_of_the_paper_unless_told():
    x = np.random.default_rng(0).normal(size=(1, 3, 1, 6)).astype(np.float32)
    positions = np.array([0, 5, 900])
    turned = np.exp(1j * positions[:, None] * 10000.0 ** (-np.arange(3) / 3))
    z = (x[..., :3] + 1j * x[..., 3:]) * turned[None, :, None]
    np.testing.assert_allclose(rotate(x, positions), np.concatenate([z.real, z.imag], -1), atol=1e-4)
    traced = jax.jit(rotate)(x, positions, 10000.0)
    np.testing.assert_allclose(traced, rotate(x, positions), atol=1e-4)


def test_products_depend_on_the_distance_alone():
    q, k = np.random.default_rng(0).normal(size=(2, 1, 1, 1, 6)).astype(np.float32)

    def product(i, j):
        return float((rotate(q, jnp.array([i])) * rotate(k, jnp.array([j]))).sum())

    np.testing.assert_allclose(product(3, 1), product(13, 11), rtol=1e-5)
    assert abs(product(3, 1) - product(3, 2)) > 1e-3


def test_bfloat16_angles_are_exact():
    """Far positions keep their angles: they are computed in float32."""
    x = jnp.ones((1, 1, 1, 4), jnp.bfloat16)
    wide = rotate(x.astype(jnp.float32), jnp.array([1001]))
    np.testing.assert_allclose(rotate(x, jnp.array([1001])).astype(jnp.float32), wide, atol=1e-2)


def test_learned_rows_are_added(key):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    layer = nn.LearnedPositions(6)
    params, _ = layer.init(key, x)
    np.testing.assert_array_equal(layer.apply(params, {}, x)[0], x + np.asarray(params["embedding"])[None, :3])
    np.testing.assert_array_equal(layer.at(params, x, 3), x + np.asarray(params["embedding"])[None, 3:])
    assert nn.LearnedPositions().init(key, x)[0]["embedding"].shape == (3, 4)


def test_more_steps_than_positions_are_refused(key):
    params, _ = nn.LearnedPositions(2).init(key, jax.ShapeDtypeStruct((1, 2, 4), jnp.float32))
    with pytest.raises(ValueError, match=r"write LearnedPositions\(length\) with a longer length"):
        nn.LearnedPositions(2).apply(params, {}, jnp.ones((1, 3, 4)))


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4), (1, 2, 3), (1, 2, 5), (1, 2, 4, 1)])
def test_inputs_of_another_shape_are_refused(key, shape):
    params, _ = nn.LearnedPositions(2).init(key, jnp.ones((1, 2, 4)))
    with pytest.raises(ValueError, match=r"holds rows \(2, 4\) and got inputs .*\(batch, at most 2 steps, 4\)"):
        nn.LearnedPositions(2).apply(params, {}, jnp.ones(shape))
    if len(shape) != 3:
        with pytest.raises(ValueError, match=r"LearnedPositions needs \(batch, time, width\), got .*write x\[None\]"):
            nn.LearnedPositions(2).init(key, jnp.ones(shape))


def test_fewer_steps_than_positions_and_a_start_that_is_traced(key):
    layer, x = nn.LearnedPositions(5), np.zeros((2, 2, 3), np.float32)
    params, _ = layer.init(key, x)
    rows = np.asarray(params["embedding"])
    assert rows.shape == (5, 3) and layer.apply(params, {}, x)[0].shape == (2, 2, 3)
    at = jax.jit(lambda start: layer.at(params, x, start))
    for start, wanted in ((0, rows[:2]), (2, rows[2:4]), (3, rows[3:]), (9, rows[[4, 4]])):  # beyond the end, the last
        np.testing.assert_array_equal(at(start), np.stack([wanted, wanted]))
    with pytest.raises(ValueError, match=r"write LearnedPositions\(64\)"):
        nn.LearnedPositions(0)
    assert nn.LearnedPositions(1).length == 1
