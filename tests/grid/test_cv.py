"""Cross-validation summed up: against scikit-learn's ridge by folds, and by hand."""

import numpy as np
import optax
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxnn as nn
from jaxnn.grid.cv import summed_up
from jaxnn.grid.space import Space

X, Y = load_diabetes(return_X_y=True, scaled=False)
X, Y = X[:120], (Y[:120] - Y.mean()) / Y.std()
SPLITTER, STRENGTHS = KFold(4, shuffle=True, random_state=1), [0.03, 0.2, 1.0]


def ridge(l2):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.15)))


@pytest.fixture(scope="module")
def runs():
    how = dict(epochs=1500, batch_size=None, folds=SPLITTER, standardise=True, progress=False)
    return nn.grid(ridge, (X, Y), dict(l2=STRENGTHS, seed=[0, 1]), **how)


def test_ridge_by_folds_is_that_of_scikit_learn(runs):
    """The mean squared error plus ``l2 |w|^2``, scaled by each fold's training rows: full batches until they stand."""
    cv = runs.cv()
    assert cv.metric == "val_loss" and not cv.rises and len(cv) == 3 and runs.n_compiles == 2
    for k, l2 in enumerate(STRENGTHS):
        scores = -cross_val_score(
            make_pipeline(StandardScaler(), nn_ridge(l2, 90)), X, Y, cv=SPLITTER, scoring="neg_mean_squared_error"
        )
        np.testing.assert_allclose(cv.scores[k], scores, rtol=2e-4)
        assert cv.table["mean"][k] == pytest.approx(scores.mean(), rel=2e-4)
        assert cv.table["std"][k] == pytest.approx(scores.std(ddof=1), rel=2e-3)
        assert cv.table["error"][k] == pytest.approx(scores.std(ddof=1) / 2, rel=2e-3)
    assert cv.table["folds"] == [4] * 3 and cv.table["epochs"] == [1500.0] * 3 and cv.table["l2"] == STRENGTHS
    assert cv.best == {"l2": STRENGTHS[int(np.argmin(cv.table["mean"]))]}
    assert cv.points == tuple({"l2": v} for v in STRENGTHS)


def nn_ridge(l2, rows):
    from sklearn.linear_model import Ridge

    return Ridge(alpha=l2 * rows)


def test_ridge_chooses_as_scikit_learn_does(runs):
    scaled = StandardScaler().fit_transform(X)
    peer = RidgeCV(alphas=[v * 90 for v in STRENGTHS], cv=SPLITTER, scoring="neg_mean_squared_error").fit(scaled, Y)
    assert runs.cv().best["l2"] * 90 == pytest.approx(peer.alpha_)


def cv_of(means, error=0.1, rises=False, sick=(), l2=(0.0, 0.1, 1.0)):
    """A `CV` of two folds with these means, and with standard errors that are all alike."""
    points = tuple({"l2": v, "width": 8 - i, "fold": k} for i, v in enumerate(l2) for k in (0, 1))
    values = [m + s * error for m in means for s in (-1, 1)]
    table = {name: [p[name] for p in points] for name in ("l2", "width", "fold")}
    table |= {"val": values, "best_epoch": [4] * 6, "diverged_at": [3 if i in sick else None for i in range(6)]}
    return summed_up(Space(points, ("l2", "width", "fold")), table, "val", rises)


def test_one_standard_error_takes_the_simplest_that_is_as_good():
    cv = cv_of([1.0, 1.05, 1.5])
    assert cv.table["error"] == pytest.approx([0.1] * 3) and cv.best == {"l2": 0.0, "width": 8}
    assert cv.one_standard_error("l2") == {"l2": 0.1, "width": 7}
    assert cv_of([1.0, 1.05, 1.09]).one_standard_error("l2")["l2"] == 1.0
    assert cv.one_standard_error(lambda p: p["width"])["width"] == 7
    assert cv.one_standard_error(lambda p: -p["width"])["width"] == 8
    assert cv_of([1.0, 0.95, 0.5], rises=True).one_standard_error("l2")["l2"] == 0.1
    assert cv_of([1.0, 1.05, 1.5], error=0.0).one_standard_error("l2")["l2"] == 0.0
    with pytest.raises(ValueError, match=r"has l2, width, and no 'depth'; write one_standard_error\(\"l2\"\)"):
        cv.one_standard_error("depth")


def test_points_with_a_sick_run_or_no_number_come_last():
    cv = cv_of([1.0, 1.05, 1.5], sick=[1])
    assert cv.order.tolist() == [1, 2, 0] and cv.table["diverged"] == [1, 0, 0]
    assert cv.one_standard_error("l2")["l2"] == 0.1
    assert cv_of([np.nan, 1.0, 0.5]).order.tolist() == [2, 1, 0]
    assert cv_of([np.inf, 1.0, 0.5]).order.tolist() == [2, 1, 0]


def test_it_prints_as_a_table():
    lines = repr(cv_of([1.0, 1.05, 0.9])).splitlines()
    assert lines[0] == "CV(val, smaller is better)"
    assert lines[1].split() == ["l2", "width", "mean", "std", "error", "folds", "epochs", "diverged"]
    assert lines[4].split()[:3] == ["1", "6", "0.9"] and lines[4].endswith("<- best")
    assert not lines[2].endswith("best")


def test_runs_without_folds_have_none():
    plain = nn.grid(ridge, (X, Y), dict(l2=[0.1]), epochs=1, standardise=True, progress=False)
    with pytest.raises(ValueError, match=r"no folds; write nn.grid\(\.\.\., folds=5\)"):
        plain.cv("loss")


def test_one_fold_has_no_standard_error(runs):
    one = nn.grid(ridge, (X, Y), dict(l2=[0.1]), epochs=1, folds=[(range(60), range(60, 120))], standardise=True,
                  progress=False).cv()  # fmt: skip
    assert one.table["folds"] == [1] and np.isnan(one.table["error"][0])
    with pytest.raises(ValueError, match="no standard error"):
        one.one_standard_error("l2")
    with pytest.raises(ValueError, match="the history has no 'accuracy'"):
        runs.cv("accuracy")
