"""`load_runs`: the runs of a folder, whole or half done, in any process."""

import csv
import functools
import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from jaxnn.core.codec import from_json
from jaxnn.data.preparation import Preparation
from jaxnn.data.split import Standardiser
from jaxnn.grid.results import Cohort, Runs
from jaxnn.grid.space import Space
from jaxnn.train.enrol import floating
from jaxnn.train.model import Model
from jaxnn.train.options import part_of
from jaxnn.train.outcome import Outcome, merged, shown
from jaxnn.train.result import Run
from jaxnn.train.trial import arguments, build

GRID = "grid.json"
FORMAT = "jaxnn-grid-1"


def load_runs(folder: str | os.PathLike, trial: Any = None) -> Runs:
    """The runs of a folder that ``grid(..., folder=)``, ``fit(..., folder=)`` or ``pop.save(folder)`` wrote.

    A grid that is still training, or was killed, gives what it had written last: ``runs.finished`` are those that have
    begun, ``runs.table`` tells how far each came.

    Args:
        folder: the folder, wherever it was moved.
        trial: the trial function, needed only where the model holds functions of one's own, which no file holds, and
            to evaluate where the loss or a metric is one that is not defined in this process.

    Returns:
        `Runs` that predict and evaluate as those of the training; their optimizer states stay in the folder.

    Raises:
        ValueError: if there is no such folder, or it is damaged, or holds functions that ``trial`` is needed for.

    Example:
        >>> import optax, tempfile, jaxnn as nn
        >>> def line(lr):
        ...     return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> folder = tempfile.mkdtemp()
        >>> run = nn.fit(line, (np.ones((2, 1)), np.ones(2)), dict(lr=0.1), epochs=3, folder=folder)
        >>> nn.load_runs(folder)[0].metrics == run.metrics
        True
    """
    folder = Path(folder)
    try:
        return _load(folder, trial)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{folder} holds no runs that this version of jaxnn can read: {error!r}") from None


def _load(folder: Path, trial: Any) -> Runs:
    from jaxnn.io.described import FILE, opened
    from jaxnn.io.values import decode

    if (folder / GRID).is_file():
        about = _read(folder)
        points = tuple(decode({"dict": point}) for point in about["points"])
        places = [(np.array(indices), folder / f"structure_{k:03d}") for k, indices in enumerate(about["structures"])]
        space = Space(points, tuple(about["axes"]))
    else:
        points = tuple(decode(point) for point in opened(folder)["points"])
        places, space = [(np.arange(len(points)), folder)], Space(points, tuple(points[0]))
    known = [(indices, place, opened(place)) for indices, place in places if (place / FILE).is_file()]
    for indices, place, about in known:
        if len(indices) != len(about["points"]):
            raise ValueError(f"{place} is damaged: it holds {len(about['points'])} members, and not {len(indices)}")
    cohorts = tuple(c for c in (_cohort(*one, trial) for one in known) if c is not None)
    return Runs(None, None, space, None, cohorts, {})


def _read(folder: Path) -> dict[str, Any]:
    """What `open_grid` wrote, its form checked."""
    from jaxnn.io.described import read_json

    about = read_json(folder / GRID, FORMAT)
    found: list[Any] = [about.get(name) for name in ("points", "structures", "axes")]
    points, structures, axes = found
    ok = all(isinstance(v, list) for v in (points, structures, axes)) and all(isinstance(n, str) for n in axes)
    if not ok or sorted(i for indices in structures for i in indices) != list(range(len(points))):
        raise ValueError(f"{folder / GRID} is damaged: its structures do not hold every point once")
    return about


def _cohort(indices: np.ndarray, place: Path, about: dict[str, Any], trial: Any) -> Cohort | None:
    from jaxnn.io.folder import group_file, read_group
    from jaxnn.io.values import decode, unread

    files = [(np.arange(*bounds), group_file(place, k, about["turn"])) for k, bounds in enumerate(about["groups"])]
    begun = [(members, read_group(path, len(members))[0]) for members, path in files if path.is_file()]
    if not begun:
        return None
    members = np.concatenate([m for m, _ in begun])
    known = about["model"]["stop"]
    if any((tree["state"].get("best") is None) != (known is None) for _, tree in begun):
        raise ValueError(f"{place} is damaged: the best weights are {'too many' if known is None else 'missing'}")
    outcome = merged([_stored(tree) for _, tree in begun])
    make = functools.partial(_made, place, about, members, trial, outcome, {})
    stop = None if known is None or unread(known) else decode(known)
    directions: dict[str, bool | None] = {
        str(name): way for name, way in about["model"]["directions"].items() if type(way) is bool
    }
    return Cohort(indices[members], outcome, make, None, stop, directions)


