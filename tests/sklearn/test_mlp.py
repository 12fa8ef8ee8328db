"""Networks against scikit-learn's own: with one random state the same weights, the same curve, the same end."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor

from jaxnn.sklearn import MLPClassifier, MLPRegressor

X, Y = load_iris(return_X_y=True)
XD, YD = load_diabetes(return_X_y=True)
YD = (YD - YD.mean()) / YD.std()
WEIGHT = np.random.default_rng(0).uniform(0, 3, len(X))
COUNTS = np.random.default_rng(0).integers(0, 3, len(XD)).astype(float)
SMALL = dict(hidden_layer_sizes=(6,), max_iter=12, random_state=3, batch_size=40)

CLASSES = {
    "adam": dict(),
    "momentum": dict(solver="sgd", learning_rate_init=0.1),
    "adaptive": dict(solver="sgd", learning_rate="adaptive", learning_rate_init=0.1, n_iter_no_change=1, tol=0.05),
    "invscaling": dict(solver="sgd", learning_rate="invscaling", nesterovs_momentum=False, learning_rate_init=0.5),
    "early": dict(early_stopping=True, alpha=0.1, activation="tanh", hidden_layer_sizes=(6, 4), tol=0.02),
    "in order": dict(activation="logistic", shuffle=False, n_iter_no_change=2, tol=0.02),
    "identity": dict(activation="identity", epsilon=1e-2, beta_1=0.5, beta_2=0.9, batch_size="auto"),
}
VALUES = {
    "adam": dict(),
    "early": dict(solver="sgd", early_stopping=True),
    "counts": dict(loss="poisson"),
}


def curves(theirs, ours):
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(ours.validation_scores_ or [], theirs.validation_scores_ or [], rtol=1e-12)
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        assert (getattr(ours, name) is None) == (getattr(theirs, name) is None), name
        np.testing.assert_allclose(getattr(ours, name) or 0.0, getattr(theirs, name) or 0.0, rtol=1e-12)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for a, b in zip((*ours.coefs_, *ours.intercepts_), (*theirs.coefs_, *theirs.intercepts_), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.mark.parametrize("name", CLASSES)
def test_a_classifier_is_theirs(name):
    options = SMALL | CLASSES[name]
    weight = WEIGHT if name in ("adam", "early") else None
    y = Y > 0 if name in ("early", "identity") else np.array(["setosa", "versicolor", "virginica"])[Y]
    theirs = TheirClassifier(**options).fit(X, y, weight)
    ours = MLPClassifier(**options).fit(X, y, weight)
    curves(theirs, ours)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-8)
    assert (ours.predict(X) == theirs.predict(X)).all() and ours.predict(X).dtype == theirs.predict(X).dtype


@pytest.mark.parametrize("name", VALUES)
def test_a_regressor_is_theirs(name):
    options = SMALL | VALUES[name]
    y = np.abs(YD) if name == "counts" else YD
    theirs = TheirRegressor(**options).fit(XD, y, COUNTS)
    ours = MLPRegressor(**options).fit(XD, y, COUNTS)
    curves(theirs, ours)
    np.testing.assert_allclose(ours.predict(XD), theirs.predict(XD), rtol=1e-9)


def test_several_values_and_several_labels():
    several = np.c_[YD, YD**2, -YD]
    theirs, ours = (make(**SMALL).fit(XD, several) for make in (TheirRegressor, MLPRegressor))
    curves(theirs, ours)
    labels = np.c_[YD > 0, YD > 1, YD < -1].astype(int)
    theirs, ours = (make(**SMALL).fit(XD, labels) for make in (TheirClassifier, MLPClassifier))
    curves(theirs, ours)
    assert (ours.predict(XD) == theirs.predict(XD)).all()
    np.testing.assert_allclose(ours.predict_proba(XD), theirs.predict_proba(XD), rtol=1e-9)


def test_lbfgs_reaches_their_optimum():
    options = dict(hidden_layer_sizes=(1,), activation="identity", solver="lbfgs", alpha=1.0, tol=1e-7, max_iter=2000)
    theirs, ours = (make(random_state=0, **options).fit(X, Y) for make in (TheirClassifier, MLPClassifier))
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-3)
    assert ours.n_iter_ < 2000 and len(ours.loss_curve_) == ours.n_iter_


def test_lbfgs_ends_by_iterations_and_by_evaluations():
    options = dict(hidden_layer_sizes=(3,), solver="lbfgs", random_state=0, tol=0.0)
    with pytest.warns(ConvergenceWarning, match="max_iter=4"):
        assert MLPRegressor(max_iter=4, **options).fit(XD, YD).n_iter_ == 4
    assert MLPRegressor(max_iter=100, max_fun=10, **options).fit(XD, YD).n_iter_ <= 10


def test_partial_fit_and_warm_start_go_on_as_theirs():
    theirs, ours = (make(**SMALL) for make in (TheirClassifier, MLPClassifier))
    for rows in (slice(0, 110), slice(40, 150), slice(0, 110)):
        for model in (theirs, ours):
            model.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
        curves(theirs, ours)
    theirs, ours = (
        make(warm_start=True, **SMALL).fit(X, Y).fit(X[::-1], Y[::-1]) for make in (TheirClassifier, MLPClassifier)
    )
    curves(theirs, ours)
    assert len(ours.loss_curve_) == 24


def test_what_draws_is_left_as_theirs_leaves_it():
    states = [np.random.RandomState(5), np.random.RandomState(5)]
    options = SMALL | dict(n_iter_no_change=2, tol=0.1, max_iter=30)
    for make, state in zip((TheirClassifier, MLPClassifier), states, strict=True):
        made = make(**options | dict(random_state=state)).fit(X, Y)
        assert made.n_iter_ < 30  # the engine drew orders further ahead
    assert states[0].randint(1 << 30) == states[1].randint(1 << 30)


def test_diverged_says_so():
    with pytest.raises(ValueError, match=r"non-finite parameter weights.*learning rate"):
        MLPRegressor(solver="sgd", learning_rate_init=1e6, **SMALL).fit(XD, YD)


def test_float32_when_asked_for():
    wide, narrow = (MLPClassifier(dtype=dtype, **SMALL).fit(X, Y) for dtype in (None, "float32"))
    assert [m.coefs_[0].dtype for m in (wide, narrow)] == ["float64", "float32"]
    np.testing.assert_allclose(narrow.loss_curve_, wide.loss_curve_, rtol=1e-5)
    assert MLPClassifier(**SMALL).fit(X.astype("float32"), Y).coefs_[0].dtype == "float32"
