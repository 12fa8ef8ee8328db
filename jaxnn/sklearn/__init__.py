"""scikit-learn's estimators and searches, trained by this package."""

from jaxnn.sklearn.classifier import MLPClassifier as MLPClassifier
from jaxnn.sklearn.regressor import MLPRegressor as MLPRegressor
from jaxnn.sklearn.search import GridSearchCV as GridSearchCV
from jaxnn.sklearn.search import RandomizedSearchCV as RandomizedSearchCV
from jaxnn.sklearn.trial_estimators import TrialClassifier as TrialClassifier
from jaxnn.sklearn.trial_estimators import TrialRegressor as TrialRegressor
