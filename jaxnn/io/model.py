"""A trained model as a file, and out of it; an ensemble of them too."""

import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core import files
from jaxnn.core.codec import from_json, to_json
from jaxnn.core.precision import DEFAULT, precision_of
from jaxnn.data.preparation import Preparation
from jaxnn.data.split import Standardiser
from jaxnn.io import classes
from jaxnn.io.records import read, written
from jaxnn.io.values import decode, encode
from jaxnn.io.weights import check_scaling, fitted, row_read, row_written, warn_narrow
from jaxnn.train.model import Model
from jaxnn.train.outcome import arrays
from jaxnn.train.result import Run

FORMAT = "jaxnn-run-1"
ENSEMBLE = "jaxnn-ensemble-1"


class Given(NamedTuple):
    """What the caller of `load` gives back."""

    loss: Any
    metrics: Any
    specs: tuple[type, ...]
    modules: Mapping[str, Any]


def write(path: str | os.PathLike, model: Model, about: dict[str, Any]) -> None:
    """Write a model, and what a `Run` tells about it, as one file.

    Raises:
        ValueError: for what could not be loaded, before anything is written.
    """
    files.write(path, *_packed(model, about))


def write_all(path: str | os.PathLike, runs: Iterable[Run]) -> None:
    """Write the runs of an ensemble as one file.

    Raises:
        ValueError: for what could not be loaded, before anything is written.
    """
    packed = [_packed(run.model, run.told) for run in runs]
    tree = {str(i): tree for i, (tree, _) in enumerate(packed)}
    files.write(path, tree, {"format": ENSEMBLE, "runs": [meta for _, meta in packed]})


