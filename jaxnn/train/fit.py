"""`fit`: one network, a population of one."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from jaxnn.data.streamed import read
from jaxnn.train.begin import begin
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.ending import Interrupted, told
from jaxnn.train.enrol import check, enrol, task_of
from jaxnn.train.layout import check_layout
from jaxnn.train.options import check_hparams, check_options, whole
from jaxnn.train.progress import progress_bar
from jaxnn.train.result import Run
from jaxnn.train.trial import TrialLike


def fit(
    trial: TrialLike,
    data: Any,
    hparams: dict[str, Any] | None = None,
    *,
    epochs: int,
    batch_size: int | None = 32,
    validation: Any = None,
    stop: Any = None,
    seed: int | None = None,
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    prepare: Any = None,
    groups: Any = None,
    precision: Any = None,
    start: Any = None,
    folder: str | os.PathLike | None = None,
    callbacks: Sequence[Callable] = (),
    rewind: bool = True,
    micro: int | None = None,
    plan: Any = "auto",
    progress: bool = True,
) -> Run:
    """Train one network: initialisation, every epoch, validation and stopping in compiled programs.

    Hyperparameters that are floats, the seed and the number of epochs are inputs of the programs: changing them
    compiles nothing again; neither does a trial function that is defined anew and reads the same as before.

    Args:
        trial: a `Trial`, or a function from hyperparameters to one. With an argument ``clock`` it gets a `Clock`.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set; rows first. ``x`` may be a DataFrame of pandas or polars,
            ``y`` then also the name of its column, and class names of any kind, which ``predict`` gives back. Or
            batches of them, as `jaxnn.stream` says.
        hparams: hyperparameters by name.
        epochs: passes over the data, at most; after ``start=run`` so many more.
        batch_size: rows of a step; the last batch is filled up with padding. None for all rows in one step,
            in their own order, as `lbfgs` needs.
        validation: a fraction of the rows in (0, 1), drawn at random, in proportion where the loss is of classes;
            ``"last"`` or ``("last", 0.2)`` for the last rows, as a series needs; or data ``(x, y)``.
        stop: an `EarlyStopping`; the best weights are kept.
        seed: drives initialisation and dropout; None for 0, or that of the run that goes on.
        shuffle_seed: drives the order of the rows and the validation part.
        shuffle: False keeps the rows in order.
        standardise: scale every feature to mean 0 and variance 1, by the training part alone.
        prepare: what makes numbers of a table: a `jaxnn.data.Preparation`, or a transformer of scikit-learn; it learns
            from the training part, unless it has learned before (``run.prepare``), and stays with the model. None is a
            `Preparation` where a DataFrame holds text, dates or gaps.
        groups: a value for each row, or the name of a column: rows of one group stand on one side of ``validation``.
        precision: None for what the platform does by itself, ``"float32"``, ``"bfloat16"``, ``"float16"``, or a
            `Precision`, where they are explained. Weights stay float32.
        start: a `Run` to go on from, weights, optimizer, order of rows and all; or weights, ``run.params``, of which
            the leaves that match by path and shape are taken over and the rest is drawn anew, as ``run.taken`` tells.
        folder: where to write every few seconds, and from where to go on after a kill; `jaxnn.load_runs` reads it.
        callbacks: functions ``(population, epoch, row)``, called after each epoch, or each ``f.every`` epochs.
        rewind: False spares the copy of the state that lets a run which diverges go back to its epoch's beginning.
        micro: rows whose gradient is taken at once, in less memory: that of a step is the sum over them, and so that of
            the whole batch. Each draws dropout masks of its own, and `BatchNorm` sees one after the other.
        plan: a `Plan` that spreads the network over devices, ``nn.Plan(data=8)``; ``"auto"`` is one device.
        progress: a bar for work longer than a second.

    Returns:
        A `Run`; where ``plan`` splits its weights, they stay on the devices that hold them.

    Raises:
        ValueError: for data, labels or hyperparameters that do not fit, before anything is compiled.
        KeyboardInterrupt: on Ctrl-C, within a second; ``error.runs`` holds the run as far as it came.

    Example:
        >>> import optax, numpy as np, jaxnn as nn
        >>> x = np.linspace(-1, 1, 32)[:, None]
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> run = nn.fit(line, (x, 3 * x[:, 0] + 1), dict(lr=0.3), epochs=100)
        >>> run.predict(np.array([[2.0]])).round(2).tolist()
        [7.0]
    """
    whole("epochs", epochs)
    check_options(batch_size=batch_size, micro=micro, precision=precision, stop=stop, shuffle_seed=shuffle_seed,
                  callbacks=callbacks, folder=folder, shuffle=shuffle, standardise=standardise, rewind=rewind,
                  progress=progress)  # fmt: skip
    hparams = check_hparams(hparams)
    source = read(data, validation, shuffle_seed=shuffle_seed, scale=standardise, shuffle=shuffle, prepare=prepare,
                  groups=groups, task=task_of(trial, hparams, epochs))  # fmt: skip
    layout = check_layout(plan).settled(1, source.device)
    source.admits(epochs, folder=folder)
    done = start.epochs if isinstance(start, Run) else 0
    if seed is None:
        seed = start.seed if isinstance(start, Run) else 0
    point = {**hparams, "seed": seed}
    entry = enrol(trial, source, point, epochs=done + epochs, batch_size=batch_size, shuffle=shuffle, stop=stop,
                  precision=precision, rewind=rewind, micro=micro)  # fmt: skip
    with naming_culprits(entry, source):
        check(entry, entry.trial(), source)
    population = begin([entry], source, layout, start, folder)
    with progress_bar(epochs, progress, "fit") as bar:
        try:
            population.advance(done + epochs - population.epoch, callbacks, bar.update)
        except KeyboardInterrupt as error:
            raise Interrupted([population.run(0)] if population.groups[0].standing.state is not None else []) from error
    told(population.outcome.diverged, source)
    return population.run(0)
