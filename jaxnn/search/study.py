"""A study of Optuna over batches of networks: it proposes, prunes and stores; we train."""

from collections.abc import Callable, Mapping
from typing import Any, Unpack

import numpy as np

from jaxnn.grid.results import Runs
from jaxnn.search.asked import Asked
from jaxnn.search.batch import means
from jaxnn.search.batches import Batches, Options
from jaxnn.search.sampler import finished
from jaxnn.train.ending import Interrupted
from jaxnn.train.options import whole
from jaxnn.train.progress import progress_bar
from jaxnn.train.trial import TrialLike


def optuna(
    study: Any,
    trial: TrialLike,
    data: Any,
    space: Mapping[str, Any] | Callable[[Any], Mapping[str, Any]],
    *,
    n_trials: int,
    epochs: int,
    batch: int = 64,
    metric: Any = None,
    prune_every: int | None = None,
    seeds: int = 1,
    progress: bool = True,
    **options: Unpack[Options],
) -> Runs:
    """Let a study of Optuna search, its trials trained in batches, each batch a grid.

    ``study.ask`` and ``study.tell`` do the rest as always: samplers, pruners, storages, the dashboard, a study gone on
    with in another process. Of the samplers TPE proposes a batch well, as it counts trials that still run as bad ones
    (``constant_liar``, which is on), and CMA-ES with ``popsize=batch``.

    Args:
        study: of `optuna.create_study`, its direction that of the metric.
        trial: a function from hyperparameters to a `Trial`. Points may leave out arguments that have defaults.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        space: hyperparameters by name: distributions of Optuna, or ranges as in `jaxnn.space.random`, where
            `jaxnn.traced` and `jaxnn.static` may stand around either; or a function from Optuna's trial to a point, for
            spaces in which one choice opens others.
        n_trials: how many more trials.
        epochs: passes over the data, at most.
        batch: trials that train together.
        metric: a name in the history; by default validation accuracy, validation loss or loss. The value of a trial is
            this metric at its chosen epoch. For a study of several directions, a name for each.
        prune_every: report every so many epochs, and take out what the study's pruner prunes; None for neither. A
            pruner that compares with complete trials, as the median pruner, finds them from the second batch on. Where
            members go side by side, time is saved as blocks of them empty: ``plan=nn.Plan(width=8)`` makes small ones.
        seeds: train each trial with so many seeds; its value is the mean over them.
        progress: a bar for work longer than a second.
        **options: batch_size, validation, stop, plan, shuffle_seed, shuffle, standardise, prepare, groups and
            precision, as in `jaxnn.grid`.

    Returns:
        `Runs` of all trials of this call, in their order, seeds of one trial side by side: pruned ones as far as they
        came. Those that diverged are told as failed.

    Raises:
        ValueError: for a study, space, point or data that do not fit, or a direction that is not the metric's.
        KeyboardInterrupt: on Ctrl-C; ``error.runs`` holds the runs of the trials before. Trials that were not at their
            end are told as failed, whatever ended the search but a kill.

    Source: Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", 2019.

    Example:
        >>> import logging, optax, optuna, jaxnn as nn
        >>> def line(lr, l2):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(lr)))
        >>> x = np.linspace(-1, 1, 16)[:, None]
        >>> optuna.logging.set_verbosity(logging.WARNING)
        >>> study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
        >>> space = dict(lr=nn.space.log(1e-3, 1.0), l2=(0.0, 0.1))
        >>> runs = nn.optuna(study, line, (x, 2 * x[:, 0]), space, n_trials=24, batch=8, epochs=5)
        >>> len(runs), study.best_value == runs.best("loss").metrics["loss"]
        (24, True)
    """
    whole("n_trials", n_trials)
    if prune_every is not None:
        whole("prune_every", prune_every)
    batches = Batches(trial, data, epochs=epochs, full=batch, seeds=seeds, options=options)
    with Asked(study, space, bool(prune_every)) as asked, progress_bar(
        n_trials * seeds * epochs, progress, f"study of {n_trials}"
    ) as bar:  # fmt: skip
        try:
            for first in range(0, n_trials, batch):
                own = batches.begin(asked.points(min(batch, n_trials - first)))
                names = batches.metrics(own, metric)
                asked.check(names, own)
                for rung in range(prune_every or own.end, own.end, prune_every or 1):
                    own.advance(rung - own.epoch, bar.update)
                    batches.drop(own, np.repeat(asked.prune(rung, own, names[0], seeds), seeds))
                own.advance(own.end - own.epoch, bar.update)
                asked.tell([means(own.chosen(name), seeds) for name in names])
                batches.close(own)
        except KeyboardInterrupt as error:
            raise Interrupted(batches.runs().finished) from error
    return finished(batches)
