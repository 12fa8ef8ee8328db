"""What of a grid's runs is pickled and copied, as any Python object is."""

import functools
from dataclasses import replace
from typing import Any

from jaxnn.train.outcome import Outcome
from jaxnn.train.result import Run


def whole(cohort: Any) -> Any:
    """A `Cohort` that holds its runs, and no function that makes them out of what trained them.

    Their weights and curves stand in its outcome, once.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> runs = nn.grid(trial, (np.ones((2, 1)), np.ones(2)), dict(seed=[0, 1]), epochs=1, progress=False)
        >>> bool(whole(runs.cohorts[0]).make(1).history["loss"] == runs[1].history["loss"])
        True
    """
    runs = [cohort.make(k) for k in range(len(cohort.indices))]
    parts = [replace(run, model=replace(run.model, params=None, state=None), history={}) for run in runs]
    return cohort._replace(make=functools.partial(_made, cohort.outcome, parts))


def _made(outcome: Outcome, parts: list[Run], k: int) -> Run:
    one = parts[k]
    return outcome.run(k, one.model, one.hparams, one.seed, one.last, one.taken)
