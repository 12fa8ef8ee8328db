"""From the words of the command line to rows, a trial and a space."""

import functools
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from jaxnn.cli.axes import Bad
from jaxnn.data import playground, tables
from jaxnn.data.datasets import Dataset, load, train_test
from jaxnn.data.split import Standardiser, standardise
from jaxnn.models.mlp import mlp
from jaxnn.optim.penalties import l1 as l1_penalty
from jaxnn.optim.penalties import l2 as l2_penalty
from jaxnn.train.result import Run
from jaxnn.train.stopping import EarlyStopping
from jaxnn.train.trial import Trial

MOST_MEMBERS = 100_000
"""Of one grid; more is a slip of the keyboard."""


class Problem(NamedTuple):
    """What is to be learned.

    Args:
        train: rows for training; the target of a regression has mean 0 and variance 1.
        held: rows for validation, the target scaled alike.
        test: rows that no network sees, as they were read.
        target: how the target of a regression was scaled, else None.
        trial: from hyperparameters to a `Trial`.
        metric: the name of the score, higher is better.
    """

    train: Dataset
    held: Dataset
    test: Dataset
    target: Standardiser | None
    trial: Callable[..., Trial]
    metric: str


def problem(words: Namespace) -> Problem:
    """Load the data and set the test part and the validation part aside.

    Raises:
        Bad, ValueError: if the data cannot be used.
    """
    data = _load(words)
    try:
        rest, test = train_test(data, words.test)
        train, held = train_test(rest, words.validation)
    except ValueError:
        raise Bad(
            f"{data.name} has {len(data.y)} rows, too few for a test part of {words.test} and a validation part of "
            f"{words.validation} of the rest; give more rows, or smaller --test and --validation"
        ) from None
    if data.classes is not None:
        if len(np.unique(train.y)) < 2:
            raise Bad(f"{data.name} leaves one class only for training; give more rows of the other classes")
        return Problem(train, held, test, None, _trial(len(data.classes)), "accuracy")
    target = standardise(train.y)
    train, held = (part._replace(y=target.transform(part.y)) for part in (train, held))
    return Problem(train, held, test, target, _trial(None), "r2")


def _load(words: Namespace) -> Dataset:
    table = tables.is_table(words.data)
    if not table and (words.target or words.task):
        flag = "target" if words.target else "task"
        raise Bad(f"--{flag} is for files and {words.data} is none; leave it out, or give a .csv or .parquet file")
    if words.noise is not None and words.data not in playground.SETS:
        raise Bad(f"--noise is for {', '.join(playground.SETS)}; leave it out for {words.data}")
    if table and words.target is None:
        columns = list(tables.read(words.data).columns)
        raise Bad(f"{words.data} needs --target COLUMN; its columns are {tables.listed(columns)}")
    return load(words.data, words.target, task=words.task, noise=words.noise)


@functools.cache
def _trial(classes: int | None) -> Callable[..., Trial]:
    """The trial function for so many classes, None for a regression; kept, so that programs are shared."""

    def trial(lr, hidden, activation, batch_norm, l2=None, l1=None, dropout=0.0):
        model = mlp(hidden, classes or 1, activation, dropout, batch_norm)
        penalties = [penalty(c) for penalty, c in ((l2_penalty, l2), (l1_penalty, l1)) if c is not None]
        optimizer = optax.chain(*penalties, optax.adam(lr))
        if classes is None:
            return Trial(model, "squared_error", optimizer, ("r2",))
        return Trial(model, "softmax_cross_entropy", optimizer)

    return trial


def space(words: Namespace) -> dict[str, list[Any]]:
    """The axes of the grid by name; a penalty or a drop rate that is 0 throughout is left out, and costs nothing.

    The seed comes first and the learning rate last: networks that stop early are then spread over the devices.

    Raises:
        Bad: for more members than one could mean.
    """
    axes: dict[str, list[Any]] = {"seed": list(range(words.seeds))}
    axes |= {name: getattr(words, name) for name in ("hidden", "activation", "batch_norm", "batch_size")}
    axes |= {name: getattr(words, name) for name in ("l2", "l1", "dropout") if getattr(words, name) != [0.0]}
    axes["lr"] = words.lr
    members = int(np.prod([len(values) for values in axes.values()], dtype=np.float64))
    if members > MOST_MEMBERS:
        raise Bad(f"these axes make {members} networks, more than {MOST_MEMBERS}; write fewer values")
    return axes


def stopping(words: Namespace) -> EarlyStopping:
    """Early stopping on the validation loss; the best weights are kept in any case."""
    return EarlyStopping("val_loss", patience=float(words.patience) if words.patience else None)


def in_units(run: Run, target: Standardiser | None) -> Run:
    """The run with its last layer scaled, so that a regression predicts in the units of the target."""
    if target is None:
        return run
    mean, scale = np.float32(target.mean), np.float32(target.scale)
    last = max((name for name in run.params if name.startswith("dense_")), key=lambda name: int(name[6:]))
    layer = {name: np.asarray(leaf) * scale for name, leaf in run.params[last].items()}
    params = jax.tree.map(np.asarray, run.params) | {last: layer | {"bias": layer["bias"] + mean}}
    return replace(run, model=replace(run.model, params=params))


def scores(model: Any, x: Any, y: Any) -> dict[str, float]:
    """Scores in float64 of a model that predicts in the units of ``y``: accuracy for class codes, else R2 and MAE."""
    predicted = np.asarray(model.predict(x))
    if np.issubdtype(np.asarray(y).dtype, np.integer):
        return {"accuracy": float(np.mean(predicted == y))}
    error = np.asarray(y, np.float64) - predicted
    return {"r2": float(1 - np.mean(error**2) / np.var(y)), "mean_absolute_error": float(np.mean(np.abs(error)))}
