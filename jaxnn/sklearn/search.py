"""scikit-learn's searches, all of their networks trained in one program for each structure."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import model_selection
from sklearn.base import is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv

from jaxnn.sklearn.batched import reason_against, trained
from jaxnn.sklearn.ready import waiting


class OneProgram:
    """The part of both searches that trains first and then lets scikit-learn do all the rest.

    Scores, ranks, errors and the refit are scikit-learn's own: its ``fit`` is called with estimators whose trainings
    are done, and who take them over.
    """

    estimator: Any
    cv: Any
    n_jobs: Any
    get_params: Callable
    _chosen: list[dict[str, Any]] | None = None

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Search, and fit the best estimator to all rows.

        Args:
            X, y: as the estimator takes them.
            **params: ``groups`` for the splitter, ``sample_weight`` for fit, and whatever else the estimator takes.

        Returns:
            The search itself.
        """
        reason = reason_against(self.estimator) or _against(params)
        if reason is not None:
            warnings.warn(
                f"{type(self).__name__} fits one after the other, as scikit-learn's own does: {reason}", stacklevel=2
            )
            return super().fit(X, y, **params)  # pyright: ignore[reportAttributeAccessIssue]
        inner, splits = self._fixed(X, y, params.get("groups"))
        found, seconds = trained(self.estimator, inner._chosen, splits, X, y, params.get("sample_weight"))
        with waiting(found) as left:
            super(OneProgram, inner).fit(X, y, **params)  # pyright: ignore[reportAttributeAccessIssue]
        taken = len(found) - len(left)
        for name in ("mean", "std") if taken else ():
            times = inner.cv_results_[f"{name}_fit_time"]
            times[...] = seconds if name == "mean" else np.zeros_like(times)
        own = {*self.get_params(deep=False), "_chosen"}
        self.__dict__.update({name: value for name, value in vars(inner).items() if name not in own})
        return self

    def _fixed(self, X: Any, y: Any, groups: Any) -> tuple[Any, list[tuple]]:
        """A copy whose candidates and folds are lists, as those that are drawn would be others the second time."""
        splitter: Any = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        inner: Any = copy.copy(self)
        inner.cv = splits = list(splitter.split(X, y, groups))
        inner.n_jobs = None  # other processes would not find what is trained here
        inner._chosen = list(self._candidates())
        return inner, splits

    def _run_search(self, evaluate_candidates: Callable) -> None:
        evaluate_candidates(self._candidates() if self._chosen is None else self._chosen)

    def _candidates(self) -> Any:
        raise NotImplementedError


def _against(params: dict[str, Any]) -> str | None:
    other = next((name for name in params if name not in ("groups", "sample_weight")), None)
    return None if other is None else f"{other}= goes to fit, and only sample_weight and groups are known here"


class GridSearchCV(OneProgram, model_selection.GridSearchCV):
    """scikit-learn's grid search, whose networks are trained side by side in one program for each structure.

    The arguments, ``cv_results_``, ``best_estimator_``, ``best_index_``, ``best_params_``, ``best_score_``,
    ``n_splits_``, ``refit_time_``, ``scorer_`` and ``multimetric_`` are scikit-learn's. Each network is what it would
    be if it were fitted alone to its fold, but for rounding. Floats among the parameters share a program; widths,
    activations, solvers and whether there is dropout make programs of their own.

    An estimator of another kind, or in a pipeline, is fitted as scikit-learn does it, and a warning says so.

    Args:
        estimator: an estimator of `jaxnn.sklearn`.
        param_grid: lists of values by parameter, or a list of such dicts.
        scoring, refit, cv, verbose, error_score, return_train_score: as in scikit-learn.
        n_jobs, pre_dispatch: not used, as one program has all devices; they count where estimators are fitted one after
            the other.

    Source: ``sklearn.model_selection.GridSearchCV``. ``mean_fit_time`` is what all trainings took, divided by their
        number.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> from jaxnn.sklearn import GridSearchCV, MLPClassifier
        >>> model = MLPClassifier((8,), solver="sgd", max_iter=30, tol=1.0, random_state=0)
        >>> grid = {"learning_rate_init": [1e-3, 0.1], "alpha": [0.0, 1e-2]}
        >>> search = GridSearchCV(model, grid, cv=2).fit(*load_iris(return_X_y=True))
        >>> len(search.cv_results_["params"]), sorted(search.best_params_)
        (4, ['alpha', 'learning_rate_init'])
    """

    def _candidates(self) -> Any:
        return ParameterGrid(self.param_grid)


class RandomizedSearchCV(OneProgram, model_selection.RandomizedSearchCV):
    """scikit-learn's random search, whose networks are trained side by side in one program for each structure.

    Args:
        estimator: an estimator of `jaxnn.sklearn`.
        param_distributions: lists, or distributions of `scipy.stats`, by parameter.
        n_iter: how many candidates are drawn.
        random_state: draws them.
        scoring, refit, cv, verbose, error_score, return_train_score: as in scikit-learn.
        n_jobs, pre_dispatch: as in `GridSearchCV`.

    Source: ``sklearn.model_selection.RandomizedSearchCV``.

    Example:
        >>> from scipy.stats import loguniform
        >>> from sklearn.datasets import load_iris
        >>> from jaxnn.sklearn import MLPClassifier, RandomizedSearchCV
        >>> model = MLPClassifier((8,), solver="sgd", max_iter=30, tol=1.0, random_state=0)
        >>> rates = {"learning_rate_init": loguniform(1e-3, 1e-1)}
        >>> search = RandomizedSearchCV(model, rates, n_iter=4, cv=2, random_state=0).fit(*load_iris(return_X_y=True))
        >>> search.cv_results_["mean_test_score"].shape
        (4,)
    """

    def _candidates(self) -> Any:
        return ParameterSampler(self.param_distributions, self.n_iter, random_state=self.random_state)