def _made(
    place: Path, about: dict[str, Any], members: np.ndarray, trial: Any, outcome: Outcome, whole: dict, k: int
) -> Run:
    """The run of the k-th member; ``whole`` keeps what came of all, its weights in the trees of the model."""
    try:
        hparams, model = _model(about, int(members[k]), trial)
        if not whole:
            whole["outcome"] = _checked(place, model, outcome)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{place} holds no model that this version of jaxnn can build: {error!r}") from None
    return whole["outcome"].run(k, model, hparams, int(about["seeds"][members[k]]))


def _checked(place: Path, model: Model, outcome: Outcome) -> Outcome:
    """What came of the members, their weights held against the model."""
    from jaxnn.io.weights import check_scaling, fitted, warn_narrow

    try:
        trees = {"params": outcome.params, "state": outcome.state}
        trees = fitted(model.spec, model.row, trees, (len(outcome.epochs),), model.loss)
        check_scaling(model.standardiser, model.row)
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:400] or type(error).__name__
        raise ValueError(f"{place} is damaged, or of another model: {reason}") from error
    warn_narrow(place, trees)
    return outcome._replace(**trees)


def _stored(tree: dict[str, Any]) -> Outcome:
    state, best = tree["state"], tree["state"].get("best")
    weights = tree.get("chosen") or (best or state).get("params", {})
    own = (best or state).get("model_state", {})
    marks = SimpleNamespace(**{name: state[name] for name in ("epoch", "diverged", "stopped")})
    return Outcome.of(marks, weights, own, None if best is None else best["epoch"], tree.get("history", {}))


def _model(about: dict[str, Any], i: int, trial: Any) -> tuple[dict[str, Any], Model]:
    """Hyperparameters and `Model`, without weights, of member ``i``."""
    from jaxnn.io.records import read
    from jaxnn.io.values import decode
    from jaxnn.io.weights import row_read

    what = about["model"]
    hparams = arguments(decode(about["points"][i]))
    if trial is not None:
        built = build(trial, {name: shown(v) for name, v in hparams.items()})
        spec, loss, metrics, shares = built.model, built.loss, built.metrics, built.loss_weights
    elif what["specs"][i] is None:
        raise ValueError("the model holds a function of one's own, which no file holds; "
                         "write nn.load_runs(folder, trial)")  # fmt: skip
    else:
        spec, shares = from_json(what["specs"][i]), decode(what["loss_weights"][i])
        loss, metrics = read(what["losses"][i], "loss"), read(what["metrics"][i], "metric")
    scale, plain = (_of_part(what[name], about["points"][i]) for name in ("standardiser", "prepare"))
    names = [None if what[n] is None else tuple(map(decode, what[n])) for n in ("classes", "features")]
    prepare = None if plain is None else Preparation.from_plain(plain)
    dtype = about["how"]["compute_dtype"]
    return {n: shown(v) for n, v in hparams.items()}, Model(
        spec, None, None, loss, metrics, None if scale is None else Standardiser(**decode(scale)), *names,
        compute_dtype=None if dtype is None else floating(np.dtype(dtype)), loss_weights=shares,
        prepare=prepare, named=what["named"], baseline={str(n): float(v) for n, v in what["baselines"][i].items()},
        row=row_read(what["row"]),
    )  # fmt: skip


def _of_part(known: Any, point: Any) -> Any:
    """What a member's part has of what parts may have each."""
    from jaxnn.io.values import decode

    each = isinstance(known, dict) and "parts" in known
    return known["parts"][part_of(decode(point))] if each else known


def open_grid(folder: str | os.PathLike, space: Space, structures: list[list[int]]) -> None:
    """Write what a grid tries, or compare with what is there.

    Raises:
        ValueError: if the folder is of another space, with the first difference.
    """
    import json

    from jaxnn.core import files
    from jaxnn.io.described import FILE
    from jaxnn.io.folder import swept
    from jaxnn.io.values import decode, encode

    folder = Path(folder)
    path = folder / GRID
    if (folder / FILE).exists():
        raise ValueError(f"the folder {folder} holds one population, and not a grid; write another folder")
    points = [{name: encode(v) for name, v in point.items()} for point in space.points]
    about = {"format": FORMAT, "axes": list(space.axes), "points": points, "structures": structures}
    if not path.exists():
        swept(folder)
        files.replace(path, (json.dumps(about, indent=1) + "\n").encode())
        return
    known = _read(folder)
    for i, (a, b) in enumerate(zip(known["points"], points, strict=False)):
        if a != b:
            raise ValueError(f"the folder {folder} holds another space: its point {i} is {decode({'dict': a})}, and "
                             f"not {decode({'dict': b})}; write another folder")  # fmt: skip
    if len(known["points"]) != len(points):
        raise ValueError(
            f"the folder {folder} holds another space: it has {len(known['points'])} points, and not {len(points)}; "
            "write another folder"
        )
    swept(folder)


def write_table(folder: str | os.PathLike, runs: Runs) -> None:
    """Write ``table.csv``, one row for each point."""
    from jaxnn.core import files

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(runs.table)
    writer.writerows(zip(*runs.table.values(), strict=True))
    files.replace(Path(folder) / "table.csv", text.getvalue().encode())
