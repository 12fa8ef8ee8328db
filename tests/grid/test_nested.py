"""Nested folds: the choices and scores of a loop over scikit-learn, in one compilation."""

import numpy as np
import optax
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxnn as nn

X, Y = load_diabetes(return_X_y=True, scaled=False)
X, Y = X[:108], (Y[:108] - Y.mean()) / Y.std()
STRENGTHS = [0.03, 0.2, 1.0]


def ridge(l2):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.12)))


def test_choices_and_scores_are_those_of_a_search_inside_each_outer_fold():
    """Parts of 48 and 72 rows: the strength of scikit-learn is that of a mean, times the rows it is taken over."""
    outer, inner = KFold(3, shuffle=True, random_state=0), KFold(3, shuffle=True, random_state=1)
    found = nn.nested(ridge, (X, Y), dict(l2=STRENGTHS), outer=outer, inner=inner, epochs=1500, batch_size=None,
                      standardise=True, progress=False)  # fmt: skip
    assert found.runs.n_compiles == 2 and len(found.runs) == 3 * 12
    scores = []
    for o, (train, test) in enumerate(outer.split(X)):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [v * 48 for v in STRENGTHS]}, cv=inner,
            scoring="neg_mean_squared_error", refit=False,
        ).fit(X[train], Y[train])  # fmt: skip
        np.testing.assert_allclose(found.inner[o].table["mean"], -search.cv_results_["mean_test_score"], rtol=5e-4)
        l2 = STRENGTHS[search.best_index_]
        assert found.choices[o] == {"l2": l2}
        model = make_pipeline(StandardScaler(), Ridge(l2 * 72)).fit(X[train], Y[train])
        scores.append(np.mean((model.predict(X[test]) - Y[test]) ** 2))
    np.testing.assert_allclose(found.scores, scores, rtol=5e-4)
    assert found.mean == pytest.approx(np.mean(scores), rel=5e-4)
    assert found.error == pytest.approx(np.std(scores, ddof=1) / 3**0.5, rel=5e-3)
    assert repr(found).splitlines()[1].startswith("  outer fold 0: ")


@pytest.mark.parametrize("own", [False, True])
def test_early_stopping_by_the_outer_test_rows_is_refused(own):
    stop = nn.EarlyStopping("val_loss", patience=3)

    def stopping(l2):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.1)), stop=stop)

    with pytest.raises(ValueError, match=r"outer test rows; write an axis of the space in its place, epochs=\[10"):
        nn.nested(stopping if own else ridge, (X, Y), dict(l2=[0.1]), epochs=5, stop=None if own else stop)


def test_inner_folds_that_are_row_numbers_are_refused():
    with pytest.raises(ValueError, match="inner folds divide any training part"):
        nn.nested(ridge, (X, Y), dict(l2=[0.1]), epochs=5, inner=[([0], [1])])
