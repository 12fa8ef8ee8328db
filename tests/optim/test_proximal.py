"""Proximal steps: the minimisers of scikit-learn, the table of the lectures, and zeros that are exactly zero."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import minimize_scalar
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet, Lasso, Ridge, lasso_path

import jaxnn as nn
from jaxnn.optim.penalties import value_of
from jaxnn.optim.proximal import shrink

X, Y = load_diabetes(return_X_y=True)
X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
Y = ((Y - Y.mean()) / Y.std()).astype(np.float32)
START = {"kernel": 0.1 * np.ones((10, 1), np.float32), "bias": np.ones(1, np.float32)}
LECTURE = {"kernel": np.zeros((3, 1), np.float32)}


def half_squares(params):
    x, y = (jnp.asarray(a, params["kernel"].dtype) for a in (X, Y))
    residual = y - (x @ params["kernel"])[:, 0] - params["bias"]
    return 0.5 * jnp.mean(residual**2)


def lecture(params):
    return jnp.square(10 - jnp.array([[3.0, 2.0, 1.0]]) @ params["kernel"])[0, 0]


def trained(optimizer, steps, loss=half_squares, start=None, **extra):
    optimizer = optax.with_extra_args_support(optimizer)

    def step(carry, _):
        params, state = carry
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            updates, state = optimizer.update(jax.grad(loss)(params), state, params, **extra)
        return (optax.apply_updates(params, updates), state), None

    start = jax.tree.map(jnp.asarray, START if start is None else start)
    return jax.lax.scan(step, (start, optimizer.init(start)), length=steps)[0][0]


def ista(l1, l2, rate):
    return optax.chain(optax.sgd(rate), nn.proximal_elastic_net(l1, l2, rate))


def with_momentum(l1, l2, rate):
    return optax.chain(optax.sgd(rate / 4, momentum=0.75), nn.proximal_elastic_net(l1, l2, rate))


def with_nesterov(l1, l2, rate):
    return optax.chain(optax.sgd(rate / 4, momentum=0.75, nesterov=True), nn.proximal_elastic_net(l1, l2, rate))


def prox_adam(l1, l2, rate):
    return nn.proximal_adam(optax.cosine_decay_schedule(rate / 5, 3000), l1, l2)


@pytest.mark.parametrize("make", [ista, with_momentum, with_nesterov, prox_adam])
def test_lasso_elastic_net_and_ridge_are_those_of_scikit_learn(make):
    alphas, ratios = np.array([0.01, 0.1, 0.3, 0.1, 0.05, 0.5]), np.array([1, 1, 1, 0.5, 0.2, 0.0])
    options = dict(tol=1e-12, max_iter=200_000)
    members = jax.jit(jax.vmap(lambda l1, l2: trained(make(l1, l2, 0.1), 3000)))(
        jnp.asarray(alphas * ratios, jnp.float32), jnp.asarray(alphas * (1 - ratios) / 2, jnp.float32)
    )
    for alpha, ratio, ours in zip(alphas, ratios, members["kernel"][..., 0], strict=True):
        if ratio == 1:
            model = Lasso(alpha=alpha, **options)
        elif ratio == 0:
            model = Ridge(alpha=alpha * len(X), tol=1e-12)
        else:
            model = ElasticNet(alpha=alpha, l1_ratio=ratio, **options)
        theirs = model.fit(X.astype(np.float64), Y.astype(np.float64)).coef_
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        np.testing.assert_array_equal(np.asarray(ours) == 0, theirs == 0)


def test_the_path_of_fifty_strengths_is_that_of_scikit_learn():
    x, y = X.astype(np.float64), Y.astype(np.float64)
    alphas = np.geomspace(0.99, 1e-3, 50) * np.abs(x.T @ y).max() / len(x)
    alphas, theirs, _ = lasso_path(x, y, alphas=alphas, tol=1e-12, max_iter=200_000)
    ours = jax.jit(jax.vmap(lambda c: trained(ista(c, 0.0, 0.4), 8000)["kernel"][:, 0]))(jnp.asarray(alphas))
    np.testing.assert_allclose(ours.T, theirs, atol=1e-4)
    sure = (np.abs(theirs) > 1e-5) | (theirs == 0)
    np.testing.assert_array_equal(np.asarray(ours.T == 0)[sure], (theirs == 0)[sure])


def test_the_table_of_the_lectures():
    sparse = trained(optax.chain(optax.sgd(0.05), nn.proximal_l1(1e-2, 0.05)), 20_000, lecture, LECTURE)
    np.testing.assert_allclose(sparse["kernel"][:, 0], [10 / 3, 0, 0], atol=1e-3)
    assert (sparse["kernel"][1:] == 0).all()
    rate = optax.cosine_decay_schedule(0.02, 5000)
    adam = trained(nn.proximal_adam(rate, 1e-2, b2=0.99), 5000, lecture, LECTURE)
    np.testing.assert_allclose(adam["kernel"][:, 0], [10 / 3, 0, 0], atol=1e-3)
    assert (adam["kernel"][1:] == 0).all()
    small = trained(optax.chain(nn.l2(1e-4), optax.sgd(0.02)), 5000, lecture, LECTURE)
    np.testing.assert_allclose(small["kernel"][:, 0], 10 / 14 * np.array([3, 2, 1]), atol=1e-3)


def test_one_threshold_after_adam_is_not_the_lasso():
    rate = optax.cosine_decay_schedule(0.02, 3000)
    ours = trained(optax.chain(optax.adam(rate), nn.proximal_l1(0.1, rate)), 3000)
    theirs = Lasso(alpha=0.1, tol=1e-10).fit(X.astype(np.float64), Y.astype(np.float64)).coef_
    assert np.abs(ours["kernel"][:, 0] - theirs).max() > 0.1


def test_proximal_adam_without_strengths_is_adam():
    ours, theirs = (
        trained(nn.proximal_adam(0.05, 0.0, b1=0.8, b2=0.95, eps=1e-3), 50),
        trained(optax.adam(0.05, b1=0.8, b2=0.95, eps=1e-3), 50),
    )
    chex.assert_trees_all_close(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("l1", [0.0, 0.4])
@pytest.mark.parametrize("l2", [0.0, 0.7])
def test_shrink_is_the_minimiser(l1, l2):
    for v in (-2.0, -0.3, 0.0, 0.1, 1.5):
        best = minimize_scalar(
            lambda w, v=v: 0.5 * (w - v) ** 2 + l1 * abs(w) + l2 * w**2, bounds=(-3, 3), options=dict(xatol=1e-10)
        )
        assert float(shrink(jnp.float32(v), l1, l2)) == pytest.approx(best.x, abs=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize(
    "make",
    [
        lambda c: nn.proximal_l1(c, 0.5),
        lambda c: nn.proximal_elastic_net(c, c, 0.5),
        lambda c: nn.group_lasso(c, 0.5),
        lambda c: nn.proximal_adam(0.5, c, c),
    ],
)
def test_zeros_are_exact_and_dtypes_stay(make, dtype):
    rng = np.random.default_rng(1)
    params = {"kernel": jnp.asarray(rng.normal(size=(50, 40)), dtype), "bias": jnp.asarray(rng.normal(size=40), dtype)}
    grads = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), a.dtype), params)
    optimizer = make(jnp.float32(1000.0))
    before = optimizer.init(params)
    updates, after = jax.jit(optimizer.update)(grads, before, params)
    assert (params["kernel"] + updates["kernel"] == 0).all()
    assert (params["bias"] + updates["bias"] != 0).all()
    chex.assert_trees_all_equal_dtypes(updates, params)
    chex.assert_trees_all_equal_shapes_and_dtypes(before, after)


@pytest.mark.parametrize(
    "make",
    [lambda rate: nn.proximal_l1(1.0, rate), lambda rate: nn.group_lasso(1.0, rate)],
    ids=["proximal_l1", "group_lasso"],
)
def test_the_threshold_follows_a_schedule_and_the_plateau_of_the_whole_state(make):
    params, zero = {"kernel": jnp.array([[5.0]])}, {"kernel": jnp.zeros((1, 1))}
    step = make(lambda count: jnp.where(count < 1, 1.0, 0.5))
    state, pulled = step.init(params), []
    whole = (nn.plateau(0.1, patience=1, metric="loss").init(params),)
    for row in ({}, dict(metrics={"loss": 1.0}, epoch=0), dict(metrics={"loss": jnp.nan}, epoch=1)):
        updates, state = step.update(zero, state, params, opt_state=whole, **row)
        pulled.append(float(updates["kernel"][0, 0]))
    assert pulled == pytest.approx([-1.0, -0.5, -0.05], abs=1e-6)
    assert int(state.count) == 3


def test_the_state_tells_the_penalty():
    params = {"kernel": jnp.array([[3.0, -4.0], [0.0, 0.0]]), "bias": jnp.ones(2)}
    states = {
        7.0: optax.chain(optax.sgd(0.1), nn.proximal_l1(1.0, 0.1)).init(params),
        19.5: nn.proximal_elastic_net(1.0, 0.5, 0.1).init(params),
        32.0: nn.proximal_adam(0.1, 1.0, 1.0).init(params),
        10.0: optax.masked(nn.group_lasso(2.0, 0.1), {"kernel": True, "bias": False}).init(params),
        14.0: nn.group_lasso(2.0, 0.1, axis="unit").init(params),
    }
    for value, state in states.items():
        assert float(value_of(state, params)) == pytest.approx(value)
    assert value_of(nn.max_norm(1.0).init(params), params) is None


def final(l1, l2, rate):
    return half_squares(trained(optax.chain(optax.sgd(rate), nn.proximal_elastic_net(l1, l2, rate)), 5))


def final_adam(l1, l2, rate, b1, b2, eps):
    return half_squares(trained(nn.proximal_adam(rate, l1, l2, b1, b2, eps), 5))


NUMBERS = np.array([[0.01, 0.02], [0.02, 0.2], [0.05, 0.01], [0.9, 0.5], [0.99, 0.9], [1e-8, 1e-3]])


@pytest.mark.parametrize(("function", "count"), [(final, 3), (final_adam, 6)])
def test_every_number_rides_under_vmap(function, count):
    numbers = jnp.asarray(NUMBERS[:count], jnp.float32)
    together = jax.vmap(function)(*numbers)
    for i in range(2):
        np.testing.assert_allclose(together[i], function(*numbers[:, i]), rtol=1e-6)


@pytest.mark.parametrize(("function", "count"), [(final, 3), (final_adam, 6)])
def test_gradients_pass_to_every_number(function, count, monkeypatch):
    monkeypatch.setitem(globals(), "START", jax.tree.map(np.float64, START))
    with jax.enable_x64(True):
        numbers, value = NUMBERS[:count, 1], jax.jit(lambda a: function(*a))
        slopes = jax.jit(jax.grad(lambda a: function(*a)))(numbers)
        for j in range(count):
            h = 1e-6 * np.eye(count)[j]
            np.testing.assert_allclose(slopes[j], (value(numbers + h) - value(numbers - h)) / 2e-6, rtol=1e-4)
            assert slopes[j] != 0


def test_bad_calls_say_what_to_write():
    for call in (
        lambda: nn.proximal_l1(-1.0, 0.1),
        lambda: nn.proximal_elastic_net(0.1, -1.0, 0.1),
        lambda: nn.proximal_adam(0.1, -1.0),
        lambda: nn.group_lasso(-1.0, 0.1),
    ):
        with pytest.raises(ValueError, match=r"must be 0 or more, got -1\.0; write nn\."):
            call()
    with pytest.raises(ValueError, match=r"b2 must lie in \[0, 1\), got 1\.0; write nn\.proximal_adam"):
        nn.proximal_adam(0.1, 0.1, b2=1.0)
    for step in (nn.proximal_l1(0.1, 0.1), nn.proximal_adam(0.1, 0.1), nn.group_lasso(0.1, 0.1)):
        with pytest.raises(ValueError, match=r"write optimizer\.update\(grads, state, params\)"):
            step.update(START, step.init(START))
        with pytest.raises(ValueError, match="finds no leaf"):
            step.init({"weights": jnp.ones((2, 2))})
