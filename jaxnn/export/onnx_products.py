"""Products, convolutions and windows as nodes of ONNX, whose images have their channels first."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxnn.export.onnx_arrays import padded, stretched
from jaxnn.export.onnx_graph import Graph, Value


def _dot(graph: Graph, equation: Any, a: Value, b: Value) -> Value:
    """``a @ b`` over any axes: those of the batch first, those that are summed in the middle."""
    (sum_a, sum_b), (batch_a, batch_b) = equation.params["dimension_numbers"]
    aval = equation.outvars[0].aval
    rank = len(a.shape)
    if not batch_a and tuple(sum_a) == (rank - 1,) and tuple(sum_b) == (0,) and len(b.shape) == 2 and rank > 1:
        return graph.value(graph.node("MatMul", graph.full(a), graph.full(b)), aval)
    free_a = [i for i in range(rank) if i not in (*sum_a, *batch_a)]
    free_b = [i for i in range(len(b.shape)) if i not in (*sum_b, *batch_b)]
    left = _laid(graph, a, [batch_a, free_a, sum_a])
    right = _laid(graph, b, [batch_b, sum_b, free_b])
    made = graph.node("MatMul", left, right)
    if len(free_a) == len(free_b) == 1:
        return graph.value(made, aval)
    return graph.value(graph.reshape(made, aval.shape), aval)


def _laid(graph: Graph, value: Value, groups: Sequence[Sequence[int]]) -> str:
    """A tensor whose axes are in the order of the groups; the first group stays apart, each other becomes one axis."""
    order = [i for group in groups for i in group]
    name = graph.full(value)
    name = name if order == sorted(order) else graph.node("Transpose", name, perm=order)
    if all(len(group) == 1 for group in groups[1:]):
        return name
    sizes = [math.prod([value.shape[i] for i in group]) for group in groups[1:]]
    return graph.reshape(name, [*(value.shape[i] for i in groups[0]), *sizes])


def _conv(graph: Graph, equation: Any, x: Value, kernel: Value) -> Value:
    p = equation.params
    numbers, spatial = p["dimension_numbers"], len(x.shape) - 2
    if p["batch_group_count"] != 1:
        raise ValueError("groups over the batch")
    image = graph.node("Transpose", graph.full(x), perm=list(numbers.lhs_spec))  # (batch, channels, *size)
    taps = graph.node("Transpose", graph.full(kernel), perm=list(numbers.rhs_spec))  # (filters, channels, *taps)
    shape = [x.shape[i] for i in numbers.lhs_spec]
    image, shape = stretched(graph, image, shape, [1, 1, *p["lhs_dilation"]])
    low, high = zip(*p["padding"], strict=True)
    if min(*low, *high) < 0:
        image = padded(graph, image, shape, [0, 0, *low], [0, 0, *high], "")
        low = high = (0,) * spatial
    made = graph.node(
        "Conv", image, taps, strides=list(p["window_strides"]), pads=[*low, *high], dilations=list(p["rhs_dilation"]),
        group=p["feature_group_count"], kernel_shape=[kernel.shape[i] for i in numbers.rhs_spec[2:]],
    )  # fmt: skip
    back = [numbers.out_spec.index(i) for i in range(len(x.shape))]
    return graph.value(graph.node("Transpose", made, perm=back), equation.outvars[0].aval)


def _windows(op: str) -> Callable:
    """Windows over the axes between the first and the last."""

    def write(graph: Graph, equation: Any, x: Value) -> Value:
        p, rank = equation.params, len(x.shape)
        window, strides, pads = p["window_dimensions"], p["window_strides"], p["padding"]
        edges = [v[i] for v in (window, strides) for i in (0, -1)] + [sum(pads[i]) for i in (0, -1)]
        if edges != [1, 1, 1, 1, 0, 0] or rank < 3 or {*p["base_dilation"], *p["window_dilation"]} != {1}:
            raise ValueError("windows over the batch or the channels, or with gaps")
        image = graph.node("Transpose", graph.full(x), perm=[0, rank - 1, *range(1, rank - 1)])
        ends = [low for low, _ in pads[1:-1]] + [high for _, high in pads[1:-1]]
        more = {"count_include_pad": 1} if op == "AveragePool" else {}
        shape, steps = list(window[1:-1]), list(strides[1:-1])
        made = graph.node(op, image, kernel_shape=shape, strides=steps, pads=ends, **more)
        if op == "AveragePool":
            made = graph.node("Mul", made, graph.constant(np.float32(math.prod(shape))))
        back = graph.node("Transpose", made, perm=[0, *range(2, rank), 1])
        return graph.value(back, equation.outvars[0].aval)

    return write


PRODUCTS: dict[str, Callable] = {
    "dot_general": _dot,
    "conv_general_dilated": _conv,
    "reduce_window_max": _windows("MaxPool"),
    "reduce_window_sum": _windows("AveragePool"),
}
"""What writes a primitive, by its name."""
