"""`load_runs`: the runs of a folder, whole or half done, in any process."""

import csv
import functools
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.codec import from_json
from jaxnn.core.precision import precision_of
from jaxnn.data.preparation import Preparation
from jaxnn.data.split import Standardiser
from jaxnn.grid.came import ordered
from jaxnn.grid.cohort import Cohort
from jaxnn.grid.parts import Part
from jaxnn.grid.record import Search
from jaxnn.grid.recorded import read_rungs
from jaxnn.grid.results import Runs
from jaxnn.grid.space import Space
from jaxnn.train.model import Model
from jaxnn.train.outcome import Outcome, merged, shown
from jaxnn.train.result import Run
from jaxnn.train.trial import arguments, build

GRID = "grid.json"
FORMAT = "jaxnn-grid-1"
NAME = re.compile(r"structure_\d{3,6}(_\d{3,6})?")
"""Of the folder of a part."""


class Known(NamedTuple):
    """What the caller of `load_runs` gives back."""

    trial: Any
    specs: tuple[type, ...]


def load_runs(folder: str | os.PathLike, trial: Any = None, *, specs: Iterable[type] = ()) -> Runs:
    """The runs of a folder that ``grid(..., folder=)``, ``fit(..., folder=)`` or ``pop.save(folder)`` wrote.

    A grid that is still training, or was killed, gives what it had written last: ``runs.finished`` are those that have
    begun, ``runs.table`` tells how far each came.

    Args:
        folder: the folder, wherever it was moved.
        trial: the trial function, needed only where the model holds functions of one's own, which no file holds, and
            to evaluate where the loss or a metric is one that is not defined in this process.
        specs: classes of layers of one's own, beside those that are defined in this process.

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
        return _load(folder, Known(trial, tuple(specs)))
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{folder} holds no runs that this version of jaxnn can read: {error!r}") from None


def _load(folder: Path, given: Known) -> Runs:
    from jaxnn.io.described import FILE, opened
    from jaxnn.io.values import decode

    if (folder / GRID).is_file():
        about = read_grid(folder)
        points = tuple(decode({"dict": point}) for point in about["points"])
        parts, space = _parts(about), Space(points, tuple(about["axes"]))
    else:
        points = tuple(decode(point) for point in opened(folder)["points"])
        parts, space = [Part(0, list(range(len(points))), "")], Space(points, tuple(points[0]))
    known = [(part, folder / part.name) for part in parts if (folder / part.name / FILE).is_file()]
    begun = [found for part, place in known if (found := _begun(part, place)) is not None]
    structures = [[b for b in begun if b.structure == k] for k in sorted({b.structure for b in begun})]
    return Runs(None, None, space, None, tuple(_cohort(own, given) for own in structures), {},
                read_rungs(folder, len(points)))  # fmt: skip


def read_grid(folder: Path) -> dict[str, Any]:
    """What `open_grid` wrote, its form checked."""
    from jaxnn.io.described import read_json

    about = read_json(folder / GRID, FORMAT)
    found: list[Any] = [about.get(name) for name in ("points", "parts", "axes")]
    points, parts, axes = found
    ok = all(isinstance(v, list) for v in (points, parts, axes)) and all(isinstance(n, str) for n in axes)
    ok = ok and type(about.get("turn", 0)) is int
    ok = ok and all(isinstance(p, dict) and p.keys() == set(Part._fields) for p in parts)
    ok = ok and all(type(p["structure"]) is int and NAME.fullmatch(str(p["name"])) for p in parts)
    if not ok or sorted(i for part in parts for i in part["points"]) != list(range(len(points))):
        raise ValueError(f"{folder / GRID} is damaged: its parts do not hold every point once")
    return about


def _parts(about: dict[str, Any]) -> list[Part]:
    return [Part(**part) for part in about["parts"]]


class _Begun(NamedTuple):
    """A part of which something is written: for each member its point, where it stands there, and what came of it."""

    structure: int
    points: np.ndarray
    homes: list[tuple[Path, dict[str, Any], int]]
    outcome: Outcome


def _begun(part: Part, place: Path) -> _Begun | None:
    from jaxnn.io.described import opened
    from jaxnn.io.groups import group_file, read_group
    from jaxnn.io.orbax import written

    about = opened(place)
    if len(part.points) != len(about["points"]):
        raise ValueError(f"{place} is damaged: it holds {len(about['points'])} members, and not {len(part.points)}")
    bounds = enumerate(about["groups"])
    files = [(np.arange(*own), written(group_file(place, k, about["turn"]))) for k, own in bounds]
    begun = [(members, read_group(path, len(members))[0]) for members, path in files if path is not None]
    if not begun:
        return None
    known = about["model"]["stop"]
    if any((tree["state"].get("best") is None) != (known is None) for _, tree in begun):
        raise ValueError(f"{place} is damaged: the best weights are {'too many' if known is None else 'missing'}")
    members = np.concatenate([m for m, _ in begun])
    homes = [(place, about, int(i)) for i in members]
    return _Begun(part.structure, np.array(part.points)[members], homes, merged([_stored(tree) for _, tree in begun]))


def _cohort(parts: list[_Begun], given: Known) -> Cohort:
    """The parts of one structure."""
    from jaxnn.io.values import decode, unread

    points = np.concatenate([part.points for part in parts])
    order = np.argsort(points)
    homes = [home for part in parts for home in part.homes]
    outcome = ordered(merged([part.outcome for part in parts]), order)
    make = functools.partial(_made, [homes[i] for i in order], given, outcome, {})
    about = homes[0][1]["model"]
    stop = None if about["stop"] is None or unread(about["stop"]) else decode(about["stop"])
    directions: dict[str, bool | None] = {str(n): way for n, way in about["directions"].items() if type(way) is bool}
    return Cohort(points[order], outcome, make, None, stop, directions)


def _made(homes: list[tuple[Path, dict[str, Any], int]], given: Known, outcome: Outcome, whole: dict, k: int) -> Run:
    """The run of the k-th member; ``whole`` keeps what came of all, its weights in the trees of the model."""
    place, about, member = homes[k]
    try:
        hparams, model = _model(about, member, given)
        if not whole:
            whole["outcome"] = _checked(place, model, outcome)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{place} holds no model that this version of jaxnn can build: {error!r}") from None
    return whole["outcome"].run(k, model, hparams, int(about["seeds"][member]))


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


def _model(about: dict[str, Any], i: int, given: Known) -> tuple[dict[str, Any], Model]:
    """Hyperparameters and `Model`, without weights, of member ``i``."""
    from jaxnn.io import classes
    from jaxnn.io.records import read
    from jaxnn.io.values import decode
    from jaxnn.io.weights import row_read

    what = about["model"]
    hparams = arguments(decode(about["points"][i]))
    if given.trial is not None:
        built = build(given.trial, {name: shown(v) for name, v in hparams.items()})
        spec, loss, metrics, shares = built.model, built.loss, built.metrics, built.loss_weights
    elif what["specs"][i] is None:
        raise ValueError("the model holds a function of one's own, which no file holds; "
                         "write nn.load_runs(folder, trial)")  # fmt: skip
    else:
        spec, shares = from_json(what["specs"][i], given.specs), decode(what["loss_weights"][i])
        loss, metrics = (
            read(what[n][i], kind, specs=given.specs) for n, kind in (("losses", "loss"), ("metrics", "metric"))
        )
    scale, plain = (what[name]["values"][what[name]["of"][i]] for name in ("standardiser", "prepare"))
    features = None if what["features"] is None else tuple(map(decode, what["features"]))
    prepare = None if plain is None else Preparation.from_plain(plain)
    return {n: shown(v) for n, v in hparams.items()}, Model(
        spec, None, None, loss, metrics, None if scale is None else Standardiser(**decode(scale)),
        classes=classes.read(what["classes"], loss, decode), features=features,
        precision=precision_of(about["how"]["precision"]), loss_weights=shares,
        prepare=prepare, named=what["named"], baseline={str(n): float(v) for n, v in what["baselines"][i].items()},
        row=row_read(what["row"]),
    )  # fmt: skip


def open_grid(
    folder: str | os.PathLike, space: Space, parts: Sequence[Part], search: Search | None = None
) -> list[Part] | None:
    """The parts of a grid that was begun in a folder, however many workers divided them; None where none was.

    Args:
        folder: it is freed of what killed processes left half written.
        space: its points are compared.
        parts: as they would be divided now: which points are of one structure is compared.

    Raises:
        ValueError: if the folder is of another space, with the first difference, or of another search, by which other
            members were trained to their end.
    """
    from jaxnn.io.described import FILE, trains
    from jaxnn.io.folder import swept
    from jaxnn.io.values import decode, encode

    folder = Path(folder)
    if (folder / FILE).exists():
        raise ValueError(f"the folder {folder} holds one population, and not a grid; write another folder")
    if not (folder / GRID).exists():
        swept(folder)
        return None
    known = read_grid(folder)
    trains(folder, known)
    points = [{name: encode(v) for name, v in point.items()} for point in space.points]
    told = None if search is None else repr(search)
    for i, (a, b) in enumerate(zip(known["points"], points, strict=False)):
        if a != b:
            raise ValueError(f"the folder {folder} holds another space: its point {i} is {decode({'dict': a})}, and "
                             f"not {decode({'dict': b})}; write another folder")  # fmt: skip
    if len(known["points"]) != len(points):
        raise ValueError(
            f"the folder {folder} holds another space: it has {len(known['points'])} points, and not {len(points)}; "
            "write another folder"
        )
    ours = {i: part.structure for part in parts for i in part.points}
    if any(ours[i] != part.structure for part in _parts(known) for i in part.points):
        raise ValueError(f"the folder {folder} holds another training: its members are of other structures; "
                         "write another folder, or what was there before")  # fmt: skip
    if known.get("search") != told:
        raise ValueError(
            f"the folder {folder} holds a grid with search={known.get('search')}, and not search={told}; "
            "write another folder"
        )
    swept(folder)
    return _parts(known)


def write_grid(folder: str | os.PathLike, space: Space, parts: Sequence[Part], search: Search | None = None) -> None:
    """Write what a grid tries, into which parts it is divided, and by which search it spends its epochs."""
    import json

    from jaxnn.core import files
    from jaxnn.io.values import encode

    points = [{name: encode(v) for name, v in point.items()} for point in space.points]
    about = {"format": FORMAT, "axes": list(space.axes), "points": points, "parts": [p._asdict() for p in parts],
             "search": None if search is None else repr(search)}  # fmt: skip
    files.replace(Path(folder) / GRID, (json.dumps(about, indent=1) + "\n").encode())


def write_table(folder: str | os.PathLike, runs: Runs) -> None:
    """Write ``table.csv``, one row for each point."""
    from jaxnn.core import files

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(runs.table)
    writer.writerows(zip(*runs.table.values(), strict=True))
    files.replace(Path(folder) / "table.csv", text.getvalue().encode())
