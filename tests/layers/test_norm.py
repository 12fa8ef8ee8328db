"""BatchNorm against Flax linen in training and in use, with rows of padding, and in bfloat16."""

import flax.linen as linen
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError

KEY = jax.random.key(0, impl="threefry2x32")
X = np.random.default_rng(0).normal(3.0, 2.0, (8, 3, 2, 4)).astype(np.float32)
LAYER = nn.BatchNorm(momentum=0.9, eps=1e-3)


def module(train):
    return linen.BatchNorm(not train, momentum=0.9, epsilon=1e-3, use_fast_variance=False)


def start():
    _, state = LAYER.init(KEY, X)
    params = {name: np.random.default_rng(1).normal(size=4).astype(np.float32) for name in ("scale", "bias")}
    return params, state


def test_training_equals_linen_over_several_steps_and_in_use_after_them():
    params, state = start()
    stats = {"mean": state["mean"], "var": state["var"]}
    for i in range(3):
        x, weight = jnp.asarray(np.roll(X, i, 2) + i), jnp.cos(jnp.arange(X.size, dtype=jnp.float32)).reshape(X.shape)
        (y, state), back = jax.vjp(lambda p, v, s=state: LAYER.apply(p, s, v, train=True), params, x)

        def theirs(p, v, s=stats):
            return module(True).apply({"params": p, "batch_stats": s}, v, mutable=["batch_stats"])

        (expected, moved), theirs_back = jax.vjp(theirs, params, x)
        stats = moved["batch_stats"]
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
        for name in ("mean", "var"):
            np.testing.assert_allclose(state[name], stats[name], rtol=1e-5, atol=1e-5)
        ours = back((weight, jax.tree.map(jnp.zeros_like, state)))
        expected = theirs_back((weight, jax.tree.map(jnp.zeros_like, moved)))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4), ours, expected)
    y, after = LAYER.apply(params, state, jnp.asarray(X))
    np.testing.assert_allclose(
        y, module(False).apply({"params": params, "batch_stats": stats}, X), rtol=1e-5, atol=1e-5
    )
    assert after is state


def test_variance_is_biased_and_momentum_weighs_the_old_value():
    params, state = start()
    _, after = LAYER.apply(params, state, jnp.asarray(X), train=True)
    flat = X.reshape(-1, 4).astype(np.float64)
    np.testing.assert_allclose(after["mean"], 0.1 * flat.mean(0), rtol=1e-5)
    np.testing.assert_allclose(after["var"], 0.9 + 0.1 * flat.var(0, ddof=0), rtol=1e-5)


@pytest.mark.parametrize("dtype", [bool, np.float32, np.int32])
@pytest.mark.parametrize("padding", [0.0, 1e3])
def test_rows_of_padding_take_no_part(padding, dtype):
    params, state = start()
    x = jnp.asarray(np.concatenate([X, np.full((3, *X.shape[1:]), padding, np.float32)]))
    y, after = LAYER.apply(params, state, x, train=True, rows=(np.arange(11) < 8).astype(dtype))
    expected, alone = LAYER.apply(params, state, jnp.asarray(X), train=True)
    np.testing.assert_allclose(y[:8], expected, rtol=1e-5, atol=1e-5)
    for name in ("mean", "var"):
        np.testing.assert_allclose(after[name], alone[name], rtol=1e-5, atol=1e-6)


def test_padding_between_real_rows_takes_no_part_in_value_and_gradient():
    """Against NumPy in float64, and differences: rows 1 and 4 of six are padding."""
    rows = np.array([True, False, True, True, False, True])
    with jax.enable_x64(True):
        x, weight = X[:6].astype(np.float64), np.cos(np.arange(X[:6].size)).reshape(6, *X.shape[1:])
        params, state = jax.tree.map(lambda a: np.asarray(a, np.float64), start())
        real = x[rows].reshape(-1, 4)
        y, after = LAYER.apply(params, state, x, train=True, rows=rows)
        expected = (x - real.mean(0)) / np.sqrt(real.var(0) + 1e-3) * params["scale"] + params["bias"]
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(after["mean"], 0.1 * real.mean(0), rtol=1e-12)
        np.testing.assert_allclose(after["var"], 0.9 + 0.1 * real.var(0), rtol=1e-12)
        total = lambda v: (LAYER.apply(params, state, v, train=True, rows=rows)[0] * weight).sum()  # noqa: E731
        slope = (total(x + 1e-6 * weight[::-1]) - total(x - 1e-6 * weight[::-1])) / 2e-6
        np.testing.assert_allclose((jax.grad(total)(jnp.asarray(x)) * weight[::-1]).sum(), slope, rtol=1e-7)


def test_a_batch_of_padding_alone_moves_nothing_to_nan_and_in_use_rows_are_not_read():
    params, state = start()
    y, after = LAYER.apply(params, state, jnp.asarray(X), train=True, rows=np.zeros(8, bool))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((y, after)))
    used, kept = LAYER.apply(params, state, jnp.asarray(X), rows=np.zeros(8, bool))
    np.testing.assert_array_equal(used, LAYER.apply(params, state, jnp.asarray(X))[0])
    assert kept is state


def test_the_state_is_the_running_mean_and_variance():
    params, state = start()
    _, after = LAYER.apply(params, state, jnp.asarray(X), train=True, rows=np.ones(8, bool))
    assert set(state) == set(after) == {"mean", "var"}


def test_bfloat16_equals_linen_and_keeps_float32_statistics():
    params, state = start()
    x = jnp.asarray(X, jnp.bfloat16)
    y, after = LAYER.apply(params, state, x, train=True)
    half = linen.BatchNorm(False, momentum=0.9, epsilon=1e-3, use_fast_variance=False, dtype=jnp.bfloat16)
    stats = {"mean": state["mean"], "var": state["var"]}
    with jax.numpy_dtype_promotion("standard"):
        expected, moved = half.apply({"params": params, "batch_stats": stats}, x, mutable=["batch_stats"])
    assert y.dtype == jnp.bfloat16
    assert {after[name].dtype for name in ("mean", "var")} == {jnp.dtype("float32")}
    np.testing.assert_allclose(y.astype(jnp.float32), expected.astype(jnp.float32), rtol=2e-2, atol=2e-2)
    for name in ("mean", "var"):
        np.testing.assert_allclose(after[name], moved["batch_stats"][name], rtol=1e-5, atol=1e-5)


def test_wrong_arguments_and_inputs_are_told():
    with pytest.raises(ValueError, match="momentum"):
        nn.BatchNorm(momentum=1.5)
    with pytest.raises(ValueError, match="eps"):
        nn.BatchNorm(eps=0.0)
    with pytest.raises(ValueError, match=r"\(3,\)"):
        LAYER.init(KEY, jnp.ones(3))
    params, state = start()
    with pytest.raises(SpecError, match=r"inputs \(8, 3, 2, 4\) and rows \(24,\); write rows of shape \(8,\)"):
        LAYER.apply(params, state, jnp.asarray(X), train=True, rows=np.ones(24, bool))
