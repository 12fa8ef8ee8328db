"""scikit-learn's estimators and searches, trained by this package."""

from jaxnn.sklearn.classifier import MLPClassifier as MLPClassifier
from jaxnn.sklearn.regressor import MLPRegressor as MLPRegressor
