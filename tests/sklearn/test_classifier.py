"""What our classifier has beside scikit-learn's parameters, and its place among other estimators."""

import pickle
import warnings

import numpy as np
import optax
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import compute_sample_weight

from jaxnn.sklearn import MLPClassifier

X, Y = load_iris(return_X_y=True)
SMALL = dict(hidden_layer_sizes=(6,), max_iter=12, random_state=3, learning_rate_init=0.03)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def test_no_hidden_layer_and_lbfgs_is_logistic_regression():
    model = MLPClassifier((), solver="lbfgs", alpha=1.0, tol=1e-8, max_iter=5000, random_state=0).fit(X, Y)
    theirs = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(X, Y)
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=2e-3)


def test_class_weights_are_weights_of_rows():
    y = Y > 1
    own, rows = (
        MLPClassifier(class_weight=weight, **SMALL).fit(X, y, sample_weight)
        for weight, sample_weight in (("balanced", None), (None, compute_sample_weight("balanced", y)))
    )
    np.testing.assert_allclose(own.coefs_[0], rows.coefs_[0], rtol=1e-12)
    assert not np.allclose(own.coefs_[0], MLPClassifier(**SMALL).fit(X, y).coefs_[0])


def test_l1_dropout_and_an_optimizer_of_optax():
    plain = MLPClassifier(**SMALL).fit(X, Y)
    small = MLPClassifier(l1=20.0, **SMALL).fit(X, Y)
    assert np.abs(small.coefs_[0]).sum() < 0.8 * np.abs(plain.coefs_[0]).sum()
    assert small.loss_ > plain.loss_ + 20.0 / 150 * sum(np.abs(c).sum() for c in small.coefs_) / 2
    dropped, again = (MLPClassifier(dropout=0.5, **SMALL).fit(X, Y) for _ in range(2))
    assert dropped.loss_curve_ == again.loss_curve_ and dropped.loss_ > plain.loss_
    adam = MLPClassifier(optimizer=optax.adam, **SMALL).fit(X, Y)
    np.testing.assert_allclose(adam.loss_curve_, plain.loss_curve_, rtol=1e-4)  # their epsilons differ
    assert MLPClassifier(optimizer=optax.lion, activation="gelu", **SMALL).fit(X, Y).score(X, Y) > 0.6


def test_logits_are_the_logarithms_of_odds():
    model = MLPClassifier(**SMALL).fit(X, Y > 0)
    odds = np.diff(model.predict_log_proba(X))[:, 0]
    np.testing.assert_allclose(model.decision_function(X), odds, rtol=1e-6)
    far = MLPClassifier(**SMALL).fit(X, Y > 0).predict_log_proba(X * 1e4)
    assert np.isfinite(far).all() and far.min() < -745  # where a probability is 0.0


def test_among_other_estimators():
    table = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(kind=np.where(X[:, 0] > 6, "large", "small"))
    columns = ColumnTransformer(
        [("scale", StandardScaler(), ["a", "b", "c", "d"]), ("kind", OneHotEncoder(), ["kind"])]
    )
    model = make_pipeline(columns, MLPClassifier(**SMALL))
    assert cross_val_score(model, table, Y, cv=2).mean() > 0.7
    named = MLPClassifier(**SMALL).fit(table[["a", "b", "c", "d"]], Y)
    assert named.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        named.predict(table[["b", "a", "c", "d"]])
    calibrated = CalibratedClassifierCV(MLPClassifier(**SMALL), cv=2).fit(X, Y)
    np.testing.assert_allclose(calibrated.predict_proba(X).sum(1), 1)


def test_sparse_rows_clones_and_pickles():
    model = MLPClassifier(**SMALL).fit(X, Y)
    thin = MLPClassifier(**SMALL).fit(sparse.csr_matrix(X), Y)
    np.testing.assert_allclose(thin.predict_proba(sparse.csr_matrix(X)), model.predict_proba(X), rtol=1e-12)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(X) == model.predict_proba(X)).all()
    assert again.partial_fit(X, Y).loss_curve_ == model.partial_fit(X, Y).loss_curve_
    assert clone(model).get_params() == model.get_params() and not hasattr(clone(model), "coefs_")


def test_validation_loss_is_kept_beside_the_scores():
    model = MLPClassifier(early_stopping=True, validation_fraction=0.2, alpha=0.5, **SMALL).fit(X, Y)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == model.n_iter_
    assert MLPClassifier(**SMALL).fit(X, Y).validation_loss_curve_ is None


def test_the_first_partial_fit_needs_the_classes():
    with pytest.raises(ValueError, match=r"classes=np.unique\(y\)"):
        MLPClassifier(**SMALL).partial_fit(X, Y)
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(ValueError, match="early_stopping=False"):
        MLPClassifier(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    model = MLPClassifier(**SMALL).partial_fit(X[:60], Y[:60], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="not the same as on the last call"):
        model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match="has classes not in"):
        model.partial_fit(X, Y + 1)


def test_verbose_prints_as_theirs(capsys):
    model = MLPClassifier(verbose=True, early_stopping=True, **SMALL).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {model.loss_curve_[0]:.8f}"
    assert lines[1] == f"Validation score: {model.validation_scores_[0]:.6f}" and len(lines) == 2 * model.n_iter_
