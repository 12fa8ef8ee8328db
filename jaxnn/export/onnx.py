"""A model as an ONNX file, which ONNX Runtime, TensorRT and many others run.

The model is traced and its operations are written one by one, so that what can be traced can be exported, layers of
one's own as well. Loops over time or depth become ``Scan``. The number of rows stays open.

No form have: sorting, random numbers, ``while`` loops whose number of turns is not known, complex numbers, indexing by
arrays along several axes at once, and windows over batch or channels. They are refused with the layer they belong to.

TensorRT builds an engine from the file by its documented route, ``trtexec --onnx=model.onnx --saveEngine=model.plan
--minShapes=x:1x64 --optShapes=x:64x64 --maxShapes=x:1024x64``; this was not tried here, for want of TensorRT.
"""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core.files import replace
from jaxnn.core.plain import plain_operations
from jaxnn.core.tree import path_of
from jaxnn.export.forward import Forward
from jaxnn.export.onnx_graph import KINDS, Graph, constant_value, narrow
from jaxnn.export.onnx_walk import walk

OPSET, IR = 18, 9
"""What TensorRT 10 and ONNX Runtime 1.17 and later read."""
LIMIT = 2**31 - 2**20
"""Bytes of one file of protocol buffers, at most."""


def write(made: Forward, path: Path) -> None:
    """Write the file; its metadata hold ``about`` as JSON.

    Raises:
        ValueError: for an operation that has no form in ONNX, with the layer it belongs to; for more than 2 GB.
        ImportError: without the package ``onnx``.
    """
    replace(path, model_of(made).SerializeToString())


def model_of(made: Forward) -> Any:
    """The ``onnx.ModelProto`` of a model."""
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ImportError:
        raise ImportError('this needs the package onnx; write pip install "jaxnn-grid[onnx]"') from None
    bytes_of = sum(leaf.nbytes for leaf in jax.tree.leaves(made.weights))
    if bytes_of > LIMIT:
        raise ValueError(f'{bytes_of / 1e9:.1f} GB of weights are more than an ONNX file holds; write "stablehlo"')
    graph, outputs = _graph(made)
    nodes, needed = _needed(graph.nodes, {info.name for info in outputs})
    constants = [numpy_helper.from_array(a, name) for name, a in graph.constants if name in needed]
    leaves = zip(made.about["inputs"], jax.tree.leaves(made.x), strict=True)
    inputs = [
        helper.make_tensor_value_info(i["name"], KINDS[str(narrow(leaf.dtype))], i["shape"]) for i, leaf in leaves
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "jaxnn", inputs, outputs, constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR,
        producer_name="jaxnn",
        producer_version=made.about["jaxnn"],
    )
    helper.set_model_props(model, {"jaxnn": json.dumps(made.about)})
    onnx.checker.check_model(model)
    return model


def _graph(made: Forward) -> tuple[Graph, list[Any]]:
    from onnx import helper

    with plain_operations():
        closed = jax.make_jaxpr(made.function)(made.weights, made.x)
    rows = jax.tree.leaves(made.x)[0].shape[0]
    graph = Graph(None if isinstance(rows, int) else rows)
    weights = [constant_value(leaf, _label(path)) for path, leaf in jax.tree_util.tree_leaves_with_path(made.weights)]
    names = [graph.fresh(i["name"]) for i in made.about["inputs"]]
    graph.rows_of = names[0]
    inputs = [graph.value(name, leaf) for name, leaf in zip(names, jax.tree.leaves(made.x), strict=True)]
    outputs = [graph.fresh(o["name"]) for o in made.about["outputs"]]
    for told, name in zip((*made.about["inputs"], *made.about["outputs"]), (*names, *outputs), strict=True):
        told["name"] = name
    results = walk(graph, closed, [*weights, *inputs])
    infos = []
    for name, value, told in zip(outputs, results, made.about["outputs"], strict=True):
        graph.nodes.append(helper.make_node("Identity", [graph.full(value)], [name], name=name))
        infos.append(helper.make_tensor_value_info(name, KINDS[str(value.dtype)], told["shape"]))
    return graph, infos


def _label(path: Any) -> str:
    """The path of a weight, without the words that say nothing where there is one model."""
    parts = path_of(path).split("/")
    return "/".join(part for part in parts if part not in ("0", "params", "state"))


def _needed(nodes: list[Any], names: set[str]) -> tuple[list[Any], set[str]]:
    """The nodes that something needs, and the names of all that they read."""
    kept = []
    for node in reversed(nodes):
        if names & {*node.output}:
            kept.append(node)
            names = names | _reads(node)
    return kept[::-1], names


def _reads(node: Any) -> set[str]:
    found = {*node.input}
    for attribute in node.attribute:
        for inner in attribute.g.node:
            found |= _reads(inner)
    return found


def runs(path: Path) -> Any:
    """A function that answers from a file by ONNX Runtime, inputs and outputs by name; for tests and trials.

    Raises:
        ValueError: for a file that is not there or is damaged.
        ImportError: without the package ``onnxruntime``.
    """
    try:
        import onnxruntime
    except ImportError:
        raise ImportError("this needs the package onnxruntime; write pip install onnxruntime") from None
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    try:
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ValueError(f"{path} is damaged or no ONNX file: {str(error).splitlines()[0]}") from None

    def answer(**inputs: Any) -> dict[str, np.ndarray]:
        names = [o.name for o in session.get_outputs()]
        answers = session.run(None, {name: np.asarray(value) for name, value in inputs.items()})
        return {name: np.asarray(own) for name, own in zip(names, answers, strict=True)}

    return answer
