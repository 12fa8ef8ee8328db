"""A trained model as a file, and out of it."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core import files
from jaxnn.core.codec import from_json, to_json
from jaxnn.data.preparation import Preparation
from jaxnn.data.split import Standardiser
from jaxnn.io.records import read, written
from jaxnn.io.values import decode, encode
from jaxnn.train.heads import fits, is_node, shown
from jaxnn.train.model import Model
from jaxnn.train.result import Run

FORMAT = "jaxnn-run-1"


def write(path: str | os.PathLike, model: Model, about: dict[str, Any]) -> None:
    """Write a model, and what a `Run` tells about it, as one file.

    Raises:
        ValueError: if the model holds a function that JSON cannot name.
    """
    if not (model.prepare is None or isinstance(model.prepare, Preparation)):
        raise ValueError(
            f"a {type(model.prepare).__name__} can be written by pickle alone, which no file of ours holds; train with "
            "prepare=nn.data.Preparation(), or keep it beside and train on what it gives"
        )
    trial = model.trial
    meta = {
        "format": FORMAT,
        "model": to_json(model.spec),
        "loss": written(model.loss, "loss"),
        "loss_name": ", ".join(head.loss.name for head in trial.heads),
        "task": trial.task,
        "metrics": written(model.metrics, "metric"),
        "loss_weights": encode(model.loss_weights),
        "baseline": model.baseline,
        "hparams": {name: _plain(v) for name, v in about.get("hparams", {}).items()},
        "seed": int(about.get("seed", 0)),
        "classes": None if model.classes is None else [_class(name) for name in model.classes],
        "named": model.named,
        "prepare": None if model.prepare is None else model.prepare.plain(),
        "features": model.features,
        "best_epoch": int(about.get("best_epoch", -1)),
        "compute_dtype": None if model.compute_dtype is None else np.dtype(model.compute_dtype).name,
        "history": about.get("history", {}),
    }
    tree = {"params": model.params, "state": model.state}
    if model.standardiser is not None:
        tree["standardiser"] = model.standardiser._asdict()
    files.write(path, tree, meta)


def _class(name: Any) -> Any:
    if isinstance(name, (str, bool, int, float)):
        return name
    raise ValueError(f"the class {name!r} is a {type(name).__name__}, which no file holds; write class names as text")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return value if isinstance(value, (int, float, str, bool, tuple, list, type(None))) else repr(value)


def load(path: str | os.PathLike) -> Run:
    """Read the model that ``run.save(path)`` wrote.

    Args:
        path: of the file.

    Returns:
        A `Run` that predicts and evaluates as the saved one did to the bit; its optimizer is not kept.

    Raises:
        ValueError: if there is no such file, or it is damaged, or holds no model. Nothing in it is run, and only
            registered specs and named losses are built.

    Example:
        >>> load("nowhere.safetensors")
        Traceback (most recent call last):
        ValueError: there is no file nowhere.safetensors
    """
    tree, meta = files.read(path)
    if not isinstance(tree, dict) or meta.get("format") != FORMAT or "params" not in tree:
        raise ValueError(f"{path} holds no model; write run.save(path)")
    try:
        return _run(tree, meta)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path} holds no model that this version of jaxnn can build: {error}") from None


def _run(tree: dict, meta: dict) -> Run:
    if meta["loss"] is None or meta["metrics"] is None:
        what = f"loss {meta['loss_name']!r}" if meta["loss"] is None else "metrics"
        raise ValueError(
            f"no file holds a function of one's own, as its {what}; define such by nn.loss and nn.metric before saving"
        )
    spec = from_json(meta["model"])
    params, state = jax.tree.map(jnp.asarray, (tree["params"], tree.get("state", {})))
    standardiser = None
    if "standardiser" in tree:
        standardiser = Standardiser(tree["standardiser"]["mean"], tree["standardiser"]["scale"])
    prepare = None if meta["prepare"] is None else Preparation.from_plain(meta["prepare"])
    shape = getattr(standardiser.mean if standardiser else None, "shape", None)
    if prepare is not None:
        shape = (len(prepare.names),)
    if shape is not None:
        _check(spec, params, state, shape, read(meta["loss"]))
    model = Model(
        spec, params, state, read(meta["loss"]), read(meta["metrics"]), standardiser,
        classes=None if meta["classes"] is None else tuple(map(_class, meta["classes"])),
        features=None if meta["features"] is None else tuple(map(str, meta["features"])),
        compute_dtype=None if meta["compute_dtype"] is None else jnp.dtype(meta["compute_dtype"]),
        prepare=prepare, named=bool(meta["named"]), loss_weights=decode(meta["loss_weights"]),
        baseline={str(name): float(value) for name, value in meta["baseline"].items()},
    )  # fmt: skip
    model.trial  # which looks up the metrics
    return Run(
        model,
        hparams={str(name): _hyper(value) for name, value in meta["hparams"].items()},
        seed=int(meta["seed"]),
        history={str(name): np.asarray(values, np.float32) for name, values in meta["history"].items()},
        best_epoch=int(meta["best_epoch"]),
    )


def _check(model: Any, params: Any, state: Any, shape: tuple[int, ...], loss: Any) -> None:
    """Raise unless the weights are those of the model for rows of this shape, and the losses those of its outputs."""
    row = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    wanted, _ = jax.eval_shape(model.init, jax.random.key(0, impl="threefry2x32"), row)
    ours, theirs = (
        {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}
        for leaves in (jax.tree_util.tree_leaves_with_path(tree) for tree in (wanted, params))
    )
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            raise ValueError(f"{name} has the shape {theirs.get(name)} and the model needs {ours.get(name)}")
    outputs = jax.eval_shape(lambda p, s, x: model.apply(p, s, x)[0], params, state, row)
    if is_node(loss) and not fits(loss, outputs):
        raise ValueError(f"its losses are {shown(loss)} and its outputs {shown(outputs)}")


def _hyper(value: Any) -> Any:
    return tuple(map(_hyper, value)) if isinstance(value, list) else value
