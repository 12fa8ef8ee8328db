"""A trained model out of a file."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnn import losses
from jaxnn.core import files
from jaxnn.core.codec import from_json
from jaxnn.data.split import Standardiser
from jaxnn.train.result import Run
from jaxnn.train.state import Best, TrainState
from jaxnn.train.trial import Trial

FORMAT = "jaxnn-run-1"


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
    if meta["loss"] not in losses.NAMES:
        raise ValueError(f"no loss is named {meta['loss']!r}")
    model = from_json(meta["model"])
    trial = Trial(model, meta["loss"], optax.identity(), tuple(map(str, meta["metrics"])))
    params, state = jax.tree.map(jnp.asarray, (tree["params"], tree.get("state", {})))
    standardiser = None
    if "standardiser" in tree:
        standardiser = Standardiser(tree["standardiser"]["mean"], tree["standardiser"]["scale"])
        _check(model, params, standardiser.mean.shape)
    best = Best(np.float32(np.nan), np.int32(meta["best_epoch"]), params, state)
    key = jax.random.key(int(meta["seed"]), impl="threefry2x32")
    done = TrainState(
        step=np.int32(0), epoch=np.int32(meta["epochs"]), key=key, params=params, model_state=state, opt_state=(),
        best=best, wait=np.int32(0), stopped=np.bool_(True), diverged=np.int32(-1),
    )  # fmt: skip
    return Run(
        trial=trial,
        hparams={str(name): _hyper(value) for name, value in meta["hparams"].items()},
        seed=int(meta["seed"]),
        state=done,
        history={str(name): np.asarray(values, np.float32) for name, values in meta["history"].items()},
        standardiser=standardiser,
        classes=None if meta["classes"] is None else tuple(map(str, meta["classes"])),
        features=None if meta["features"] is None else tuple(map(str, meta["features"])),
        compute_dtype=None if meta["compute_dtype"] is None else jnp.dtype(meta["compute_dtype"]),
    )


def _check(model: Any, params: Any, shape: tuple[int, ...]) -> None:
    """Raise unless the weights are those of the model for rows of this shape."""
    row = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    wanted, _ = jax.eval_shape(model.init, jax.random.key(0, impl="threefry2x32"), row)
    ours, theirs = (
        {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in leaves}
        for leaves in (jax.tree_util.tree_leaves_with_path(tree) for tree in (wanted, params))
    )
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            raise ValueError(f"{name} has the shape {theirs.get(name)} and the model needs {ours.get(name)}")


def _hyper(value: Any) -> Any:
    return tuple(map(_hyper, value)) if isinstance(value, list) else value