def _packed(model: Model, about: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tree and the JSON of a file, from which the same model can be made."""
    if not (model.prepare is None or isinstance(model.prepare, Preparation)):
        raise ValueError(
            f"a {type(model.prepare).__name__} can be written by pickle alone, which no file of ours holds; train with "
            "prepare=nn.data.Preparation(), or keep it beside and train on what it gives"
        )
    model.trial  # which raises for what cannot be evaluated
    modules: dict[str, Any] = {}
    text = to_json(model.spec, modules)
    meta = {
        "format": FORMAT,
        "model": text,
        "loss": written(model.loss, "loss"),
        "metrics": written(model.metrics, "metric"),
        "loss_weights": encode(model.loss_weights),
        "baseline": model.baseline,
        "hparams": [[name, encode(v)] for name, v in about.get("hparams", {}).items()],
        "seed": int(about.get("seed", 0)),
        "classes": classes.written(model.classes, _class),
        "named": model.named,
        "prepare": None if model.prepare is None else model.prepare.plain(),
        "features": model.features,
        "best_epoch": int(about.get("best_epoch", -1)),
        "diverged": about.get("diverged"),
        "precision": None if model.precision is None else model.precision.plain(),
        "history": [[name, encode(np.asarray(v))] for name, v in about.get("history", {}).items()],
        "row": row_written(model.row),
    }
    _check_spec(model.spec, text, modules)
    tree = fitted(model.spec, model.row, {"params": model.params, "state": model.state})
    if model.standardiser is not None:
        tree["standardiser"] = model.standardiser._asdict()
    return tree, meta


def _class(name: Any) -> Any:
    if isinstance(name, (str, bool, int, float)):
        return name
    raise ValueError(f"the class {name!r} is a {type(name).__name__}, which no file holds; write class names as text")


def _check_spec(spec: Any, text: str, modules: dict[str, Any]) -> None:
    """Raise unless the text makes the same spec again."""
    again = from_json(text, modules=modules)
    if to_json(again, dict(modules)) != text:
        raise ValueError(
            f"{type(spec).__name__} comes back from its JSON as another one; give its class fields of numbers, text, "
            "tuples and layers"
        )


def load(
    path: str | os.PathLike, *, loss: Any = None, metrics: Any = None, specs: Iterable[type] = (),
    modules: Mapping[str, Any] | None = None,
) -> Any:  # fmt: skip
    """Read what ``run.save(path)``, ``model.save(path)`` or ``ensemble.save(path)`` wrote.

    It predicts whatever the loss was, as the file says how outputs are read. Losses and metrics of one's own are found
    by their names if they are defined in this process by `jaxnn.loss` and `jaxnn.metric`; else they are needed back to
    evaluate.

    Args:
        path: of the file.
        loss: the loss of one's own that it was trained under; where losses go by output, a dict of those of one's own.
        metrics: what to evaluate by, in the place of what the file names, as a `Trial` has them.
        specs: classes of layers of one's own, beside those that are defined in this process.
        modules: the modules of Flax in it, by name: that of their class, or what `from_linen` and `from_nnx` were told.

    Returns:
        A `Run` that predicts and evaluates as the saved one did to the bit, whose optimizer is not kept; or the
        `Ensemble` that was saved.

    Raises:
        ValueError: if there is no such file, or it is damaged, or holds no model, or a layer or module that is to be
            given. Nothing in it is run, and only specs, and the losses and metrics of the package, are built.

    Example:
        >>> import tempfile, jaxnn as nn
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> def far(outputs, targets):
        ...     return abs(outputs[:, 0] - targets)
        >>> weights = {"kernel": np.ones((2, 1), np.float32), "bias": np.zeros(1, np.float32)}
        >>> nn.Model(nn.Dense(1), weights, {}, far, row=np.ones((1, 2), np.float32)).save(path)
        >>> nn.load(path, loss=far).evaluate((np.ones((1, 2)), np.zeros(1)))
        {'loss': 2.0}
    """
    tree, meta = files.read(path)
    if not isinstance(tree, dict) or meta.get("format") not in (FORMAT, ENSEMBLE):
        raise ValueError(f"{path} holds no model; write run.save(path)")
    given = Given(loss, metrics, tuple(specs), modules or {})
    try:
        if meta["format"] == FORMAT:
            found: Any = _run(tree, meta, given)
        else:
            from jaxnn.grid.ensemble import Ensemble

            parts = [(tree[str(i)], one) for i, one in enumerate(meta["runs"])]
            found = Ensemble(tuple(_run(*part, given) for part in parts))
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:400] or type(error).__name__
        raise ValueError(f"{path} holds no model that this version of jaxnn can build: {reason}") from error
    runs = getattr(found, "runs", (found,))
    warn_narrow(path, [(r.params, r.state, np.zeros(0, (r.precision or DEFAULT).compute or np.float32)) for r in runs])
    return found


def _run(tree: dict, meta: dict, given: Given) -> Run:
    if any(f'"{name}"' in meta["model"] for name in ("LinenLayer", "NNXLayer")):
        import jaxnn.interop.flax  # noqa: F401  whose specs are then known

    spec, row = from_json(meta["model"], given.specs, given.modules), row_read(meta["row"])
    loss = read(meta["loss"], "loss", given.loss, given.specs)
    trees = fitted(spec, row, {"params": tree["params"], "state": tree.get("state", {})}, loss=loss)
    standardiser = None
    if "standardiser" in tree:
        standardiser = Standardiser(tree["standardiser"]["mean"], tree["standardiser"]["scale"])
        check_scaling(standardiser, row)
    prepare = None if meta["prepare"] is None else Preparation.from_plain(meta["prepare"])
    if prepare is not None and row is not None and row.shape[1:] != (len(prepare.names),):
        raise ValueError(f"its preparation gives {len(prepare.names)} columns and its rows have {row.shape[1:]}")
    model = Model(
        spec, arrays(trees["params"]), arrays(trees["state"]), loss,
        read(meta["metrics"], "metric", given.metrics, given.specs), standardiser,
        classes=classes.read(meta["classes"], loss, _class),
        features=None if meta["features"] is None else tuple(map(str, meta["features"])),
        precision=precision_of(meta["precision"]),
        prepare=prepare, named=bool(meta["named"]), loss_weights=decode(meta["loss_weights"]), row=row,
        baseline={str(name): float(value) for name, value in meta["baseline"].items()},
    )  # fmt: skip
    model.trial  # which looks up the metrics
    return Run(
        model,
        hparams={str(name): _hyper(value) for name, value in meta["hparams"]},
        seed=_whole(meta["seed"]),
        history={str(name): _curve(values) for name, values in meta["history"]},
        best_epoch=_whole(meta["best_epoch"]),
        diverged=None if meta["diverged"] is None else _whole(meta["diverged"]),
    )


def _whole(value: Any) -> int:
    if type(value) is not int or not -1 <= value < 2**63:
        raise ValueError(f"{value!r:.40} is no whole number")
    return value


def _curve(text: Any) -> np.ndarray:
    values = decode(text)
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind != "f":
        raise ValueError(f"{text!r:.80} is no curve")
    return values


def _hyper(text: Any) -> Any:
    """A hyperparameter, or its words where it holds a layer that nobody has defined here."""
    try:
        return decode(text)
    except ValueError:
        return repr(text)
