"""scikit-learn's own exam for estimators: every check, none of them expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from jaxnn.sklearn import MLPClassifier, MLPRegressor

ESTIMATORS = [MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)]  # as in scikit-learn's own tests


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::UserWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
