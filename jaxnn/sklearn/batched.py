"""The fits of a search that can go into one program: which candidates on which folds, trained before they are asked."""

import copy
import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils import check_random_state

from jaxnn.core.types import Batch
from jaxnn.sklearn.estimator import Trainable
from jaxnn.sklearn.jobs import Orders, train
from jaxnn.sklearn.ready import Ready


def reason_against(estimator: Any) -> str | None:
    """Why an estimator cannot be trained together with others, in words; None if it can.

    Example:
        >>> from sklearn.linear_model import Ridge
        >>> reason_against(Ridge())
        'Ridge is trained by scikit-learn itself'
    """
    if isinstance(estimator, Trainable):
        return estimator._alone()
    steps = getattr(estimator, "steps", None)
    if steps and isinstance(steps[-1][1], Trainable):
        return f"the step {steps[0][0]!r} of the pipeline learns from each fold before the network does"
    return f"{type(estimator).__name__} is trained by scikit-learn itself"


def trained(
    estimator: Trainable, candidates: Sequence[Mapping[str, Any]], splits: Sequence[tuple], X: Any, y: Any,
    sample_weight: Any,
) -> tuple[list[Ready], float]:  # fmt: skip
    """The trainings of all candidates on all folds, in that order, and the seconds that each took on average.

    What cannot be read, or is refused, is left out: ``fit`` will say so. A fold that lacks a class is left out too, as
    the network of that fold has an output less.
    """
    began = time.perf_counter()
    shared = np.random.RandomState(check_random_state(None).randint(2**31))  # an order for all that fix none
    readings, together = Readings(X, y, sample_weight), {}
    found: list[Ready] = []
    for candidate, (rows, _) in itertools.product(candidates, splits):
        own: Any = clone(estimator)
        given: Any = clone(dict(candidate), safe=False)
        own.set_params(**given)
        rows = np.flatnonzero(rows) if np.asarray(rows).dtype == bool else np.asarray(rows)
        try:
            data = readings.of(own, rows)
            job = (
                None if data is None else own._job(data, rows, check_random_state(copy.deepcopy(own.random_state)), {})
            )
        except (ValueError, TypeError):
            continue
        if data is not None and job is not None:
            if own.random_state is None:
                job = job._replace(orders=Orders(shared, len(job.rows), job.orders.shuffle))
            together.setdefault(id(data), []).append(len(found))
            found.append(Ready(own, data, rows, job, None))
    for numbers in together.values():
        own = [found[i] for i in numbers]
        results = train(own[0].estimator._batch(own[0].data), [r.job for r in own])
        for i, result in zip(numbers, results, strict=True):
            found[i] = found[i]._replace(trained=result)
    return found, (time.perf_counter() - began) / max(1, len(found))


class Readings:
    """The rows as each kind of estimator reads them, once for all candidates and folds that read them alike."""

    def __init__(self, X: Any, y: Any, sample_weight: Any):
        self.given = X, y, sample_weight
        self.known: dict[Any, tuple[Trainable, Batch]] = {}
        self.weighed: dict[Any, Batch | None] = {}

    def of(self, own: Trainable, rows: np.ndarray) -> Batch | None:
        """All rows, with the weights of a fold; None where the fold lacks a class. ``own`` learns its classes.

        Raises:
            ValueError: for rows or parameters that ``fit`` would refuse too.
        """
        own._check()
        kind = type(own), own.dtype, own.precision is None, getattr(own, "loss", None)
        if kind not in self.known:
            reader: Any = clone(own)
            self.known[kind] = reader, reader._read(*self.given, first=True, incremental=False)
        reader, data = self.known[kind]
        vars(own).update({name: value for name, value in vars(reader).items() if name not in vars(own)})
        fold = rows.tobytes()
        key = kind, repr(getattr(own, "class_weight", None)), fold
        if key not in self.weighed:
            weights = own._weights(data, rows)
            self.weighed[key] = data if weights is data.weight else data._replace(weight=weights)
        return self.weighed[key] if self._whole(kind, own, data, rows, fold) else None

    def _whole(self, kind: Any, own: Any, data: Batch, rows: np.ndarray, fold: bytes) -> bool:
        """Whether a fold has all classes."""
        key = "classes", kind, fold
        if key not in self.weighed:
            lacks = is_classifier(own) and data.y.ndim == 1 and len(np.unique(data.y[rows])) < len(own.classes_)
            self.weighed[key] = None if lacks else data
        return self.weighed[key] is not None
