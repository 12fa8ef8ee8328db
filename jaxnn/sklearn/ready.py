"""Trainings that are done before ``fit`` is called for them: how a search hands them to the estimators."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.types import Batch
from jaxnn.sklearn.jobs import Job, Trained


class Ready(NamedTuple):
    """A training that is done.

    Args:
        estimator: as it would be fitted, with its parameters.
        data: all rows, as the estimator reads them.
        rows: numbers of those that it is fitted to.
        job, trained: what was trained, and what came of it.
    """

    estimator: Any
    data: Batch
    rows: np.ndarray
    job: Job
    trained: Trained | None


_WAITING: ContextVar[list[Ready]] = ContextVar("waiting")


@contextmanager
def waiting(trainings: Sequence[Ready]) -> Iterator[list[Ready]]:
    """Inside, ``fit`` takes one of these where it is the same training; gives the list of those not yet taken."""
    left = list(trainings)
    token = _WAITING.set(left)
    try:
        yield left
    finally:
        _WAITING.reset(token)


def ready(estimator: Any, data: Batch) -> tuple[Job, Trained] | None:
    """The training of this estimator on these rows, if it is there; it is then given away.

    Estimators are fitted in the order in which they were trained, so that the first one is nearly always right; the
    rows are compared all the same, and what fits nowhere is trained by ``fit`` itself.
    """
    left = _WAITING.get([])
    for i, own in enumerate(left):
        if (
            own.trained is not None
            and _same_parameters(estimator, own.estimator)
            and _same_rows(data, own.data, own.rows)
        ):
            del left[i]
            return own.job, own.trained
    return None


def _same_parameters(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    a, b = one.get_params(deep=False), other.get_params(deep=False)
    return a.keys() == b.keys() and all(_same(a[name], b[name]) for name in a)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.random.RandomState) and isinstance(b, np.random.RandomState):
        return all(np.array_equal(p, q) for p, q in zip(a.get_state(), b.get_state(), strict=True))
    try:
        return a is b or (type(a) is type(b) and bool(np.all(a == b)))
    except (TypeError, ValueError):
        return False


def _same_rows(data: Batch, whole: Batch, rows: np.ndarray) -> bool:
    for mine, theirs in zip((data.y, data.weight, data.x), (whole.y, whole.weight, whole.x), strict=True):
        if (mine is None) != (theirs is None):
            return False
        if mine is not None and (
            mine.shape != (len(rows), *theirs.shape[1:]) or not np.array_equal(mine, theirs[rows])
        ):
            return False
    return True
