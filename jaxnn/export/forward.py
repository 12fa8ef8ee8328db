"""A trained model as one function of arrays: preparation and scaling before it, the reading of outputs behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from jaxnn.core.checks import SpecError
from jaxnn.core.plain import plain_operations
from jaxnn.core.records import OF_CHANCES
from jaxnn.core.version import __version__
from jaxnn.data import labels
from jaxnn.data.preparation import Preparation
from jaxnn.export import columns
from jaxnn.losses.reading import values
from jaxnn.train import heads
from jaxnn.train.model import Model
from jaxnn.train.reading import probabilities, read, read_probabilities, several_labels, unmasked

OUTPUTS = ("probabilities", "outputs", "predictions")


@dataclass(frozen=True)
class Forward:
    """A model as a function, beside what it takes to call it.

    Args:
        function: ``(weights, x) -> outputs``, traceable, for any number of rows.
        weights: a tree of float32 arrays.
        x: the inputs as a tree of `jax.ShapeDtypeStruct`, the number of rows a symbol unless it was given.
        outputs: the outputs likewise, without masks.
        raw: what the last layer of the first model gives, likewise.
        models: what it was made of; several for an ensemble.
        how: one of `OUTPUTS`, or None for the default of each head.
        about: all this as JSON: names, shapes and dtypes of inputs and outputs, class names, columns.
    """

    function: Callable
    weights: Any
    x: Any
    outputs: Any
    raw: Any
    models: tuple[Model, ...]
    how: str | None
    about: dict[str, Any]


def forward(run: Any, output: str | None = None, batch: int | None = None) -> Forward:
    """What all formats are written from.

    Args:
        run: a `Run`, a `Model` or an `Ensemble`.
        output: as `jaxnn.export` takes it.
        batch: a fixed number of rows, or None for any.

    Raises:
        ValueError: for what cannot be exported, with the call to write.

    Example:
        >>> import jaxnn as nn
        >>> weights = {"kernel": np.ones((2, 1)), "bias": np.zeros(1)}
        >>> made = forward(nn.Model(nn.Dense(1), weights, {}, "squared_error", row=np.ones((1, 2), np.float32)))
        >>> made.about["inputs"], float(made.function(made.weights, jnp.ones((1, 2)))[0])
        ([{'name': 'x', 'shape': ['batch', 2], 'dtype': 'float32'}], 2.0)
    """
    models = _models(run)
    if output not in (None, *OUTPUTS):
        raise ValueError(
            f'output must be one of {", ".join(map(repr, OUTPUTS))}, got {output!r}; write output="outputs"'
        )
    if output == "probabilities":
        read_probabilities(models[0].loss, _shapes(models[0]), _has_chances, "run")
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, int) or batch < 1):
        raise ValueError(
            f"batch must be a whole number of at least 1, or None for any, got {batch!r}; write batch=None"
        )

    def function(weights: Any, x: Any) -> Any:
        own = [_outputs(model, part, x) for model, part in zip(models, weights, strict=True)]
        return read(lambda task, *found: _read(task, output, found), models[0].loss, *own)

    weights = tuple(_weights(model) for model in models)
    x = _inputs(models[0], batch)
    try:
        with plain_operations():
            outputs = jax.eval_shape(function, weights, x)
            raw = jax.eval_shape(lambda own, x: _outputs(models[0], own, x), weights[0], x)
    except SpecError:
        raise
    except Exception as error:
        if batch is not None:
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(
            f"the model cannot be followed for an unknown number of rows ({reason}); write batch=32, say, for a number "
            "that is always the same"
        ) from error
    about = _about(models[0], x, outputs, output)
    return Forward(function, weights, x, outputs, raw, models, output, about)


def _models(run: Any) -> tuple[Model, ...]:
    """The models of a `Run`, a `Model` or an `Ensemble`, each with a row of its inputs."""
    several = getattr(run, "runs", None)
    found = tuple(r.model for r in several) if isinstance(several, tuple) else (getattr(run, "model", run),)
    for model in found:
        if not isinstance(model, Model):
            raise ValueError(
                f"a {type(run).__name__} is no trained model; write nn.export(run, ...), nn.export(runs.best(), ...) "
                "or nn.export(runs.top(5).ensemble(), ...)"
            )
        if model.row is None:
            raise ValueError(
                "the model knows no row of its inputs, which it is traced by; write nn.Model(..., row=x[:1])"
            )
        if model.prepare is not None and not isinstance(model.prepare, Preparation):
            raise ValueError(
                f"a {type(model.prepare).__name__} cannot be part of a tensor program; train with "
                "prepare=nn.data.Preparation(), or write nn.export(dataclasses.replace(run.model, prepare=None), ...) "
                "and give it what the transformer makes"
            )
        if model.prepare != found[0].prepare:
            raise ValueError("the models of this ensemble prepare rows differently; export each by itself")
    return found


def _has_chances(task: Any, own: Any, call: str) -> Any:
    if task not in OF_CHANCES:
        probabilities(task, own, call)  # which raises


def _shapes(model: Model) -> Any:
    """The outputs of a model as shapes, without masks."""
    x = jax.tree.map(lambda a: a, model.row)
    made, _ = jax.eval_shape(model.spec.apply, model.params, model.state, x)
    return unmasked(model.loss, made)


def _weights(model: Model) -> dict[str, Any]:
    """Weights and statistics in float32, whatever the model was trained in."""
    tree = {"params": model.params, "state": model.state, "standardiser": model.standardiser}

    def narrow(leaf: Any) -> np.ndarray:
        found = np.asarray(leaf)
        return found.astype(np.float32) if jnp.issubdtype(found.dtype, jnp.floating) else found

    if model.standardiser is not None and not isinstance(model.standardiser.mean, dict):
        names = model.features or [f"x[:, {i}]" for i in range(np.size(model.standardiser.mean))]
        columns.warn_far(names, model.standardiser.mean, model.standardiser.scale)
    if model.prepare is not None:
        kept = [c for c in columns.used(model.prepare) if c.kind != "text"]
        columns.warn_far([c.name for c in kept], [c.mean for c in kept], [c.scale for c in kept])
    return jax.tree.map(narrow, tree)


def _inputs(model: Model, batch: int | None) -> Any:
    """Shapes of the inputs, as plain dicts and tuples."""
    rows: Any = jax_export.symbolic_shape("batch")[0] if batch is None else batch
    row = model.row
    if model.prepare is not None:
        row = jax.ShapeDtypeStruct((1, len(columns.used(model.prepare))), np.float32)

    def plain(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: plain(part) for key, part in node.items()}
        if isinstance(node, (tuple, list)):
            return tuple(map(plain, node))
        dtype = np.dtype(np.float32) if jnp.issubdtype(node.dtype, jnp.floating) else np.dtype(node.dtype)
        return jax.ShapeDtypeStruct((rows, *node.shape[1:]), dtype)

    return plain(row)


def _outputs(model: Model, weights: Any, x: Any) -> Any:
    """What `Model.outputs` gives, traced."""
    if model.prepare is not None:
        x = columns.numbers(columns.used(model.prepare), x)
    if weights["standardiser"] is not None:
        x = weights["standardiser"].transform(x)
    y, _ = model.spec.apply(weights["params"], weights["state"], x)
    y = jax.tree.map(lambda a: a.astype(jnp.float32) if jnp.issubdtype(a.dtype, jnp.floating) else a, y)
    return unmasked(model.loss, y)


def kind_of(task: str | None, output: str | None) -> str:
    """What a head gives out: ``"probabilities"``, ``"outputs"`` or ``"predictions"``.

    Example:
        >>> kind_of("classes", None), kind_of("values", None), kind_of("classes", "outputs")
        ('probabilities', 'predictions', 'outputs')
    """
    if output == "outputs" or (output == "predictions"):
        return output
    return "probabilities" if task in OF_CHANCES else "predictions"


def _read(task: str | None, output: str | None, found: Any) -> Any:
    """The outputs of one head of each model as what comes out."""
    kind = kind_of(task, output)
    if kind == "outputs":
        return jax.tree.map(_mean, *found)
    if kind == "predictions" and task == "classes":
        score = found[0] if len(found) == 1 else _mean(*[_chances(task, o) for o in found])
        return jnp.argmax(score, -1).astype(jnp.int32)
    if task in OF_CHANCES:
        chances = _mean(*[_chances(task, o) for o in found])
        if kind == "probabilities":
            return chances
        if len(found) == 1:
            yes = (found[0] > 0).astype(jnp.int32)
            return yes if several_labels(yes) or yes.ndim == 1 else yes[..., 0]
        return ((chances if several_labels(found[0]) else chances[..., 1]) > 0.5).astype(jnp.int32)
    value = jax.tree.map(lambda *own: _flat(_mean(*[values(o, task) for o in own])), *found)
    return (value > 0).astype(jnp.int32) if task == "sign" else value


def _chances(task: str | None, z: Any) -> Any:
    """`jaxnn.train.reading.probabilities`, traced."""
    if task == "classes":
        return jax.nn.softmax(z, axis=-1)
    if several_labels(z):
        return jax.nn.sigmoid(z)
    one = z if z.ndim > 1 else z[:, None]
    return jnp.concatenate([jax.nn.sigmoid(-one), jax.nn.sigmoid(one)], -1)


def _mean(*found: Any) -> Any:
    return found[0] if len(found) == 1 else sum(found[1:], found[0]) / len(found)


def _flat(value: Any) -> Any:
    return value[:, 0] if value.ndim == 2 and value.shape[-1] == 1 else value


def input_names(x: Any) -> list[str]:
    """Names of the inputs: ``x``, ``x`` and ``mask``, or the keys and places of a tree.

    Example:
        >>> ids, row = jax.ShapeDtypeStruct((1, 5), np.int32), jax.ShapeDtypeStruct((1, 3), np.float32)
        >>> input_names(row), input_names((ids, ids)), input_names({"a": row, "b": (row, row)})
        (['x'], ['x', 'mask'], ['a', 'b_0', 'b_1'])
    """
    if hasattr(x, "shape"):
        return ["x"]
    if isinstance(x, tuple) and len(x) == 2 and all(hasattr(a, "shape") for a in x):
        value, mask = x
        steps = len(mask.shape) == 2 and len(value.shape) > 1 and tuple(value.shape[:2]) == tuple(mask.shape)
        if steps and (len(value.shape) > 2 or not jnp.issubdtype(value.dtype, jnp.floating)):
            return ["x", "mask"]
    return [_joined(path, "x_" if isinstance(x, tuple) else "") for path, _ in jax.tree_util.tree_leaves_with_path(x)]


def _joined(path: Any, before: str = "") -> str:
    return before + jax.tree_util.keystr(path, simple=True, separator="_")


def _about(model: Model, x: Any, outputs: Any, output: str | None) -> dict[str, Any]:
    classes = heads.by_path(model.loss, labels.by_output(model.classes))

    def told(task: Any, own: Any, names: Any) -> dict[str, Any]:
        kind = kind_of(task, output)
        found = {"task": task, "kind": "logits" if kind == "outputs" and task in OF_CHANCES else kind}
        return found | {"classes": None if names is None else [_plain(c) for c in names]}

    facts = read(told, model.loss, outputs, classes)
    many = jax.tree_util.tree_leaves_with_path(outputs)
    shapes = [{"name": _joined(path), **_shape(leaf)} for path, leaf in many]
    known = [heads.pick(facts, path) for path, _ in heads.leaves(model.loss)]
    if len(known) == len(shapes):
        shapes = [own | fact for own, fact in zip(shapes, known, strict=True)]
    for i, one in enumerate(shapes):
        one["name"] = one["name"] or one.get("kind") or f"output_{i}"
    inputs = zip(input_names(x), jax.tree.leaves(x), strict=True)
    return {
        "format": "jaxnn-export-1",
        "jaxnn": __version__,
        "inputs": [{"name": name, **_shape(leaf)} for name, leaf in inputs],
        "outputs": shapes,
        "features": None if model.features is None else list(model.features),
        "columns": None if model.prepare is None else columns.plain(columns.used(model.prepare)),
    }


def _shape(leaf: Any) -> dict[str, Any]:
    return {"shape": [n if isinstance(n, int) else str(n) for n in leaf.shape], "dtype": str(leaf.dtype)}


def _plain(name: Any) -> Any:
    name = name.item() if isinstance(name, np.generic) else name
    return name if isinstance(name, (str, bool, int, float)) else str(name)
