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
from jaxnn.core.registry import METRICS, find_metric
from jaxnn.data import playground, tables
from jaxnn.data.datasets import Dataset, load, train_test
from jaxnn.data.preparation import Preparation
from jaxnn.data.split import Standardiser, standardise
from jaxnn.models.mlp import mlp
from jaxnn.optim.penalties import l1 as l1_penalty
from jaxnn.optim.penalties import l2 as l2_penalty
from jaxnn.train.result import Run
from jaxnn.train.stopping import EarlyStopping
from jaxnn.train.trial import Trial

MOST_MEMBERS = 100_000
"""Of one grid; more is a slip of the keyboard."""
VALUE_METRICS = ("r2", "explained_variance", "mean_absolute_error", "mean_squared_error", "median_absolute_error")
"""Those of a regression whose order is the same when the target is scaled."""


class Problem(NamedTuple):
    """What is to be learned.

    Args:
        train: rows for training; the target of a regression has mean 0 and variance 1.
        held: rows for validation, the target scaled alike; None with folds.
        test: rows that no network sees, as they were read.
        target: how the target of a regression was scaled, else None.
        trial: from hyperparameters to a `Trial`.
        metric: the name of the score that chooses.
    """

    train: Dataset
    held: Dataset | None
    test: Dataset
    target: Standardiser | None
    trial: Callable[..., Trial]
    metric: str

    @property
    def prepare(self) -> Preparation | None:
        """What makes numbers of the rows, where they are a table of more than numbers."""
        return None if isinstance(self.train.x, np.ndarray) else Preparation()


def problem(words: Namespace) -> Problem:
    """Load the data and set the test part and the validation part aside.

    Raises:
        Bad, ValueError: if the data cannot be used.
    """
    data = _load(words)
    _not_all_different(data, words)
    try:
        rest, test = train_test(data, words.test, words.split_seed)
        folds = getattr(words, "folds", None)
        train, held = (rest, None) if folds else train_test(rest, words.validation, words.split_seed)
    except ValueError:
        raise Bad(
            f"{data.name} has {len(data.y)} rows, too few for a test part of {words.test} and a validation part of "
            f"{words.validation} of the rest; give more rows, or smaller --test and --validation"
        ) from None
    if folds and folds > len(train.y):
        raise Bad(f"--folds: {len(train.y)} rows cannot be divided into {folds} folds; write --folds 5")
    if data.classes is not None:
        if len(np.unique(train.y)) < 2:
            raise Bad(f"{data.name} leaves one class only for training; give more rows of the other classes")
        metric = _metric(words.metric, len(data.classes))
        return Problem(train, held, test, None, _trial(len(data.classes), metric), metric)
    metric = _metric(words.metric, None)
    target = standardise(train.y)
    train, held = (None if part is None else part._replace(y=target.transform(part.y)) for part in (train, held))
    assert train is not None
    return Problem(train, held, test, target, _trial(None, metric), metric)


def _metric(name: str | None, classes: int | None) -> str:
    """The metric that chooses, checked on outputs and targets of these classes, None for a regression."""
    default = "r2" if classes is None else "accuracy"
    if name in (None, "loss"):
        return name or default
    found = find_metric(name)
    if found is None:
        raise Bad(f"--metric: no metric is named {name!r}; write one of loss, {', '.join(sorted(METRICS))}")
    if classes is None:
        fits = name in VALUE_METRICS
    else:
        try:
            outputs, targets = np.zeros((2, classes), np.float32), np.zeros(2, np.int32)
            fits = bool(jax.eval_shape(lambda o, t: found(o, t, "classes"), outputs, targets).shape)
        except (ValueError, TypeError):
            fits = False
    if not fits:
        kind = f"a regression: {', '.join(VALUE_METRICS)}" if classes is None else f"{classes} classes"
        raise Bad(f"--metric: {name} is no metric of {kind}; write --metric {default} or --metric loss")
    return name


def _not_all_different(data: Dataset, words: Namespace) -> None:
    rows = len(data.y)
    if data.classes is not None and rows > 4 and len(data.classes) > rows / 2:
        how = "--task regression if it is a number, or " if words.target and _reads_as_numbers(data.classes) else ""
        raise Bad(
            f"the target {words.target!r} of {data.name} holds {len(data.classes)} classes in {rows} rows, too few "
            f"of each to learn from; write {how}another --target"
        )


def _reads_as_numbers(classes: tuple[str, ...]) -> bool:
    try:
        return bool(np.isfinite(np.array(classes, dtype=float)).all())
    except ValueError:
        return False


def _load(words: Namespace) -> Dataset:
    table = tables.is_table(words.data)
    flag = next((name for name in ("target", "task", "drop", "index") if getattr(words, name)), None)
    if not table and flag:
        raise Bad(f"--{flag} is for files and {words.data} is none; leave it out, or give a .csv or .parquet file")
    if words.noise is not None and words.data not in playground.SETS:
        raise Bad(f"--noise is for {', '.join(playground.SETS)}; leave it out for {words.data}")
    if table and words.target is None:
        columns = list(tables.read(words.data).columns)
        raise Bad(f"{words.data} needs --target COLUMN; its columns are {tables.listed(columns)}")
    left_out = [*(words.drop or ()), *([words.index] if words.index else ())]
    return load(words.data, words.target, task=words.task, noise=words.noise, drop=left_out)


@functools.cache
def _trial(classes: int | None, metric: str | None = None) -> Callable[..., Trial]:
    """The trial function for so many classes, None for a regression; kept, so that programs are shared."""
    own = () if metric in (None, "loss", "r2" if classes is None else "accuracy") else (metric,)

    def trial(lr, hidden, activation, batch_norm, l2=None, l1=None, dropout=0.0):
        model = mlp(hidden, classes or 1, activation, dropout, batch_norm)
        penalties = [penalty(c) for penalty, c in ((l2_penalty, l2), (l1_penalty, l1)) if c is not None]
        optimizer = optax.chain(*penalties, optax.adam(lr))
        if classes is None:
            return Trial(model, "squared_error", optimizer, ("r2", *own))
        return Trial(model, "softmax_cross_entropy", optimizer, own)

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


def constants(words: Namespace, axes: dict[str, Any]) -> dict[str, Any]:
    """What was the same for all networks and is no axis, for the table of results."""
    left_out = {name: 0.0 for name in ("l2", "l1", "dropout") if name not in axes}
    return left_out | {
        name: getattr(words, name) for name in ("epochs", "patience", "test", "validation", "split_seed")
    }


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
    spread = float(np.var(y))  # 0 for one row, where there is no r2
    share = {"r2": float(1 - np.mean(error**2) / spread)} if spread > 0 else {}
    return {**share, "mean_absolute_error": float(np.mean(np.abs(error)))}
