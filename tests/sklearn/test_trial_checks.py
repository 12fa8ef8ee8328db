"""scikit-learn's own exam for estimators of any trial."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from jaxnn.sklearn import TrialClassifier, TrialRegressor
from tests.sklearn.trials import flowers, values

ESTIMATORS = [
    TrialClassifier(flowers, epochs=60, batch_size=None, lr=0.03),
    TrialRegressor(values, epochs=60, batch_size=None, lr=0.03),
]


def of(estimators):
    """The checks of `parametrize_with_checks`, whose names hold the address of the trial: the same in each process."""
    for estimator in estimators:
        for same, check in estimator_checks_generator(estimator, legacy=True, mark=None):
            yield pytest.param(same, check, id=f"{type(estimator).__name__}-{check.func.__name__}")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("estimator", "check"), list(of(ESTIMATORS)))
def test_check(estimator, check):
    check(estimator)
