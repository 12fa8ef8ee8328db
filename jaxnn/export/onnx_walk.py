"""A traced function, equation by equation, as an ONNX graph."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxnn.export.onnx_arrays import ARRAYS
from jaxnn.export.onnx_control import CONTROL
from jaxnn.export.onnx_elementwise import ELEMENTWISE
from jaxnn.export.onnx_graph import Graph, Value, constant_value, known, spread
from jaxnn.export.onnx_products import PRODUCTS

OPERATIONS = {**ELEMENTWISE, **ARRAYS, **PRODUCTS, **CONTROL}
"""What writes a primitive of JAX, by its name: ``(graph, equation, *values) -> a value or a list of them``."""
INSIDE = ("jaxpr", "call_jaxpr", "fun_jaxpr")
CALLS = {"jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr",
         "remat", "remat2", "checkpoint"}  # fmt: skip
SMALL = 2**16
"""Numbers of a constant that may be computed beforehand, however few it was made of."""


def walk(graph: Graph, closed: Any, values: Sequence[Value], scope: str = "") -> list[Value]:
    """Write all equations of a traced function; what depends on no input is computed now.

    Args:
        graph: where to.
        closed: of `jax.make_jaxpr`, or a part of it.
        values: its arguments.
        scope: the layer that this is a part of.

    Returns:
        Its results.

    Raises:
        ValueError: for an operation that has no form in ONNX, with the layer it belongs to.
    """
    jaxpr, constants = getattr(closed, "jaxpr", closed), getattr(closed, "consts", ())
    found = dict(zip(jaxpr.invars, values, strict=True))
    found |= dict(zip(jaxpr.constvars, map(constant_value, constants), strict=True))
    for equation in jaxpr.eqns:
        own = [_value(v, found) for v in equation.invars]
        graph.scope = _inner(scope, str(equation.source_info.name_stack))
        found |= dict(zip(equation.outvars, _written(graph, equation, own), strict=True))
    graph.scope = scope
    return [_value(v, found) for v in jaxpr.outvars]


def _value(variable: Any, found: dict[Any, Value]) -> Value:
    """What a variable stands for; a literal holds its number."""
    if hasattr(variable, "val"):
        return constant_value(np.asarray(variable.val, variable.aval.dtype))
    return found[variable]


def _inner(scope: str, name: str) -> str:
    return "/".join(part for part in (scope, name) if part)


def _written(graph: Graph, equation: Any, values: list[Value]) -> list[Value]:
    name, scope = equation.primitive.name, graph.scope
    if name in CALLS:
        inside = next(equation.params[key] for key in INSIDE if key in equation.params)
        return walk(graph, inside, values, scope)
    if name not in ("platform_index", "broadcast_in_dim") and _foldable(equation, values):
        return _folded(equation, values)
    if name not in OPERATIONS:
        raise ValueError(_refusal(scope, f"the operation {name!r} has no form in ONNX here"))
    try:
        made = OPERATIONS[name](graph, equation, *values)
    except (ValueError, NotImplementedError) as error:
        told = str(error)
        raise ValueError(told if "stablehlo" in told else _refusal(scope, f"{name}: {told}")) from error
    return made if isinstance(made, list) else [made]


def _refusal(scope: str, reason: str) -> str:
    return f'{scope or "the model"}: {reason}; write nn.export(run, "stablehlo", path), which holds every model'


def _foldable(equation: Any, values: list[Value]) -> bool:
    """Whether the results are known now, and not much larger than what they are made of."""
    sizes = [v.aval.shape for v in equation.outvars]
    if not all(v.constant is not None for v in values) or not all(map(known, sizes)):
        return False
    held = sum(v.constant.size for v in values if v.constant is not None)
    return sum(int(np.prod(s)) for s in sizes) <= max(4 * held, SMALL)


def _folded(equation: Any, values: list[Value]) -> list[Value]:
    labels = {v.name for v in values if v.name}
    arrays = [np.asarray(spread(v), var.aval.dtype) for v, var in zip(values, equation.invars, strict=True)]
    with jax.default_matmul_precision("highest"):  # whichever device it is
        made = equation.primitive.bind(*map(jax.numpy.asarray, arrays), **equation.params)
    label = labels.pop() if len(labels) == 1 else None
    return [constant_value(np.asarray(a), label) for a in (made if equation.primitive.multiple_results else [made])]
