"""Searches against scikit-learn's own over its own networks, and what cannot go into one program."""

import warnings

import numpy as np
import pytest
from scipy.stats import loguniform
from sklearn import model_selection
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit
from sklearn.neural_network import MLPClassifier as Theirs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from jaxnn.sklearn import GridSearchCV, MLPClassifier, RandomizedSearchCV, TrialClassifier, estimator
from tests.sklearn.trials import flowers

X, Y = load_iris(return_X_y=True)
SMALL = dict(hidden_layer_sizes=(5,), max_iter=10, random_state=3, batch_size=30)
GRID = [
    {"learning_rate_init": [1e-2, 0.1], "alpha": [0.0, 1.0]},
    {"hidden_layer_sizes": [(3,)], "random_state": [0, 1]},
]


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@pytest.fixture
def alone(monkeypatch):
    """How many networks were trained by a fit of their own."""
    counted = []

    def counting(data, jobs, *rest):
        counted.append(len(jobs))
        return train(data, jobs, *rest)

    train = estimator.train
    monkeypatch.setattr(estimator, "train", counting)
    return counted


def same(ours, theirs):
    assert ours.cv_results_.keys() == theirs.cv_results_.keys()
    for name, values in theirs.cv_results_.items():
        if "score" in name and "time" not in name:
            np.testing.assert_allclose(ours.cv_results_[name], values, rtol=1e-9, err_msg=name)
        elif "time" not in name:
            assert list(ours.cv_results_[name]) == list(values), name
    assert (ours.best_index_, ours.best_params_, ours.n_splits_) == (
        theirs.best_index_,
        theirs.best_params_,
        theirs.n_splits_,
    )
    fitted = lambda search: {name for name in vars(search) if name.endswith("_") and name[0] != "_"}  # noqa: E731
    assert fitted(ours) == fitted(theirs)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-8)


def test_a_grid_gives_what_theirs_gives(alone):
    options = dict(cv=KFold(4, shuffle=True, random_state=0), return_train_score=True, n_jobs=2)
    theirs = model_selection.GridSearchCV(Theirs(**SMALL), GRID, **options).fit(X, Y)
    ours = GridSearchCV(MLPClassifier(**SMALL), GRID, **options).fit(X, Y)
    same(ours, theirs)
    assert alone == [1]  # the refit
    assert ours.cv is options["cv"] and not hasattr(ours, "_left")
    assert ours.cv_results_["mean_fit_time"].min() > 0 and ours.cv_results_["std_fit_time"].max() == 0


def test_several_scores_weights_groups_and_early_stopping(alone):
    options = dict(
        cv=GroupKFold(3), scoring={"loss": "neg_log_loss", "acc": "accuracy"}, refit="loss",
    )  # fmt: skip
    grid = {"early_stopping": [False, True], "class_weight": [None, "balanced"]}
    weight, groups = np.random.default_rng(0).uniform(1, 2, 150), np.arange(150) % 5
    own = dict(sample_weight=weight, groups=groups)
    ours = GridSearchCV(MLPClassifier(**SMALL), grid, **options).fit(X, Y, **own)
    assert alone == [1]
    theirs = model_selection.GridSearchCV(MLPClassifier(**SMALL), grid, **options).fit(X, Y, **own)
    same(ours, theirs)
    assert ours.multimetric_


def test_a_random_search_draws_once(alone):
    draw = {"learning_rate_init": loguniform(1e-3, 1e-1), "alpha": [0.0, 1.0]}
    options = dict(n_iter=4, random_state=5, cv=3)
    theirs = model_selection.RandomizedSearchCV(Theirs(**SMALL), draw, **options).fit(X, Y)
    ours = RandomizedSearchCV(MLPClassifier(**SMALL), draw, **options).fit(X, Y)
    same(ours, theirs)
    free = RandomizedSearchCV(
        MLPClassifier(**SMALL | dict(random_state=None)), draw, n_iter=2, cv=ShuffleSplit(2), refit=False
    )
    assert np.isfinite(free.fit(X, Y).cv_results_["mean_test_score"]).all()
    assert alone == [1]


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_fold_without_a_class_and_candidates_that_fail(alone):
    rows = np.arange(150)
    lacking = [(rows[:100], rows[100:]), (rows[::2], rows[1::2])]
    search = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.0, -1.0]}, cv=lacking, refit=False)
    with pytest.warns(FitFailedWarning, match=r"(?s)2 fits failed.*alpha must be a number of at least 0"):
        search.fit(X, Y)
    assert alone == [1]
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores[0]) and np.isnan(scores[1])
    diverging = {"learning_rate_init": [0.1, 1e9], "solver": ["sgd"], "activation": ["identity"]}
    search = GridSearchCV(MLPClassifier(**SMALL), diverging, cv=2)
    with pytest.warns(FitFailedWarning, match="learning rate is too large"):
        search.fit(X, Y)
    assert search.best_params_["learning_rate_init"] == 0.1


def test_any_trial(alone):
    model = TrialClassifier(flowers, epochs=4, random_state=0, lr=0.1)
    grid = {"lr": [0.03, 0.1], "hidden": [(4,), (8,)]}
    ours = GridSearchCV(model, grid, cv=3).fit(X, Y)
    assert alone == [1]
    theirs = model_selection.GridSearchCV(model, grid, cv=3).fit(X, Y)
    for name in ("split0_test_score", "split1_test_score", "split2_test_score"):
        np.testing.assert_array_equal(ours.cv_results_[name], theirs.cv_results_[name])


@pytest.mark.parametrize(
    ("model", "grid", "reason"),
    [
        (LogisticRegression(max_iter=500), {"C": [1.0, 10.0]}, "LogisticRegression is trained by scikit-learn"),
        (
            make_pipeline(StandardScaler(), MLPClassifier(**SMALL)),
            {"mlpclassifier__alpha": [0.0, 1.0]},
            "the step 'standardscaler' of the pipeline learns from each fold",
        ),
    ],
)
def test_what_cannot_be_batched_is_fitted_as_theirs(model, grid, reason):
    with pytest.warns(UserWarning, match=reason):
        ours = GridSearchCV(model, grid, cv=2).fit(X, Y)
    same(ours, model_selection.GridSearchCV(model, grid, cv=2).fit(X, Y))
