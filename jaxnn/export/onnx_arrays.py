"""Primitives that move numbers, and those that gather them along axes, as nodes of ONNX."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from jaxnn.export.onnx_graph import KINDS, LAST, Graph, Value, known, narrow, spread

REDUCTIONS = {"reduce_sum": "ReduceSum", "reduce_max": "ReduceMax", "reduce_min": "ReduceMin",
              "reduce_prod": "ReduceProd"}  # fmt: skip

SAME = ("stop_gradient", "copy", "copy_p", "optimization_barrier", "reduce_precision", "sharding_constraint",
        "layout_constraint", "pvary")  # fmt: skip
"""Primitives that change no number."""


def _result(graph: Graph, equation: Any, name: str) -> Value:
    return graph.value(name, equation.outvars[0].aval)


def _same(graph: Graph, equation: Any, *values: Value) -> list[Value]:
    return list(values)


def _reshape(graph: Graph, equation: Any, value: Value) -> Value:
    return _result(graph, equation, graph.reshape(graph.full(value), equation.outvars[0].aval.shape))


def _squeeze(graph: Graph, equation: Any, value: Value) -> Value:
    axes = [axis % len(value.shape) for axis in equation.params["dimensions"]]
    stored = [n for axis, n in enumerate(value.stored) if axis not in axes]
    made = graph.node("Squeeze", graph.tensor(value), graph.whole(*axes))
    return graph.value(made, equation.outvars[0].aval, stored)


def _broadcast(graph: Graph, equation: Any, value: Value) -> Value:
    """New axes of 1; the rest waits until somebody needs it."""
    aval, places = equation.outvars[0].aval, equation.params["broadcast_dimensions"]
    stored = [1] * len(aval.shape)
    for place, n in zip(places, value.stored, strict=True):
        stored[place] = n
    if value.constant is not None:
        array = value.constant.reshape(stored)
        return Value(tuple(aval.shape), tuple(stored), value.dtype, value.name, array)
    new = [axis for axis in range(len(stored)) if axis not in places]
    made = graph.node("Unsqueeze", graph.tensor(value), graph.whole(*new)) if new else graph.tensor(value)
    return graph.value(made, aval, stored)


def _transpose(graph: Graph, equation: Any, value: Value) -> Value:
    order = equation.params["permutation"]
    made = graph.node("Transpose", graph.tensor(value), perm=list(order))
    return graph.value(made, equation.outvars[0].aval, [value.stored[i] for i in order])


def _concatenate(graph: Graph, equation: Any, *values: Value) -> Value:
    axis = equation.params["dimension"]
    return _result(graph, equation, graph.node("Concat", *map(graph.full, values), axis=axis))


def _stack(graph: Graph, equation: Any, *values: Value) -> Value:
    axis = equation.params["axis"]
    parts = [graph.node("Unsqueeze", graph.full(v), graph.whole(axis)) for v in values]
    return _result(graph, equation, graph.node("Concat", *parts, axis=axis))


def _split(graph: Graph, equation: Any, value: Value) -> list[Value]:
    sizes, axis = equation.params["sizes"], equation.params["axis"]
    if len(sizes) == 1:
        return [value]
    made = graph.nodes_out("Split", len(sizes), graph.full(value), graph.whole(*sizes), axis=axis)
    return [graph.value(name, var.aval) for name, var in zip(made, equation.outvars, strict=True)]


def cut(graph: Graph, name: str, starts: Sequence, ends: Sequence, steps: Sequence, shape: Sequence) -> str:
    """``name[starts:ends:steps]`` along every axis; whole axes are left alone."""
    axes = [i for i, n in enumerate(shape) if not (starts[i] == 0 and ends[i] == n and steps[i] == 1)]
    if not axes:
        return name
    bounds = [graph.dims([part[i] for i in axes]) for part in (starts, ends)]
    return graph.node("Slice", name, *bounds, graph.whole(*axes), graph.whole(*(steps[i] for i in axes)))


def _slice(graph: Graph, equation: Any, value: Value) -> Value:
    p, rank = equation.params, len(value.shape)
    steps = p["strides"] or (1,) * rank
    return _result(
        graph, equation, cut(graph, graph.full(value), p["start_indices"], p["limit_indices"], steps, value.shape)
    )


def _dynamic_slice(graph: Graph, equation: Any, value: Value, *starts: Value) -> Value:
    """A slice whose place is computed, moved inside where it would reach over the end."""
    sizes, full = equation.params["slice_sizes"], graph.full(value)
    moving = [i for i, (n, size) in enumerate(zip(value.shape, sizes, strict=True)) if n != size]
    if not moving:
        return _result(graph, equation, full)
    places = [graph.node("Cast", graph.reshape(graph.full(starts[i]), [1]), to=KINDS["int64"]) for i in moving]
    first = places[0] if len(places) == 1 else graph.node("Concat", *places, axis=0)
    last = graph.dims([value.shape[i] - sizes[i] for i in moving])
    first = graph.node("Min", graph.node("Max", first, graph.whole(0)), last)
    end = graph.node("Add", first, graph.whole(*(sizes[i] for i in moving)))
    return _result(graph, equation, graph.node("Slice", full, first, end, graph.whole(*moving)))


def _rev(graph: Graph, equation: Any, value: Value) -> Value:
    axes = equation.params["dimensions"]
    ones = [-1] * len(axes)
    bounds = graph.whole(*ones), graph.whole(*[LAST] * len(axes)), graph.whole(*axes), graph.whole(*ones)
    return _result(graph, equation, graph.node("Slice", graph.full(value), *bounds))


def stretched(graph: Graph, name: str, shape: Sequence, factors: Sequence[int]) -> tuple[str, list]:
    """Zeros between the entries of each axis, ``factor - 1`` of them; returns the tensor and its shape."""
    shape = list(shape)
    for axis, factor in enumerate(factors):
        if factor == 1 or shape[axis] == 0:
            continue
        apart = graph.reshape(name, [*shape[: axis + 1], 1, *shape[axis + 1 :]])
        ends = [0] * (len(shape) + 1) * 2
        ends[len(shape) + 1 + axis + 1] = factor - 1
        wide = [*shape[:axis], shape[axis] * factor, *shape[axis + 1 :]]
        name = graph.reshape(graph.node("Pad", apart, graph.whole(*ends)), wide)
        shape[axis] = (shape[axis] - 1) * factor + 1
        name = cut(graph, name, [0] * len(shape), shape, [1] * len(shape), wide)
    return name, shape


def padded(graph: Graph, name: str, shape: Sequence, low: Sequence[int], high: Sequence[int], value: str) -> str:
    """A tensor with entries added at both ends of each axis, or cut off where the count is below 0."""
    less = [(max(-a, 0), n + min(b, 0)) for a, b, n in zip(low, high, shape, strict=True)]
    name = cut(graph, name, [a for a, _ in less], [b for _, b in less], [1] * len(less), shape)
    more = [max(a, 0) for a in (*low, *high)]
    return graph.node("Pad", name, graph.whole(*more), value) if any(more) else name


def _pad(graph: Graph, equation: Any, value: Value, filling: Value) -> Value:
    low, high, between = zip(*equation.params["padding_config"], strict=True)
    if any(between) and not (filling.constant is not None and not filling.constant.any()):
        raise ValueError("padding between entries by another number than 0")
    name, shape = stretched(graph, graph.full(value), value.shape, [n + 1 for n in between])
    return _result(graph, equation, padded(graph, name, shape, low, high, graph.tensor(filling)))


def _iota(graph: Graph, equation: Any) -> Value:
    aval, axis = equation.outvars[0].aval, equation.params["dimension"]
    stored = [1] * len(aval.shape)
    stored[axis] = aval.shape[axis]
    if known(stored):
        array = np.arange(stored[axis]).astype(narrow(aval.dtype)).reshape(stored)
        return Value(tuple(aval.shape), tuple(stored), array.dtype, None, array)
    zero, one = (graph.constant(np.asarray(n, np.int64)) for n in (0, 1))
    count = graph.node("Squeeze", graph.dims([stored[axis]]), graph.whole(0))
    made = graph.node("Cast", graph.node("Range", zero, count, one), to=KINDS[str(narrow(aval.dtype))])
    return graph.value(graph.reshape(made, stored), aval, stored)


def _reduce(op: str) -> Callable:
    def write(graph: Graph, equation: Any, value: Value) -> Value:
        axes = graph.whole(*equation.params["axes"])
        return _result(graph, equation, graph.node(op, graph.full(value), axes, keepdims=0))

    return write


def _reduce_bools(op: str) -> Callable:
    def write(graph: Graph, equation: Any, value: Value) -> Value:
        whole = graph.node("Cast", graph.full(value), to=KINDS["int32"])
        made = graph.node(op, whole, graph.whole(*equation.params["axes"]), keepdims=0)
        return _result(graph, equation, graph.node("Cast", made, to=KINDS["bool"]))

    return write


def _place(op: str) -> Callable:
    def write(graph: Graph, equation: Any, value: Value) -> Value:
        (axis,) = equation.params["axes"]
        made = graph.node(op, graph.full(value), axis=axis, keepdims=0)
        kind = KINDS[str(narrow(equation.outvars[0].aval.dtype))]
        return _result(graph, equation, graph.node("Cast", made, to=kind))

    return write


def _cumsum(graph: Graph, equation: Any, value: Value) -> Value:
    axis = graph.constant(np.asarray(equation.params["axis"], np.int64))
    made = graph.node("CumSum", graph.full(value), axis, reverse=int(equation.params["reverse"]))
    return _result(graph, equation, made)


def _window(graph: Graph, equation: Any, value: Value, places: Value) -> Value:
    """One window at a known place, as ``x[1:]`` is."""
    d, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    starts: list[Any] = [0] * len(value.shape)
    for axis, start in zip(d.start_index_map, spread(places).tolist(), strict=True):
        starts[axis] = start
        if start < 0 or start + sizes[axis] > value.shape[axis]:
            raise ValueError("an indexing beyond the end")
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    made = cut(graph, graph.full(value), starts, ends, [1] * len(starts), value.shape)
    if d.collapsed_slice_dims:
        made = graph.node("Squeeze", made, graph.whole(*d.collapsed_slice_dims))
    return _result(graph, equation, made)


def _gather(graph: Graph, equation: Any, value: Value, places: Value) -> Value:
    """Rows of one axis by number, as ``x[ids]`` and ``jnp.take`` are."""
    p, d = equation.params, equation.params["dimension_numbers"]
    if places.constant is not None and len(places.shape) == 1 and not d.operand_batching_dims:
        return _window(graph, equation, value, places)
    others = [n for i, n in enumerate(value.shape) if i not in d.start_index_map]
    sizes = [n for i, n in enumerate(p["slice_sizes"]) if i not in d.start_index_map]
    one = len(d.start_index_map) == 1 and tuple(d.collapsed_slice_dims) == tuple(d.start_index_map)
    if not one or d.operand_batching_dims or not all(a == b for a, b in zip(others, sizes, strict=True)):
        raise ValueError("an indexing that is not of whole rows along one axis")
    (axis,), shape = d.start_index_map, tuple(places.shape[:-1])
    last, kind = value.shape[axis] - 1, places.dtype
    ids = graph.reshape(graph.full(places), shape) if shape else graph.node("Squeeze", graph.full(places))
    mode = str(p["mode"])
    inside = ids
    if "CLIP" in mode or "FILL" in mode:
        ends = [graph.constant(np.asarray(n, kind)) for n in (0, last)]
        inside = graph.node("Min", graph.node("Max", ids, ends[0]), ends[1])
    made = graph.node("Gather", graph.full(value), inside, axis=axis)
    order = _order(len(value.shape), len(shape), axis, d.offset_dims)
    if order != sorted(order):
        made = graph.node("Transpose", made, perm=order)
    if "FILL" in mode and p["fill_value"] is not None:
        there = graph.node("Equal", ids, inside)
        where = [n if i not in d.offset_dims else 1 for i, n in enumerate(equation.outvars[0].aval.shape)]
        filling = graph.constant(np.asarray(p["fill_value"], value.dtype))
        made = graph.node("Where", graph.reshape(there, where) if where else there, made, filling)
    return _result(graph, equation, made)


def _order(rank: int, count: int, axis: int, offsets: Sequence[int]) -> list[int]:
    """Where each axis of the result stands in what ONNX gives: the axes before, those of the places, those after."""
    whole = [i for i in range(rank - 1 + count) if not axis <= i < axis + count]
    ids = iter(range(axis, axis + count))
    rows = iter(whole)
    return [next(rows) if i in offsets else next(ids) for i in range(rank - 1 + count)]


ARRAYS: dict[str, Callable] = {
    **{name: _reduce(op) for name, op in REDUCTIONS.items()},
    **dict.fromkeys(SAME, _same),
    "reshape": _reshape,
    "expand_dims": _reshape,
    "squeeze": _squeeze,
    "broadcast_in_dim": _broadcast,
    "transpose": _transpose,
    "concatenate": _concatenate,
    "stack": _stack,
    "split": _split,
    "slice": _slice,
    "dynamic_slice": _dynamic_slice,
    "rev": _rev,
    "pad": _pad,
    "iota": _iota,
    "reduce_and": _reduce_bools("ReduceMin"),
    "reduce_or": _reduce_bools("ReduceMax"),
    "argmax": _place("ArgMax"),
    "argmin": _place("ArgMin"),
    "cumsum": _cumsum,
    "gather": _gather,
}  # fmt: skip
"""What writes a primitive, by its name."""
