"""A path of strengths in one program: scikit-learn's `lasso_path`, exact zeros, scores and the picture."""

import chex
import jax
import numpy as np
import optax
import pytest
from matplotlib import pyplot
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge, lasso_path

import jaxnn as nn

BUNCH = load_diabetes()
X = (BUNCH.data - BUNCH.data.mean(0)) / BUNCH.data.std(0)
Y = (BUNCH.target - BUNCH.target.mean()) / BUNCH.target.std()
LARGEST = np.abs(X.T @ Y).max() / len(X)
QUICK = dict(lr=0.2, epochs=60, progress=False)


def lasso(l1, lr, l2=0.0, momentum=0.9):
    steps = optax.sgd(lr, momentum=momentum, nesterov=True)
    steps = optax.chain(steps, nn.proximal_elastic_net(l1, l2, lr / (1 - momentum)))
    return nn.Trial(nn.Dense(1, kernel_init="zeros"), "half_squared_error", steps)


def network(l1, lr):
    return nn.Trial(nn.mlp((4,), out=1), "squared_error", optax.chain(optax.sgd(lr), nn.proximal_l1(l1, lr)))


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.mark.parametrize("x64", [False, True])
def test_fifty_strengths_are_the_lasso_path_of_scikit_learn(x64):
    alphas, theirs, _ = lasso_path(X, Y, alphas=np.geomspace(0.99, 1e-3, 50) * LARGEST, tol=1e-12, max_iter=200_000)
    with jax.enable_x64(x64):
        found = nn.path(lasso, (X, Y), l1=alphas, lr=0.2, epochs=1500, progress=False)
        assert (len(found.runs.plan), found.runs.n_compiles) == (1, 2)
        ours = found.coefficients[..., 0].T
        stacked = found.stacked
    np.testing.assert_allclose(ours, theirs, atol=1e-9 if x64 else 1e-5)
    np.testing.assert_array_equal(ours == 0, theirs == 0)
    np.testing.assert_array_equal(found.zeros, (theirs == 0).sum(0))
    np.testing.assert_array_equal(found.strengths, alphas)
    assert (stacked["kernel"].shape, stacked["bias"].shape) == ((50, 10, 1), (50, 1))
    loss = 0.5 * ((Y[:, None] - X @ theirs) ** 2).mean(0)
    np.testing.assert_allclose(found.scores, loss, rtol=1e-5)


def test_scores_are_those_of_the_rows_held_out_and_best_is_the_best():
    held = X[300:], Y[300:]
    found = nn.path(lasso, (X[:300], Y[:300]), l1=nn.logspace(1e-3, 0.5, 7), validation=held, **QUICK)
    errors = [0.5 * np.mean((run.predict(held[0]) - held[1]) ** 2) for run in found.runs]
    np.testing.assert_allclose(found.scores, errors, rtol=1e-5)
    assert found.metric == "val_loss" and found.best_index == np.argmin(errors)
    assert found.best is found.runs[found.best_index]
    chex.assert_trees_all_equal(found.coefficients[found.best_index], np.asarray(found.best.params["kernel"]))
    by_loss = nn.path(lasso, (X[:300], Y[:300]), l1=nn.logspace(1e-3, 0.5, 7), validation=held, metric="loss", **QUICK)
    assert by_loss.best_index == 0 and by_loss.runs.n_compiles == 0


def test_lists_of_one_length_go_side_by_side():
    strengths = [1.0, 10.0, 100.0]
    found = nn.path(lasso, (X, Y), l2=np.array(strengths) / (2 * len(X)), l1=0.0, lr=0.2, epochs=1500, progress=False)
    for ours, alpha in zip(found.coefficients[..., 0], strengths, strict=True):
        np.testing.assert_allclose(ours, Ridge(alpha=alpha, tol=1e-12).fit(X, Y).coef_, atol=1e-5)
    both = nn.path(lasso, (X, Y), l1=[0, 1, 2], l2=[0.0, 0.1, 0.2], **QUICK)
    assert (both.name, both.strengths.tolist(), len(both.runs.plan)) == ("l1", [0.0, 1.0, 2.0], 1)
    assert both.zeros.tolist() == [0, 10, 10]


def test_several_leaves_lie_side_by_side_and_where_chooses():
    options = dict(l1=[1e-4, 3.0], lr=0.05, epochs=60, progress=False)
    found = nn.path(network, (X, Y), **options)
    assert found.coefficients.shape == (2, 10 * 4 + 4)
    assert found.zeros[1] == 44 > found.zeros[0]
    first = nn.path(network, (X, Y), where="dense_0/kernel", **options)
    assert first.coefficients.shape == (2, 10, 4)
    np.testing.assert_array_equal(first.coefficients, first.stacked["dense_0"]["kernel"])


def test_the_picture_shows_the_coefficients_and_the_scores():
    data = type("Data", (), dict(x=X, y=Y, features=BUNCH.feature_names))()
    found = nn.path(lasso, data, l1=[0.01, 0.1, 0.3], validation=0.2, **QUICK)
    ax = found.plot()
    assert {t.get_text() for t in ax.texts} >= set(BUNCH.feature_names)
    np.testing.assert_array_equal(ax.figure.axes[1].lines[-1].get_ydata(), found.scores[::-1])
    assert (ax.figure.axes[1].get_xlabel(), ax.figure.axes[1].get_ylabel()) == ("l1", "val_loss")
    assert len(found.plot(ax=pyplot.subplots()[1]).figure.axes) == 1
    few = nn.path(lasso, type("Data", (), dict(x=X, y=Y, features=("a", "b")))(), l1=[0.01, 0.1], **QUICK)
    assert not {t.get_text() for t in few.plot().texts} & {"a", "b"}


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({}, r"a path needs the strengths of a penalty; write nn\.path\(trial, data, l1=nn\.logspace"),
        ({"l1": ["weak", "strong"], "lr": 0.1}, "the strengths l1 of a path must be numbers, got"),
        ({"l1": [0.1, 0.2], "l2": [0.1, 0.2, 0.3], "lr": 0.1}, "zip needs axes of one length"),
        ({"l1": [], "lr": 0.1}, "the axis l1 has no values"),
        ({"c": [0.1, 0.2], "lr": 0.1}, "the trial has no hyperparameter 'c'"),
        ({"l1": [0.1, 0.2], "lr": 0.1, "metric": "val_loss"}, "the history has no 'val_loss'"),
        ({"l1": [0.1, 0.2], "lr": 0.1, "where": ("weight",)}, r"where=\('weight',\) chooses no leaf"),
        ({"l1": [0.1, 0.2], "lr": 0.1, "batch_size": 0}, "batch_size must be a whole number of at least 1"),
    ],
)
def test_bad_calls_say_what_to_write(axes, message):
    with pytest.raises(ValueError, match=message):
        nn.path(lasso, (X, Y), epochs=2, progress=False, **axes)
