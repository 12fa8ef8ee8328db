"""`load_runs`: the runs of a folder, whole or half done, in any process."""

import csv
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
from jaxnn.train.model import Model
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
        trial: the trial function, needed only where the model, loss or metrics are functions of one's own, which no
            file holds.

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
    except (KeyError, TypeError, AttributeError, IndexError) as error:
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
    trees = [_stored(tree) for _, tree in begun]
    outcome = merged(trees)
    models = [_model(about, int(i), trial) for i in members]

    def make(k: int) -> Run:
        try:
            hparams, model = models[k]()
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise ValueError(f"{place} holds no model that this version of jaxnn can build: {error!r}") from None
        return outcome.run(k, model, hparams, int(about["seeds"][members[k]]))

    stop = None if known is None or unread(known) else decode(known)
    directions: dict[str, bool | None] = {
        str(name): way for name, way in about["model"]["directions"].items() if type(way) is bool
    }
    return Cohort(indices[members], outcome, make, None, stop, directions)


def _stored(tree: dict[str, Any]) -> Outcome:
    state, best = tree["state"], tree["state"].get("best")
    weights = tree.get("chosen") or (best or state).get("params", {})
    own = (best or state).get("model_state", {})
    marks = SimpleNamespace(**{name: state[name] for name in ("epoch", "diverged", "stopped")})
    return Outcome.of(marks, weights, own, None if best is None else best["epoch"], tree.get("history", {}))


def _model(about: dict[str, Any], i: int, trial: Any) -> Any:
    """What makes hyperparameters and `Model`, without weights, of member ``i``."""
    from jaxnn.io.records import read
    from jaxnn.io.values import decode

    what = about["model"]

    def make() -> tuple[dict[str, Any], Model]:
        hparams = arguments(decode(about["points"][i]))
        if trial is not None:
            built = build(trial, {name: shown(v) for name, v in hparams.items()})
            spec, loss, metrics, shares = built.model, built.loss, built.metrics, built.loss_weights
        elif None in (what["specs"][i], what["losses"][i], what["metrics"][i]):
            raise ValueError("the model, its loss or a metric is a function of one's own, which no file holds; "
                             "write nn.load_runs(folder, trial)")  # fmt: skip
        else:
            spec, shares = from_json(what["specs"][i]), decode(what["loss_weights"][i])
            loss, metrics = read(what["losses"][i]), read(what["metrics"][i])
        scale = what["standardiser"]
        names = [None if what[n] is None else tuple(map(decode, what[n])) for n in ("classes", "features")]
        prepare = None if what["prepare"] is None else Preparation.from_plain(what["prepare"])
        dtype = about["how"]["compute_dtype"]
        return {n: shown(v) for n, v in hparams.items()}, Model(
            spec, None, None, loss, metrics, None if scale is None else Standardiser(**decode(scale)), *names,
            compute_dtype=None if dtype is None else np.dtype(dtype), prepare=prepare, named=what["named"],
            loss_weights=shares,
            baseline={str(name): float(v) for name, v in what["baselines"][i].items()},
        )  # fmt: skip

    return make


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
