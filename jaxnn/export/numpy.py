"""A model as a file of Python that needs NumPy alone, and its weights beside it."""

import hashlib
import inspect
import io
import keyword
import pprint
import types
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core.files import replace
from jaxnn.core.tree import path_of
from jaxnn.export import columns, formulas, formulas_activations
from jaxnn.export.forward import Forward, kind_of
from jaxnn.export.numpy_composites import COMPOSITES
from jaxnn.export.numpy_layers import LAYERS
from jaxnn.export.numpy_page import Flow, Page
from jaxnn.losses import resolve
from jaxnn.train import heads
from jaxnn.train.reading import several_labels

FORMULAS: dict[str, Any] = {
    name: value
    for module in (formulas_activations, formulas)
    for name, value in vars(module).items()
    if inspect.isfunction(value)
}
"""The functions of which a file holds those that it needs, in the order in which they stand there."""
HEAD = '''\
"""A network that jaxnn {version} trained, in NumPy alone.

    >>> import {module}
    >>> {module}.answer({arguments})    # {shapes}

``ABOUT`` tells what goes in and what comes out. The weights are in {weights}, beside this file.
"""

import hashlib
import io
import math
from pathlib import Path

import numpy as np

ABOUT = {about}


def _weights():
    data = Path(__file__).with_name("{weights}").read_bytes()
    if hashlib.sha256(data).hexdigest() != "{digest}":
        raise ValueError("{weights} is damaged, or was not written with {module}.py; export the model again")
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {{name: file[name] for name in file.files}}


W = _weights()
'''


def write(made: Forward, path: Path) -> None:
    """Write ``path``, a module, and the weights as ``.npz`` beside it.

    Raises:
        ValueError: for a layer without a formula, an ensemble, or a name that Python cannot import.
    """
    if not path.stem.isidentifier():
        raise ValueError(f"{path.stem!r} is no name that Python imports; write letters and digits, as in model.py")
    if len(made.models) > 1:
        raise ValueError('an ensemble has no form in NumPy here; export each run by itself, or write "onnx"')
    page = Page(_named(made), {**LAYERS, **COMPOSITES})
    ends = _ends(made, page)
    beside = path.with_suffix(".npz")
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **page.weights)  # pyright: ignore[reportArgumentType]
    arguments = ", ".join(i["name"] for i in made.about["inputs"])
    head = HEAD.format(
        version=made.about["jaxnn"],
        module=path.stem,
        arguments=arguments,
        shapes=", ".join(f"{i['name']} ({', '.join(map(str, i['shape']))}) {i['dtype']}" for i in made.about["inputs"]),
        about=pprint.pformat(_about(made), width=110, sort_dicts=False),
        weights=beside.name,
        digest=hashlib.sha256(data.getvalue()).hexdigest(),
    )
    parts = [head, *(inspect.getsource(FORMULAS[name]) for name in _needed(page.formulas)), ends]
    replace(beside, data.getvalue())
    replace(path, "\n\n".join(part.strip("\n") + "\n" for part in parts).encode())


def _named(made: Forward) -> dict[str, np.ndarray]:
    """Weights by readable names."""
    (tree,) = made.weights
    scale = {"standardiser": tree["standardiser"]}
    both = [*jax.tree_util.tree_leaves_with_path(tree["params"]), *jax.tree_util.tree_leaves_with_path(tree["state"])]
    return {path_of(path): leaf for path, leaf in (*both, *jax.tree_util.tree_leaves_with_path(scale))}


def _about(made: Forward) -> dict[str, Any]:
    (model,) = made.models
    whole = None if model.prepare is None else [c._asdict() for c in columns.used(model.prepare)]
    return made.about | {"columns": whole}


