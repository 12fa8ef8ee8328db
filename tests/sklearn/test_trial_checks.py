"""scikit-learn's own exam for estimators of any trial."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from jaxnn.sklearn import TrialClassifier, TrialRegressor
from tests.sklearn.trials import flowers, values

ESTIMATORS = [
    TrialClassifier(flowers, epochs=60, batch_size=None, lr=0.03),
    TrialRegressor(values, epochs=60, batch_size=None, lr=0.03),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
