"""Group lasso and max-norm: whole inputs or units, against their definitions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import minimize

import jaxnn as nn
from jaxnn.optim.groups import norms

KERNEL = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
CONV = np.random.default_rng(1).normal(size=(2, 2, 3, 4)).astype(np.float32)


def after(step, params, **updates):
    zero = jax.tree.map(jnp.zeros_like, params) | updates
    moved, _ = step.update(zero, step.init(params), params)
    return optax.apply_updates(params, moved)


@pytest.mark.parametrize(("axis", "numpy_axis"), [("input", 1), ("unit", 0)])
def test_the_group_step_is_the_minimiser(axis, numpy_axis):
    t = float(np.median(np.linalg.norm(KERNEL, axis=numpy_axis)))
    ours = after(nn.group_lasso(t / 0.3, 0.3, axis=axis), {"kernel": jnp.asarray(1.001 * KERNEL)})["kernel"]
    groups = 1.001 * (KERNEL if axis == "input" else KERNEL.T)
    result = ours if axis == "input" else ours.T
    zeros = 0
    for v, w in zip(groups.astype(np.float64), np.asarray(result), strict=True):
        best = minimize(
            lambda w, v=v: 0.5 * ((w - v) ** 2).sum() + t * np.linalg.norm(w), v, tol=1e-12, method="Nelder-Mead"
        )
        np.testing.assert_allclose(w, best.x, atol=1e-4)
        assert (w == 0).all() == (np.linalg.norm(v) <= t)
        zeros += (w == 0).all()
    assert 0 < zeros < len(groups)


@pytest.mark.parametrize(("axis", "others"), [("input", (0, 1, 3)), ("unit", (0, 1, 2))])
def test_groups_of_a_convolution_are_channels_or_filters(axis, others):
    size = np.sqrt((CONV**2).sum(others, keepdims=True))
    threshold = float(np.sort(size.ravel())[:2].mean())
    ours = after(nn.group_lasso(threshold, 1.0, axis=axis), {"conv_0": {"kernel": jnp.asarray(CONV)}})
    np.testing.assert_allclose(
        ours["conv_0"]["kernel"], CONV * np.maximum(1 - threshold / size, 0), rtol=1e-5, atol=1e-6
    )


def test_an_input_without_effect_is_dropped_whole():
    x = np.random.default_rng(2).normal(size=(200, 4)).astype(np.float32)
    y = x[:, :2] @ np.array([[1.0, -2.0, 0.5], [0.7, 0.0, 1.0]], np.float32)
    optimizer = optax.chain(optax.sgd(0.1), nn.group_lasso(0.2, 0.1))

    def step(carry, _):
        params, state = carry
        grads = jax.grad(lambda p: jnp.mean((x @ p["kernel"] - y) ** 2))(params)
        updates, state = optimizer.update(grads, state, params)
        return (optax.apply_updates(params, updates), state), None

    start = {"kernel": jnp.asarray(KERNEL)}
    (params, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), length=1000)
    alive = (params["kernel"] != 0).any(1)
    assert alive.tolist() == [True, True, False, False]
    residual = np.asarray(x @ params["kernel"] - y)
    slope = 2 * x.T @ residual / residual.size
    group = np.asarray(params["kernel"])
    size = np.linalg.norm(group, axis=1, keepdims=True)
    np.testing.assert_allclose(slope[:2], -0.2 * group[:2] / size[:2], atol=1e-4)
    assert (np.linalg.norm(slope[2:], axis=1) <= 0.2).all()


@pytest.mark.parametrize(("axis", "numpy_axis"), [("unit", 0), ("input", 1)])
def test_max_norm_projects_on_the_ball(axis, numpy_axis):
    update = np.random.default_rng(3).normal(size=KERNEL.shape).astype(np.float32)
    params = {"kernel": jnp.asarray(KERNEL), "bias": 9 * jnp.ones(3)}
    v = KERNEL + update
    size = np.linalg.norm(v, axis=numpy_axis, keepdims=True)
    bound = float(size.min() + size.max()) / 2
    ours = after(nn.max_norm(bound, axis=axis), params, kernel=update)
    assert 0 < (size > bound).sum() < size.size
    np.testing.assert_allclose(ours["kernel"], v * np.minimum(1, bound / size), rtol=1e-5)
    np.testing.assert_array_equal(ours["bias"], params["bias"])


def test_max_norm_is_the_constraint_of_keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    theirs = keras.constraints.MaxNorm(1.5, axis=0)(3 * KERNEL)
    np.testing.assert_allclose(
        after(nn.max_norm(1.5), {"kernel": jnp.asarray(3 * KERNEL)})["kernel"], theirs, rtol=1e-5
    )


@pytest.mark.parametrize("make", [lambda c: nn.group_lasso(c, 0.1), nn.max_norm])
def test_bounds_ride_under_vmap_with_members_as_they_are_alone(make):
    kernels = jnp.asarray(np.random.default_rng(4).normal(size=(3, 4, 3)), jnp.float32)
    bounds = jnp.array([0.5, 5.0, 1e-3])

    def solo(c, kernel):
        return after(make(c), {"kernel": kernel})["kernel"]

    together = jax.vmap(solo)(bounds, kernels)
    for i in range(3):
        np.testing.assert_allclose(together[i], solo(bounds[i], kernels[i]), rtol=1e-6)


def test_gradients_are_finite_at_zero():
    w = jnp.zeros((2, 2))
    assert (jax.grad(lambda w: norms(w, -2).sum())(w) == 0).all()
    for make in (lambda c: nn.group_lasso(c, 0.1), nn.max_norm):
        slope = jax.grad(lambda c, make=make: after(make(c), {"kernel": w})["kernel"].sum())(0.5)
        assert jnp.isfinite(slope)


def test_bad_calls_say_what_to_write():
    with pytest.raises(ValueError, match='is "input" or "unit", got 0; write axis="input"'):
        nn.group_lasso(0.1, 0.1, axis=0)
    with pytest.raises(ValueError, match=r"must be above 0, got 0; write nn\.max_norm"):
        nn.max_norm(0)
    for step in (nn.group_lasso(0.1, 0.1, where=("bias",)), nn.max_norm(1.0, where=("bias",))):
        with pytest.raises(ValueError, match=r"bias has shape \(3,\)"):
            step.init({"bias": jnp.ones(3)})
    with pytest.raises(ValueError, match="reads the parameters and got none"):
        nn.max_norm(1.0).update({}, nn.max_norm(1.0).init({"kernel": jnp.ones((2, 2))}))