def _ends(made: Forward, page: Page) -> str:
    """The functions ``outputs`` and ``answer``."""
    (model,) = made.models
    names = [i["name"] for i in made.about["inputs"]]
    odd = next((name for name in names if not _is_free(name)), None)
    if odd is not None:
        raise ValueError(
            f'the input {odd!r:.80} is no name that a function of Python may have; write nn.export(run, "onnx")'
        )
    arguments = ", ".join(names)
    for told in made.about["inputs"]:
        page.lines.append(f"    {told['name']} = np.asarray({told['name']}, np.{told['dtype']})")
    if model.prepare is not None:
        page.lines.append("    x = " + page.call("prepared", "x", 'ABOUT["columns"]'))
    flow = _begin(made, page, names)
    end = page.layer(model.spec, "", flow)
    page.lines.append(f"    return {_tree(end.x)}")
    lines = [f"def outputs({arguments}):", '    """What the last layer gives."""', *page.lines, "", ""]
    lines += [f"def answer({arguments}):", '    """What ABOUT["outputs"] tells of."""', f"    y = outputs({arguments})"]
    return "\n".join([*lines, f"    return {_read(made, page, model.loss, made.raw, 'y')}"])


def _is_free(name: str) -> bool:
    """Whether an argument may be called so, beside what a module has."""
    taken = {"np", "W", "ABOUT", "math", "io", "hashlib", "Path", "outputs", "answer", "y", *FORMULAS}
    return name.isidentifier() and not keyword.iskeyword(name) and name not in taken


def _begin(made: Forward, page: Page, names: list[str]) -> Flow:
    """The inputs, scaled where they were; zeros in steps that are not real."""
    tree, structure = list(names), jax.tree.structure(made.x)
    masked = names == ["x", "mask"]
    for i, name in enumerate(names):
        key = "" if hasattr(made.x, "shape") else _path(made.x, i)
        mean, scale = (
            page.weight(f"standardiser/{what}", key) or page.weight("standardiser", what) for what in ("mean", "scale")
        )
        if mean and (key == "" or f"standardiser/mean/{key}" in page.weights):
            tree[i] = page.put(f"({name} - {mean}) / {scale}")
    if masked:
        return Flow(page.put(page.call("real_steps", tree[0], "mask")), "mask")
    return Flow(jax.tree.unflatten(structure, tree))


def _path(tree: Any, i: int) -> str:
    """The path of leaf ``i``, as a standardiser has it."""
    path, _ = jax.tree_util.tree_leaves_with_path(tree)[i]
    return jax.tree_util.keystr(path, simple=True, separator=".")


def _tree(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{key!r}: {_tree(part)}" for key, part in tree.items()) + "}"
    return f"({', '.join(map(_tree, tree))},)" if isinstance(tree, tuple) else tree


def _read(made: Forward, page: Page, loss: Any, outputs: Any, name: str) -> str:
    """An expression that reads outputs as they come out."""
    if heads.is_node(loss):
        parts = {
            key: _read(made, page, own, heads.pick(outputs, (key,)), f"{name}[{key!r}]")
            for key, own in heads.items(loss)
        }
        return _tree(parts if isinstance(loss, dict) else tuple(parts.values()))
    task = resolve(loss).task
    kind = kind_of(task, made.how)
    if kind == "outputs" or not hasattr(outputs, "shape"):
        return name
    several = task == "binary" and several_labels(outputs)
    if kind == "probabilities":
        return page.call("softmax" if task == "classes" else "sigmoid" if several else "binary", name)
    if task == "classes":
        return f"{name}.argmax(-1)"
    if task == "binary":
        yes = f"({name} > 0).astype(int)"
        return yes if several or len(outputs.shape) == 1 else f"{yes}[..., 0]"
    value = {"counts": f"np.exp({name})", "normal": f"{name}[..., : {name}.shape[-1] // 2]"}.get(task or "", name)
    value = page.call("column", value) if _one(outputs) else value
    return f"({value} > 0).astype(int)" if task == "sign" else value


def _one(outputs: Any) -> bool:
    """Whether there is one value a row, or one after half of them is left out."""
    return len(outputs.shape) == 2 and outputs.shape[-1] in (1, 2)


def _needed(names: set[str]) -> list[str]:
    """The formulas that these use, in the order in which they stand."""
    found, new = set(), set(names)
    while new:
        found |= new
        new = {n for name in new for n in _reads(FORMULAS[name].__code__)} - found
    return [name for name in FORMULAS if name in found]


def _reads(code: types.CodeType) -> set[str]:
    inner = {n for part in code.co_consts if isinstance(part, types.CodeType) for n in _reads(part)}
    return inner | {n for n in code.co_names if n in FORMULAS}
