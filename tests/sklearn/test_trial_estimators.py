"""Any trial as an estimator: against `jaxnn.fit`'s own model, and what a trial may ask for."""

import pickle

import jax
import numpy as np
import optax
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression

import jaxnn as nn
from jaxnn.sklearn import MLPClassifier, TrialClassifier, TrialRegressor
from tests.sklearn.trials import flowers, labels, values

X, Y = load_iris(return_X_y=True)


def test_full_batch_steps_reach_the_optimum_of_logistic_regression():
    def softmax(l2, outputs):
        return nn.Trial(nn.softmax_regression(outputs), "softmax_cross_entropy", nn.lbfgs(l2=l2))

    model = TrialClassifier(softmax, epochs=500, batch_size=None, l2=1 / 300).fit(X, Y)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_hyperparameters_are_parameters():
    model = TrialClassifier(flowers, epochs=3, lr=0.1, random_state=0)
    assert model.get_params()["lr"] == 0.1
    model.set_params(lr=0.03, epochs=2, hidden=(4,)).fit(X, Y)
    assert model.run_.hparams == {"lr": 0.03, "hidden": (4,), "outputs": 3} and model.n_iter_ == 2
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(ValueError, match="Invalid parameter 'rate'"):
        model.set_params(rate=1.0)
    with pytest.raises(ValueError, match="'lr' has no value"):
        TrialClassifier(flowers).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(X) == model.predict_proba(X)).all()


def test_names_two_classes_and_several_labels():
    names = np.array(["a", "b"])[(Y > 0).astype(int)]
    binary = TrialClassifier(nn.Trial(nn.Dense(1), "sigmoid_cross_entropy", optax.adam(0.1)), epochs=20).fit(X, names)
    assert binary.score(X, names) > 0.9 and binary.predict_proba(X).shape == (150, 2)
    both = np.diff(binary.predict_log_proba(X))[:, 0]
    np.testing.assert_allclose(binary.decision_function(X), both, rtol=1e-4, atol=1e-5)
    several = np.c_[Y == 0, Y == 1].astype(int)
    model = TrialClassifier(labels, epochs=30, lr=0.05, random_state=0).fit(X, several)
    assert model.predict(X).shape == (150, 2) and (model.predict(X) == several).mean() > 0.8
    assert model.predict_proba(X).shape == (150, 2)


def test_early_stopping_keeps_the_best_weights():
    stop = nn.EarlyStopping("val_loss", patience=2)
    model = TrialClassifier(flowers, epochs=60, lr=0.3, random_state=0, validation_fraction=0.3, stop=stop).fit(X, Y)
    assert model.n_iter_ < 60 and model.run_.best_epoch == int(np.argmin(model.history_["val_loss"]))


def test_values_partial_fit_and_warm_start():
    y = np.c_[X[:, 3], -X[:, 3]]
    model = TrialRegressor(values, epochs=5, lr=0.03, random_state=0, batch_size=50)
    whole = clone(model).set_params(shuffle=False).fit(X[:, :3], y)
    steps = clone(model).set_params(shuffle=False)
    for _ in range(5):
        steps.partial_fit(X[:, :3], y)
    np.testing.assert_allclose(steps.predict(X[:, :3]), whole.predict(X[:, :3]), rtol=1e-9)
    assert whole.predict(X[:, :3]).shape == (150, 2)
    warm = clone(model).set_params(warm_start=True).fit(X[:, :3], y)
    before = warm.score(X[:, :3], y)
    assert warm.fit(X[:, :3], y).score(X[:, :3], y) > before


def test_images_have_their_axes():
    x, y = load_digits(return_X_y=True)

    def convolution(lr, outputs):
        return nn.Trial(nn.Sequential(nn.Conv(4, (3, 3), activation="relu"), nn.Flatten(), nn.Dense(outputs)),
                        "softmax_cross_entropy", optax.adam(lr))  # fmt: skip

    x = x[:300].reshape(-1, 8, 8, 1) / 16
    model = TrialClassifier(convolution, epochs=15, lr=0.03, dtype="float32", random_state=0).fit(x, y[:300])
    assert model.score(x, y[:300]) > 0.9


def test_a_precision_is_that_of_the_training():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3))
    y = (x[:, 0] > 0).astype(int)
    full = TrialClassifier(flowers, lr=0.03, epochs=3, random_state=0, dtype="float32").fit(x, y)
    half = clone(full).set_params(precision="bfloat16", dtype=None).fit(x, y)
    assert str(half.run_.precision) == "bfloat16" and full.run_.precision is None
    assert {str(a.dtype) for a in jax.tree.leaves(half.run_.params)} == {"float32"}
    off = np.abs(half.predict_proba(x) - full.predict_proba(x)).max()
    assert 0 < off < 0.05
    with pytest.raises(ValueError, match="goes with rows of float32, and dtype is 'float64'"):
        TrialClassifier(flowers, lr=0.03, precision="bfloat16", dtype="float64").fit(x, y)
    with pytest.raises(ValueError, match="precision must be None"):
        TrialClassifier(flowers, lr=0.03, precision="int8").fit(x, y)
    network = MLPClassifier((8,), max_iter=30, tol=10.0, n_iter_no_change=2, random_state=0, precision="float16").fit(
        x, y
    )
    plain = MLPClassifier((8,), max_iter=30, tol=10.0, n_iter_no_change=2, random_state=0, dtype="float32").fit(x, y)
    off = np.abs(network.coefs_[0] - plain.coefs_[0]).max()
    assert 0 < off < 0.01 and network.coefs_[0].dtype == np.float32
