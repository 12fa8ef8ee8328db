"""`descend`: gradient descent on hyperparameters, through the whole training."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import optax

from jaxnn.core.registry import is_better_larger
from jaxnn.data.source import Source, read
from jaxnn.search.coordinates import coordinates, points_of
from jaxnn.search.descent import Descent
from jaxnn.search.hypergradient import slopes, steps_of
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.ending import DivergedWarning
from jaxnn.train.enrol import Entry, check, enrol, task_of
from jaxnn.train.options import check_options, whole
from jaxnn.train.progress import progress_bar
from jaxnn.train.trial import OWN, TrialLike

REMEDY = (
    "bounds=dict(lr=(1e-5, 1e-2)), outer=optax.chain(optax.clip(1.0), optax.adam(0.1)), or in the trial "
    "optax.adam(lr, eps_root=1e-8), as the root of a moment that is 0 has no derivative"
)


def descend(
    trial: TrialLike,
    data: Any,
    hparams: Any,
    *,
    epochs: int,
    steps: int = 50,
    outer: optax.GradientTransformation | None = None,
    metric: str = "val_loss",
    mode: str | None = None,
    log: str | Sequence[str] = (),
    bounds: Mapping[str, tuple] | None = None,
    starts: int = 1,
    batch_size: int | None = 32,
    validation: Any = None,
    seed: int = 0,
    shuffle_seed: int = 0,
    shuffle: bool = True,
    standardise: bool = False,
    prepare: Any = None,
    groups: Any = None,
    precision: Any = None,
    progress: bool = True,
) -> Descent:
    """Improve hyperparameters by gradient descent: ``h = h - outer(d metric(h) / d h)``, through the whole training.

    The metric is that of the last epoch, and its gradient passes back through every step of the training, so that one
    step of the descent costs about five trainings, whatever the number of hyperparameters: one for each feature, or
    each weight, costs no more than one for all. States between are computed anew on the way back, and memory grows with
    the square root of the epochs. All starts descend side by side in one program.

    Every float among the hyperparameters descends, and every array of floats; `jaxnn.static` holds one at its value.
    All else is structure. What must stay positive descends in its logarithm, so that a step multiplies it.

    Args:
        trial: a function from hyperparameters to a `Trial`, without early stopping, whose choice has no derivative.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        hparams: where it begins: a dict as for `fit`; in it ``nn.space.log(1e-4, 1e-1)`` is a range, from which
            ``starts`` are drawn and in which it stays. Or several starts: a space such as `jaxnn.space.random`
            gives, or a list of dicts; a ``seed`` in them is that of the training.
        epochs: passes over the data of each training.
        steps: of the descent.
        outer: an optimizer of Optax for the hyperparameters; None for ``optax.adam(0.1)``, a tenth a step for those in
            the log. Gradients through long trainings may be wild: ``optax.chain(optax.clip(1.0), optax.adam(0.1))``.
        metric: a name in the history.
        mode: ``"min"``, ``"max"``, or None for what the metric says of itself.
        log: names of those that descend in the logarithm; ranges do so by themselves.
        bounds: ``{"dropout": (0.0, 0.9)}``: a step that leaves them ends at them; None for an end without.
        starts: how many are drawn from the ranges.
        batch_size, validation, shuffle_seed, shuffle, standardise, prepare, groups, precision: as in `fit`.
        seed: of initialisation and dropout, the same in every step.
        progress: a bar for work longer than a second.

    Returns:
        A `Descent`. What was chosen by the validation part is judged by rows that it has never seen.

    Raises:
        ValueError: for hyperparameters without floats, early stopping, a metric that has no gradient, no validation
            part, or what `fit` refuses.

    Source: Bengio, "Gradient-based optimization of hyperparameters", 2000; Maclaurin, Duvenaud and Adams,
        "Gradient-based hyperparameter optimization through reversible learning", 2015; Franceschi, Donini, Frasconi and
        Pontil, "Forward and reverse gradient-based hyperparameter optimization", 2017.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def ridge(l2):  # one strength for each feature
        ...     penalty = nn.l2(l2[:, None])
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(penalty, optax.adam(0.1)))
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(40, 8))
        >>> y = 2 * x[:, 0] + rng.normal(size=40)
        >>> found = nn.descend(ridge, (x, y), dict(l2=np.full(8, 0.1)), log="l2", steps=20, epochs=30, validation=0.5)
        >>> bool(found.values[-1, 0] < found.values[0, 0]), int(found.best["l2"].argmin())
        (True, 0)
    """
    whole("epochs", epochs)
    whole("steps", steps)
    check_options(batch_size=batch_size, precision=precision, shuffle_seed=shuffle_seed, shuffle=shuffle,
                  standardise=standardise, progress=progress)  # fmt: skip
    outer = optax.adam(0.1) if outer is None else outer
    if not (hasattr(outer, "init") and hasattr(outer, "update")):
        raise ValueError(f"outer must be an optimizer of Optax, got {outer!r}; write outer=optax.adam(0.1)")
    points, ranges = points_of(hparams, starts, seed)
    source = read(data, validation, shuffle_seed=shuffle_seed, scale=standardise, shuffle=shuffle, prepare=prepare,
                  groups=groups, task=task_of(trial, points[0], epochs))  # fmt: skip
    options = dict(epochs=epochs, batch_size=batch_size, shuffle=shuffle, precision=precision)
    entries = _entries(trial, source, [{"seed": seed, **point} for point in points], options)
    directions = _checked(entries[0], source, metric)
    rises = is_better_larger(metric, mode, f'nn.descend(..., metric="{metric}"', directions)
    names = (log,) if isinstance(log, str) else tuple(log)
    where = coordinates(entries, (*names, *ranges), {**ranges, **(bounds or {})})
    sign = -1 if rises else 1
    slope = slopes(entries, source, where, metric, sign)
    with progress_bar((steps + 1) * epochs * len(entries), progress, "descend") as bar:
        rows, diverged = steps_of(slope, entries, where, outer, steps, lambda: bar.update(epochs * len(entries)))
    _told(rows, diverged, metric)
    path, values, gradients = jax.tree.map(lambda *a: np.stack(a), *rows)
    path, gradients = ({n: v[0] if len(v) == 1 else v for n, v in tree.items()} for tree in (path, gradients))
    gradients = jax.tree.map(lambda g: sign * g, gradients)
    return Descent(
        metric, rises, path, sign * values, gradients, diverged, source, tuple(entries),
        {**options, "progress": progress},
    )  # fmt: skip


def _entries(trial: TrialLike, source: Source, points: Sequence[dict[str, Any]], options: dict) -> list[Entry]:
    """The starts, built and checked, all of one structure."""
    entries: list[Entry] = []
    for point in points:
        own = next((name for name in OWN if name in point and name != "seed"), None)
        if own is not None:
            raise ValueError(f"{own} is the same for all starts; write nn.descend(..., {own}={point[own]!r})")
        entry = enrol(trial, source, point, **options)
        entry = entry._replace(recipe=replace(entry.recipe, remat=True))
        with naming_culprits(entry, source):
            built = entry.trial()
            if not entries:
                check(entry, built, source)
        if built.stop is not None:
            raise ValueError(
                "early stopping chooses an epoch, and a choice has no derivative; leave stop= out of the Trial, and "
                "give the number of epochs"
            )
        if entries and entry.structure != entries[0].structure:
            raise ValueError(
                f"starts differ by more than numbers, {entries[0].hparams} and {entry.hparams}; write one nn.descend "
                "for each structure"
            )
        entries.append(entry)
    return entries


def _checked(entry: Entry, source: Source, metric: str) -> Mapping[str, bool | None]:
    """The directions of the columns of the history, of which the metric is one."""
    known = entry.columns
    if metric in known:
        return known
    if metric in entry.trial().directions:
        raise ValueError(f"{metric} is measured on the validation part, and there is none; write validation=0.2")
    raise ValueError(f"there is no {metric!r} in the history, which has {', '.join(known)}; write one of these")


def _told(rows: list[tuple], diverged: np.ndarray, metric: str) -> None:
    """Say what no gradient reaches, and who came to rest.

    Raises:
        ValueError: where there is nothing to descend.
    """
    _, values, gradient = rows[0]
    if (diverged == 0).all():
        lost = not np.isfinite(values).any()
        why, remedy = (
            ("no value", "standardise=True or a smaller learning rate") if lost else ("no finite gradient", REMEDY)
        )
        raise ValueError(f"no start can be descended: {metric} has {why} there; write {remedy}")
    flat = [name for name, slopes in gradient.items() if not any(np.any(g) for g in slopes)]
    if len(flat) == len(gradient):
        raise ValueError(
            f"the gradient of {metric} is exactly 0 in {' and '.join(flat)}: it counts, as an accuracy does, or does "
            'not depend on them; write metric="val_loss"'
        )
    if flat:
        warnings.warn(f"the gradient of {metric} is exactly 0 in {' and '.join(flat)}, which stay", stacklevel=3)
    if (diverged >= 0).any():
        sick = np.flatnonzero(diverged >= 0)
        who = "the descent" if len(diverged) == 1 else f"{len(sick)} of {len(diverged)} starts"
        warnings.warn(
            f"{who} came where {metric} or its gradient is not finite, first at step {diverged[sick].min()}, and "
            f"stayed at the hyperparameters before; write {REMEDY}",
            DivergedWarning,
            stacklevel=3,
        )
