"""Loops over an axis and branches as nodes of ONNX, which hold graphs of their own."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxnn.export.onnx_graph import KINDS, Graph, Value, constant_value, narrow


def _info(name: str, shape: Sequence | None, dtype: Any) -> Any:
    from onnx import helper

    dims = None if shape is None else [n if isinstance(n, int) else None for n in shape]
    return helper.make_tensor_value_info(name, KINDS[str(narrow(dtype))], dims)


def _inside(graph: Graph, closed: Any, values: Sequence[Value], inputs: Sequence[Any], name: str) -> Any:
    """A graph for the body of a loop or for a branch; it reads the tensors around it by name."""
    from onnx import helper

    from jaxnn.export.onnx_walk import walk

    body = Graph(above=graph)
    made = walk(body, closed, values, graph.scope)
    outputs = [body.node("Identity", body.full(value)) for value in made]
    told = [_info(n, v.shape, v.dtype) for n, v in zip(outputs, made, strict=True)]
    return helper.make_graph(body.nodes, graph.fresh(name), list(inputs), told)


def _scan(graph: Graph, equation: Any, *values: Value) -> list[Value]:
    """`jax.lax.scan` as ``Scan``: constants are read from around, carries and slices are its inputs."""
    p, closed = equation.params, equation.params["jaxpr"]
    body_of = getattr(closed, "jaxpr", closed)
    avals = [v.aval for v in body_of.invars]
    carried = len(equation.outvars) - _sliced(equation.outvars, body_of.outvars)
    fixed = len(avals) - carried - _sliced(equation.invars, avals)
    names = [graph.fresh(f"{graph.scope}/step") for _ in avals[fixed:]]
    inside = [graph.value(n, a) for n, a in zip(names, avals[fixed:], strict=True)]
    inputs = [_info(n, a.shape, a.dtype) for n, a in zip(names, avals[fixed:], strict=True)]
    outside = [graph.full(v) for v in values[fixed:]]
    if len(outside) == carried:  # ONNX counts by what it reads
        steps = graph.fresh(f"{graph.scope}/step")
        inputs.append(_info(steps, (), np.dtype(np.int64)))
        outside.append(graph.constant(np.arange(p["length"], dtype=np.int64)))
    body = _inside(graph, closed, [*values[:fixed], *inside], inputs, "body")
    read, written = len(outside) - carried, len(equation.outvars) - carried
    turned = {"scan_input_directions": [1] * read, "scan_output_directions": [1] * written} if p["reverse"] else {}
    made = graph.nodes_out(
        "Scan", len(equation.outvars), *outside, body=body, num_scan_inputs=read,
        **{name: flags for name, flags in turned.items() if flags},
    )  # fmt: skip
    return [graph.value(name, var.aval) for name, var in zip(made, equation.outvars, strict=True)]


def _sliced(outside: Sequence[Any], inside: Sequence[Any]) -> int:
    """How many arrays a body sees one slice of at a time. Their shapes tell; the parameters change with JAX."""
    pairs = zip(outside, inside, strict=True)
    return sum(len(v.aval.shape) > len(getattr(a, "aval", a).shape) for v, a in pairs)


def _cond(graph: Graph, equation: Any, which: Value, *values: Value) -> list[Value]:
    from jaxnn.export.onnx_walk import walk

    branches = equation.params["branches"]
    if which.constant is not None:
        place = min(max(int(which.constant), 0), len(branches) - 1)
        return walk(graph, branches[place], values, graph.scope)
    if len(branches) != 2:
        raise ValueError(f"a choice among {len(branches)} branches")
    no, yes = (_inside(graph, branch, values, (), "branch") for branch in branches)
    chosen = graph.node("Cast", graph.full(which), to=KINDS["bool"])
    made = graph.nodes_out("If", len(equation.outvars), chosen, then_branch=yes, else_branch=no)
    return [graph.value(name, var.aval) for name, var in zip(made, equation.outvars, strict=True)]


def _platform(graph: Graph, equation: Any) -> Value:
    """Which form of `jax.lax.platform_dependent`: that of a CPU, which is plain, or the one for all others."""
    forms = equation.params["platforms"]
    place = next((i for i, form in enumerate(forms) if form and "cpu" in form), None)
    place = next((i for i, form in enumerate(forms) if form is None), len(forms) - 1) if place is None else place
    return constant_value(np.asarray(place, np.int32))


CONTROL: dict[str, Callable] = {"scan": _scan, "cond": _cond, "platform_index": _platform}
"""What writes a primitive, by its name."""
