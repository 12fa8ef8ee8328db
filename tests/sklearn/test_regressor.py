"""What our regressor refuses, and its scores."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from jaxnn.sklearn import MLPRegressor

X = np.random.default_rng(0).normal(size=(60, 3))
Y = X @ [1.0, -2.0, 0.5]


def test_a_line_is_learned():
    model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, random_state=0, tol=1e-9).fit(X, Y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], [1.0, -2.0, 0.5], atol=1e-4)
    assert model.score(X, Y) == r2_score(Y, model.predict(X))


def test_counts_below_zero_and_another_number_of_outputs():
    with pytest.raises(ValueError, match="0 or more"):
        MLPRegressor(loss="poisson").fit(X, Y)
    model = MLPRegressor(hidden_layer_sizes=(), max_iter=2).partial_fit(X, Y)
    with pytest.raises(ValueError, match="2 outputs and had 1"):
        model.partial_fit(X, np.c_[Y, Y])
    with pytest.raises(ValueError, match="validation set is too small"):
        MLPRegressor(early_stopping=True, validation_fraction=0.01).fit(X, Y)
