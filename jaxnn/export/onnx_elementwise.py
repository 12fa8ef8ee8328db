"""Primitives that work on each number by itself, as nodes of ONNX."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxnn.export.onnx_graph import KINDS, Graph, Value, narrow

SAME = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "max": "Max", "min": "Min", "pow": "Pow", "neg": "Neg",
    "exp": "Exp", "log": "Log", "tanh": "Tanh", "logistic": "Sigmoid", "sin": "Sin", "cos": "Cos", "tan": "Tan",
    "asin": "Asin", "acos": "Acos", "atan": "Atan", "sinh": "Sinh", "cosh": "Cosh", "asinh": "Asinh",
    "acosh": "Acosh", "atanh": "Atanh", "sqrt": "Sqrt", "abs": "Abs", "sign": "Sign", "floor": "Floor",
    "ceil": "Ceil", "erf": "Erf", "eq": "Equal", "lt": "Less", "le": "LessOrEqual", "gt": "Greater",
    "ge": "GreaterOrEqual",
}  # fmt: skip
"""Primitives that are one node."""
BITS = {"and": ("And", "BitwiseAnd"), "or": ("Or", "BitwiseOr"), "xor": ("Xor", "BitwiseXor"),
        "not": ("Not", "BitwiseNot")}  # fmt: skip


class Arithmetic:
    """Formulas over tensors by name, for primitives that are several nodes."""

    def __init__(self, graph: Graph):
        self._graph = graph

    def __call__(self, op: str, *parts: Any, **attributes: Any) -> str:
        """A node whose inputs are names of tensors or numbers."""
        names = [part if isinstance(part, str) else self._graph.constant(np.float32(part)) for part in parts]
        return self._graph.node(op, *names, **attributes)


def joined(graph: Graph, equation: Any, name: str, *values: Value) -> Value:
    """A tensor that ONNX made of others by broadcasting, as the value of an equation."""
    aval = equation.outvars[0].aval
    stored = [1] * len(aval.shape)
    for value in values:
        for axis, n in zip(range(len(stored) - 1, -1, -1), reversed(value.stored), strict=False):
            stored[axis] = n if isinstance(stored[axis], int) and stored[axis] == 1 else stored[axis]
    return graph.value(name, aval, stored)


def _one(op: str) -> Callable:
    def write(graph: Graph, equation: Any, *values: Value) -> Value:
        if op == "Max" and _is_zero(values[1]):
            return joined(graph, equation, graph.node("Relu", graph.tensor(values[0])), *values)
        return joined(graph, equation, graph.node(op, *map(graph.tensor, values)), *values)

    return write


def _is_zero(value: Value) -> bool:
    return value.constant is not None and value.dtype.kind == "f" and not value.shape and not value.constant.any()


def _formula(function: Callable) -> Callable:
    """A primitive of one input as ``function(arithmetic, name, equation)``."""

    def write(graph: Graph, equation: Any, value: Value) -> Value:
        return joined(graph, equation, function(Arithmetic(graph), graph.tensor(value), equation), value)

    return write


def _log1p(f: Arithmetic, x: str, _: Any) -> str:
    """``log(1 + x)`` without the digits that ``1 + x`` loses: ``log(u) x / (u - 1)`` where ``u = 1 + x`` (Kahan)."""
    u = f("Add", x, 1)
    near = f("Div", f("Mul", f("Log", u), x), f("Sub", u, 1))
    return f("Where", f("Equal", u, 1), x, f("Where", f("Greater", x, 1), f("Log", u), near))


def _expm1(f: Arithmetic, x: str, _: Any) -> str:
    """``exp(x) - 1`` likewise: ``(u - 1) x / log(u)`` where ``u = exp(x)``."""
    u = f("Exp", x)
    less = f("Sub", u, 1)
    near = f("Where", f("Equal", u, 1), x, f("Div", f("Mul", less, x), f("Log", u)))
    return f("Where", f("Less", f("Abs", x), 1), near, less)


def _round(f: Arithmetic, x: str, equation: Any) -> str:
    if int(equation.params["rounding_method"]) == 1:
        return f("Round", x)  # to even
    return f("Mul", f("Sign", x), f("Floor", f("Add", f("Abs", x), 0.5)))


def _power(f: Arithmetic, x: str, equation: Any) -> str:
    y = equation.params["y"]
    return f("Mul", x, x) if y == 2 else f("Reciprocal", x) if y == -1 else f("Pow", x, y)


def _bits(name: str) -> Callable:
    def write(graph: Graph, equation: Any, *values: Value) -> Value:
        op = BITS[name][values[0].dtype.kind != "b"]
        return joined(graph, equation, graph.node(op, *map(graph.tensor, values)), *values)

    return write


def _cast(graph: Graph, equation: Any, value: Value) -> Value:
    aval = equation.outvars[0].aval
    wanted = narrow(aval.dtype)
    if wanted == value.dtype:
        return value
    return graph.value(graph.node("Cast", graph.tensor(value), to=KINDS[str(wanted)]), aval, value.stored)


def _select(graph: Graph, equation: Any, which: Value, *cases: Value) -> Value:
    names = [graph.tensor(case) for case in cases]
    if which.dtype.kind == "b":
        made = graph.node("Where", graph.tensor(which), names[1], names[0])
        return joined(graph, equation, made, which, *cases)
    made = names[0]
    for i, name in enumerate(names[1:], start=1):
        here = graph.node("Equal", graph.tensor(which), graph.constant(np.asarray(i, which.dtype)))
        made = graph.node("Where", here, name, made)
    return joined(graph, equation, made, which, *cases)


def _clamp(graph: Graph, equation: Any, low: Value, x: Value, high: Value) -> Value:
    made = graph.node("Min", graph.node("Max", graph.tensor(x), graph.tensor(low)), graph.tensor(high))
    return joined(graph, equation, made, low, x, high)


def _remainder(graph: Graph, equation: Any, x: Value, y: Value) -> Value:
    return joined(graph, equation, graph.node("Mod", graph.tensor(x), graph.tensor(y), fmod=1), x, y)


def _unequal(graph: Graph, equation: Any, x: Value, y: Value) -> Value:
    return joined(graph, equation, graph.node("Not", graph.node("Equal", graph.tensor(x), graph.tensor(y))), x, y)


ELEMENTWISE: dict[str, Callable] = {
    **{name: _one(op) for name, op in SAME.items()},
    **{name: _bits(name) for name in BITS},
    "square": _formula(lambda f, x, _: f("Mul", x, x)),
    "rsqrt": _formula(lambda f, x, _: f("Reciprocal", f("Sqrt", x))),
    "cbrt": _formula(lambda f, x, _: f("Mul", f("Sign", x), f("Pow", f("Abs", x), 1 / 3))),
    "exp2": _formula(lambda f, x, _: f("Pow", 2, x)),
    "erfc": _formula(lambda f, x, _: f("Sub", 1, f("Erf", x))),
    "log1p": _formula(_log1p),
    "expm1": _formula(_expm1),
    "round": _formula(_round),
    "integer_pow": _formula(_power),
    "is_finite": _formula(lambda f, x, _: f("Not", f("Or", f("IsInf", x), f("IsNaN", x)))),
    "convert_element_type": _cast,
    "select_n": _select,
    "clamp": _clamp,
    "rem": _remainder,
    "ne": _unequal,
}
"""What writes a primitive, by its name."""
