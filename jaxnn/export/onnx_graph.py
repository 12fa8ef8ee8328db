"""An ONNX graph while it is built: its nodes, its constants, and values whose broadcast is put off."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

KINDS = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
         "uint32": 12, "uint64": 13}  # fmt: skip
"""The numbers of `onnx.TensorProto.DataType`."""
LAST = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Value:
    """An array of the traced function.

    Args:
        shape: as JAX has it; the number of rows may be a symbol.
        stored: the shape of the tensor that stands for it, of the same rank, with 1 along the axes that are yet to be
            broadcast: most ONNX operations broadcast by themselves.
        dtype: of the tensor; every float is float32.
        name: of the tensor in the graph, or of a constant what it is called.
        constant: its numbers where they are known, of the shape ``stored``.
    """

    shape: tuple
    stored: tuple
    dtype: np.dtype
    name: str | None = None
    constant: np.ndarray | None = None


def narrow(dtype: Any) -> np.dtype:
    """The dtype that stands for one of JAX: float32 for every float, of which runtimes know few.

    Raises:
        ValueError: for complex numbers and keys.

    Example:
        >>> narrow(jnp.bfloat16), narrow(np.int32)
        (dtype('float32'), dtype('int32'))
    """
    if jnp.issubdtype(dtype, jnp.floating):
        return np.dtype(np.float32)
    if jnp.issubdtype(dtype, jax.dtypes.extended) or np.dtype(dtype).name not in KINDS:
        raise ValueError(f"values of {dtype} have no form in ONNX")
    return np.dtype(dtype)


def known(dims: Sequence) -> bool:
    """Whether no axis is a symbol."""
    return all(isinstance(n, int) for n in dims)


class Graph:
    """Nodes in order, and constants; the body of a loop is a graph of its own below another.

    Args:
        batch: the symbol of the number of rows, or None where it is a number.
        above: the graph around this one, whose tensors can be read here.
    """

    def __init__(self, batch: Any = None, above: "Graph | None" = None):
        self.batch, self.above = batch, above
        self.root: Graph = above.root if above else self
        self.nodes: list[Any] = []
        self.scope = above.scope if above else ""
        self.rows_of: str | None = None  # an input whose first axis is the batch
        self._rows: str | None = None
        self._taken: dict[str, int] = {}
        self._constants: dict[int, tuple[str, np.ndarray]] = {}
        self._small: dict[Any, str] = {}

    @property
    def constants(self) -> list[tuple[str, np.ndarray]]:
        """Name and numbers of each constant."""
        return list(self._constants.values())

    def fresh(self, name: str) -> str:
        """A name that nothing else has, as near to this one as there is."""
        taken = self.root._taken
        taken[name] = taken.get(name, -1) + 1
        return name if taken[name] == 0 else self.fresh(f"{name}_{taken[name]}")

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; returns its name."""
        return self.nodes_out(op, 1, *inputs, **attributes)[0]

    def nodes_out(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node of several outputs; returns their names."""
        from onnx import helper

        name = self.fresh(f"{self.scope}/{op}" if self.scope else op)
        outputs = [name] if count == 1 else [self.fresh(f"{name}:{i}") for i in range(count)]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, name=name, **attributes))
        return outputs

    def constant(self, array: Any, name: str | None = None) -> str:
        """The name of a constant; the same array is kept once."""
        root, array = self.root, np.asarray(array)
        array = np.asarray(array, narrow(array.dtype))
        key = (array.tobytes(), array.shape, array.dtype.str) if array.size <= 16 and name is None else None
        if key is not None and key in root._small:
            return root._small[key]
        if id(array) not in root._constants:
            root._constants[id(array)] = (self.fresh(name or "constant"), array)
        found = root._constants[id(array)][0]
        if key is not None:
            root._small[key] = found
        return found

    def whole(self, *numbers: int) -> str:
        """Whole numbers as a constant ``(n,)`` of int64."""
        return self.constant(np.array(numbers, np.int64))

    def tensor(self, value: Value) -> str:
        """The name of a value's tensor as it is stored."""
        if value.constant is None:
            assert value.name is not None
            return value.name
        return self.constant(value.constant, value.name)

    def full(self, value: Value) -> str:
        """The name of a tensor of the whole shape of a value."""
        if value.stored == value.shape:
            return self.tensor(value)
        wanted = [1 if a == b else b for a, b in zip(value.stored, value.shape, strict=True)]
        return self.node("Expand", self.tensor(value), self.dims(wanted))

    def value(self, name: str, aval: Any, stored: Any = None) -> Value:
        """A tensor as a value of this type."""
        return Value(tuple(aval.shape), tuple(aval.shape if stored is None else stored), narrow(aval.dtype), name)

    def reshape(self, name: str, dims: Sequence) -> str:
        """A tensor in another shape, of which one axis may be a symbol."""
        symbols = [n for n in dims if not isinstance(n, int)]
        if len(symbols) == 1 and 0 not in dims:
            return self.node("Reshape", name, self.whole(*(n if isinstance(n, int) else -1 for n in dims)))
        return self.node("Reshape", name, self.dims(dims))

    def dims(self, dims: Sequence) -> str:
        """Sizes as a tensor ``(n,)`` of int64, computed where they depend on the number of rows."""
        if known(dims):
            return self.whole(*dims)
        parts = [self.whole(n) if isinstance(n, int) else self._size(n) for n in dims]
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def _size(self, n: Any) -> str:
        """A size ``factor * rows + rest``, as a tensor ``(1,)``."""
        factor = n // self.root.batch
        rest = n - factor * self.root.batch
        if not known((factor, rest)):
            raise ValueError(f"the size {n} of an axis depends on the number of rows in a way that has no form here")
        root = self.root
        if root._rows is None:
            scope, root.scope = root.scope, ""
            root._rows = root.node("Shape", root.rows_of or "", start=0, end=1)
            root.scope = scope
        name = root._rows
        name = name if factor == 1 else self.node("Mul", name, self.whole(factor))
        return name if rest == 0 else self.node("Add", name, self.whole(rest))


def constant_value(array: Any, name: str | None = None) -> Value:
    """Known numbers as a value."""
    array = np.asarray(array)
    array = array.astype(narrow(array.dtype), copy=False)
    return Value(array.shape, array.shape, array.dtype, name, array)


def spread(value: Value) -> np.ndarray:
    """The numbers of a known value in its whole shape."""
    assert value.constant is not None
    return np.broadcast_to(value.constant, value.shape)
