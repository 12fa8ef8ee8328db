"""Embed against Flax's, and what it does with ids that are none."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

IDS = np.array([[0, 3, 3], [4, 1, 0]], np.int32)


def test_rows_and_gradient_equal_flax(key):
    layer, theirs = nn.Embed(5, 3), linen.Embed(5, 3)
    params, _ = layer.init(key, IDS)
    weight = jnp.cos(jnp.arange(18.0)).reshape(2, 3, 3)

    def ours(p):
        return (layer.apply(p, {}, IDS)[0] * weight).sum()

    def flax(p):
        return (theirs.apply({"params": p}, IDS) * weight).sum()

    np.testing.assert_array_equal(layer.apply(params, {}, IDS)[0], theirs.apply({"params": params}, IDS))
    np.testing.assert_allclose(jax.grad(ours)(params)["embedding"], jax.grad(flax)(params)["embedding"], rtol=1e-6)


def test_attend_equals_flax(key):
    layer, theirs = nn.Embed(5, 3), linen.Embed(5, 3)
    params, _ = layer.init(key, IDS)
    x = jax.random.normal(key, (2, 4, 3))
    expected = theirs.apply({"params": params}, x, method="attend")
    np.testing.assert_allclose(layer.attend(params, x), expected, rtol=1e-6)


def test_a_wrong_id_is_nan_and_moves_no_row(key):
    layer = nn.Embed(5, 3)
    params, _ = layer.init(key, IDS)
    wrong = jnp.array([[5, -1, 2]])
    y, _ = jax.jit(layer.apply)(params, {}, wrong)
    assert np.isnan(y[0, :2]).all()
    np.testing.assert_array_equal(y[0, 2], params["embedding"][2])
    grads = jax.grad(lambda p: jnp.nansum(layer.apply(p, {}, wrong)[0]))(params)
    np.testing.assert_array_equal(grads["embedding"].sum(1) != 0, [False, False, True, False, False])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint32"])
def test_small_integers_are_ids(key, dtype):
    layer = nn.Embed(300, 2)
    params, _ = layer.init(key, IDS)
    np.testing.assert_array_equal(layer.apply(params, {}, IDS.astype(dtype))[0], params["embedding"][IDS])


def test_dtype_of_the_output(key):
    layer = nn.Embed(5, 3, dtype="bfloat16")
    params, _ = layer.init(key, IDS)
    assert params["embedding"].dtype == jnp.float32
    assert layer.apply(params, {}, IDS)[0].dtype == jnp.bfloat16
    assert nn.from_json(nn.to_json(layer)) == layer


def test_floating_ids_are_refused(key):
    with pytest.raises(ValueError, match=r"write x.astype\('int32'\)"):
        nn.Embed(5, 3).init(key, jnp.ones((2, 3)))


@pytest.mark.parametrize("sizes", [(0, 3), (5, 0), (5.0, 3)])
def test_sizes_are_whole_numbers(sizes):
    with pytest.raises(ValueError, match=r"Embed\(1000, 64\)"):
        nn.Embed(*sizes)
