"""L-BFGS: logistic regression and its standard errors as scikit-learn and statsmodels have them."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.linear_model import LogisticRegression, Ridge

import jaxnn as nn
from jaxnn.optim.penalties import value_of


def standardised(data):
    x, y = data(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), y


def minimum(optimizer, loss, params, steps):
    def step(carry, _):
        params, state = carry
        value, grad = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(grad, state, params, value=value, grad=grad, value_fn=loss)
        return (optax.apply_updates(params, updates), state), value

    (params, state), _ = jax.lax.scan(step, (params, optimizer.init(params)), length=steps)
    return params, state


def logistic(x, y):
    x, y = jnp.asarray(x, float), jnp.asarray(y, float)

    def loss(params):
        z = (x @ params["kernel"])[:, 0] + params["bias"]
        return jnp.mean(jnp.logaddexp(jnp.zeros_like(z), z) - y * z)

    return loss, {"kernel": jnp.zeros((x.shape[1], 1)), "bias": jnp.zeros(1)}


def test_logistic_regression_with_l2_is_that_of_scikit_learn():
    x, y = standardised(load_breast_cancer)
    strengths = np.array([0.01, 0.1, 1.0])
    with jax.enable_x64(True):
        loss, start = logistic(x, y)
        penalties = 1 / (2 * strengths * len(x))
        together = jax.jit(jax.vmap(lambda c: minimum(nn.lbfgs(l2=c), loss, start, 120)[0]))(penalties)
        for i, c in enumerate(strengths):
            theirs = LogisticRegression(C=c, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(x, y)
            np.testing.assert_allclose(together["kernel"][i, :, 0], theirs.coef_[0], atol=1e-7)
            np.testing.assert_allclose(together["bias"][i], theirs.intercept_, atol=1e-7)


def test_softmax_regression_with_l2_is_that_of_scikit_learn():
    x, y = standardised(load_iris)
    theirs = LogisticRegression(C=0.5, tol=1e-12, max_iter=1000).fit(x, y)
    with jax.enable_x64(True):
        wide, start = jnp.asarray(x), {"kernel": jnp.zeros((4, 3)), "bias": jnp.zeros(3)}

        def loss(params):
            logits = wide @ params["kernel"] + params["bias"][None]
            return optax.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray(y)).mean()

        ours, _ = jax.jit(lambda p: minimum(nn.lbfgs(l2=1 / (2 * 0.5 * len(x))), loss, p, 80))(start)
        np.testing.assert_allclose(ours["kernel"].T, theirs.coef_, atol=1e-5)
        np.testing.assert_allclose(ours["bias"] - ours["bias"].mean(), theirs.intercept_, atol=1e-5)


def test_standard_errors_from_the_hessian_are_those_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    x, y = standardised(load_breast_cancer)
    x = x[:, [1, 4, 8]]
    theirs = api.Logit(y, np.concatenate([np.ones((len(x), 1)), x], 1)).fit(disp=0, tol=1e-12)
    with jax.enable_x64(True):
        loss, start = logistic(x, y)
        ours, _ = jax.jit(lambda p: minimum(nn.lbfgs(), loss, p, 60))(start)
        flat, rebuild = jax.flatten_util.ravel_pytree(ours)
        hessian = jax.hessian(lambda v: len(x) * loss(rebuild(v)))(flat)
        errors = jnp.sqrt(jnp.diag(jnp.linalg.inv(hessian)))
    np.testing.assert_allclose(flat, theirs.params, rtol=1e-6)
    np.testing.assert_allclose(errors, theirs.bse, rtol=1e-6)


@pytest.mark.parametrize("x64", [True, False])
def test_ridge_is_that_of_scikit_learn_and_steps_after_the_optimum_do_no_harm(x64):
    x, y = standardised(load_diabetes)
    y = (y - y.mean()) / y.std()
    theirs = Ridge(alpha=20.0, tol=1e-12).fit(x, y)
    with jax.enable_x64(x64):
        wide, target = jnp.asarray(x, float), jnp.asarray(y, float)

        def loss(params):
            return jnp.mean(jnp.square(wide @ params["kernel"] - target))

        ours, state = jax.jit(lambda p: minimum(nn.lbfgs(l2=20.0 / len(x)), loss, p, 300))({"kernel": jnp.zeros(10)})
        np.testing.assert_allclose(ours["kernel"], theirs.coef_, atol=1e-9 if x64 else 1e-5)
        np.testing.assert_allclose(value_of(state, ours), 20.0 / len(x) * (theirs.coef_**2).sum(), rtol=1e-5)


def test_without_a_penalty_it_is_the_lbfgs_of_optax():
    loss, start = logistic(*standardised(load_iris)[0:2])
    ours, state = minimum(nn.lbfgs(), loss, start, 3)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        theirs, _ = minimum(optax.lbfgs(), loss, start, 3)
    chex.assert_trees_all_close(ours, theirs, rtol=1e-5)
    assert value_of(state, ours) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.lbfgs(l2=-1), "must be 0 or more, got -1"),
        (lambda: nn.lbfgs(memory_size=0), "memory_size must be a whole number"),
        (lambda: nn.lbfgs(l2=0.1).init({"w": jnp.ones(2)}), "lbfgs finds no leaf"),
        (
            lambda: nn.lbfgs().update({"w": jnp.ones(2)}, nn.lbfgs().init({"w": jnp.ones(2)}), {"w": jnp.ones(2)}),
            r"write optimizer\.update\(grad, state, params, value=value, grad=grad, value_fn=loss\)",
        ),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
