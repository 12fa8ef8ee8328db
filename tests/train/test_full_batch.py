"""All rows in one step: the same as one batch in order, and L-BFGS through `fit` and `grid`."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

import jaxnn as nn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(19, 3)).astype(np.float32)
Y = (X[:, 0] - X[:, 1] ** 2).astype(np.float32)
OPTIONS = dict(epochs=5, validation=0.25, progress=False)
CANCER, MALIGNANT = load_breast_cancer(return_X_y=True)
CANCER = (CANCER - CANCER.mean(0)) / CANCER.std(0)


def trial(lr):
    return nn.Trial(nn.mlp((4,), out=1), "squared_error", optax.adam(lr))


def logit(l2=None):
    return nn.Trial(nn.logistic_regression(), "sigmoid_cross_entropy", nn.lbfgs(l2))


def test_it_is_one_step_an_epoch_over_all_rows_in_order():
    fraction = nn.fit(trial, (X, Y), {"lr": 0.1}, batch_size=None, **OPTIONS)
    train, held = nn.data.holdout(19, 0.25)
    rows = len(train)
    options = OPTIONS | dict(validation=(X[held], Y[held]), shuffle=False)
    full = nn.fit(trial, (X[train], Y[train]), {"lr": 0.1}, batch_size=None, **options)
    assert int(full.last.step) == 5
    chex.assert_trees_all_equal(fraction.history, full.history)
    same = nn.fit(trial, (X[train], Y[train]), {"lr": 0.1}, batch_size=rows, **options)
    chex.assert_trees_all_equal(full.history, same.history)
    assert same.timing["compiles"] == 0
    smaller = nn.fit(trial, (X[train], Y[train]), {"lr": 0.1}, batch_size=rows - 1, **options)
    assert int(smaller.last.step) == 10


def test_run_and_grid_take_it_too():
    solo = nn.fit(trial, (X, Y), {"lr": 0.1}, batch_size=None, **OPTIONS)
    _, history = nn.run(
        trial, {"lr": 0.1}, jax.random.key(0, impl="threefry2x32"), (X, Y), epochs=5, batch_size=None, validation=0.25
    )
    chex.assert_trees_all_close(history, solo.history, rtol=1e-5)
    runs = nn.grid(trial, (X, Y), {"lr": [0.1, 0.01]}, batch_size=None, plan="map", **OPTIONS)
    chex.assert_trees_all_equal(runs[0].history, solo.history)
    chex.assert_trees_all_equal(runs.replay(0).history, solo.history)


def test_as_an_axis_it_stands_beside_batches():
    runs = nn.grid(trial, (X, Y), {"lr": [0.1], "batch_size": [None, 4, 100]}, plan="map", states=True, **OPTIONS)
    assert [int(run.last.step) for run in runs] == [5, 20, 5]
    assert runs.table["batch_size"] == [None, 4, 100]
    for i in range(3):
        chex.assert_trees_all_equal(runs[i].history, runs.replay(i).history)
    assert not np.array_equal(runs[0].history["loss"], runs[2].history["loss"])


def test_logistic_regression_through_fit_is_that_of_scikit_learn():
    strengths = np.array([0.01, 0.1, 1.0, 10.0])
    penalties = 1 / (2 * strengths * len(CANCER))
    options = dict(epochs=150, batch_size=None, progress=False)
    with jax.enable_x64(True):
        solo = nn.fit(logit, (CANCER, MALIGNANT), {"l2": float(penalties[1])}, **options)
        runs = nn.grid(logit, (CANCER, MALIGNANT), {"l2": penalties}, **options)
        assert runs.n_compiles == 2
        for run, c in ((solo, 0.1), *zip(runs, strengths, strict=True)):
            theirs = LogisticRegression(C=c, tol=1e-12, max_iter=1000, solver="newton-cholesky").fit(CANCER, MALIGNANT)
            np.testing.assert_allclose(run.params["kernel"][:, 0], theirs.coef_[0], atol=1e-5)
            np.testing.assert_allclose(run.params["bias"], theirs.intercept_, atol=1e-5)
            np.testing.assert_allclose(run.predict_proba(CANCER)[:, 1], theirs.predict_proba(CANCER)[:, 1], atol=1e-5)
            assert run.diverged is None


def test_standard_errors_from_the_hessian_are_those_of_statsmodels():
    api = pytest.importorskip("statsmodels.api")
    x = CANCER[:, [1, 4, 8]]
    theirs = api.Logit(MALIGNANT, np.concatenate([np.ones((len(x), 1)), x], 1)).fit(disp=0, tol=1e-12)
    with jax.enable_x64(True):
        run = nn.fit(nn.Trial(nn.logistic_regression(), "sigmoid_cross_entropy", nn.lbfgs()), (x, MALIGNANT),
                     epochs=60, batch_size=None, progress=False)  # fmt: skip
        flat, rebuild = ravel_pytree(run.params)

        def likelihood(v):
            logits, _ = run.spec.apply(rebuild(v), run.state, jnp.asarray(x))
            return nn.losses.sigmoid_cross_entropy(logits, jnp.asarray(MALIGNANT)).sum()

        errors = jnp.sqrt(jnp.diag(jnp.linalg.inv(jax.hessian(likelihood)(flat))))
    np.testing.assert_allclose(flat, theirs.params, atol=1e-5)
    np.testing.assert_allclose(errors, theirs.bse, rtol=1e-4)


@pytest.mark.parametrize("bad", [0, -1, 2.5, True, "all"])
@pytest.mark.parametrize("call", [nn.fit, nn.grid])
def test_anything_else_is_refused(call, bad):
    with pytest.raises(
        ValueError, match=r"batch_size must be a whole number of at least 1, got .*; write batch_size=32"
    ):
        call(trial, (X, Y), {"lr": 0.1}, batch_size=bad, **OPTIONS)


def test_no_other_axis_may_be_none():
    with pytest.raises(ValueError, match="epochs must be a whole number"):
        nn.grid(trial, (X, Y), {"lr": [0.1], "epochs": [None]}, **OPTIONS)
