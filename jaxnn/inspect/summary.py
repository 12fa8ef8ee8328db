"""A table of a model: its layers, the shapes they make, their parameters and their operations."""

import dataclasses
import html
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from jaxnn.core import checks
from jaxnn.core import tree as trees
from jaxnn.core.layer import is_spec
from jaxnn.core.plain import plain_operations
from jaxnn.core.types import Layer
from jaxnn.inspect.flops import count

MARK = "jaxnn_layer_"


class Row(NamedTuple):
    """One layer.

    Args:
        path: where it stands, names joined by ``/``; empty for the model itself.
        layer: the name of its class.
        shape: of its output, with the batch; a pytree of shapes where it is one.
        times: how often it runs, more than 1 inside a `jaxnn.Repeat`, each time with parameters of its own.
        params: its parameters, all times together, without those of the layers in it that have a row.
        flops: its operations in one forward pass, all times together, without those of the layers in it.
    """

    path: str
    layer: str
    shape: Any
    times: int
    params: int
    flops: int


@dataclasses.dataclass(frozen=True)
class Summary:
    """What `summary` tells: ``rows``, and totals.

    Args:
        rows: one for each layer that has something of its own, in the order in which they run.
        params: parameters of the model.
        state: numbers in its state.
        flops: operations of one forward pass of the whole batch, a multiply-add counted as two.
        shape: of the output.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> table = nn.summary(nn.mlp((5,), out=1), jnp.ones((2, 3)))
        >>> table.params, table.flops, [row.path for row in table.rows]
        (26, 80, ['flatten_0', 'dense_0', 'dropout_0', 'dense_1'])
    """

    rows: tuple[Row, ...]
    params: int
    state: int
    flops: int
    shape: Any

    def __str__(self) -> str:
        """The table in text."""
        cells = self._cells()
        widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
        lines = [
            "  ".join(_put(text, w, i) for i, (text, w) in enumerate(zip(row, widths, strict=True))) for row in cells
        ]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join(line.rstrip() for line in (lines[0], rule, *lines[1:-1], rule, lines[-1]))

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """The table as a notebook shows it."""
        head, *body, foot = [[html.escape(text) for text in row] for row in self._cells()]
        align = ["left", "left", "left", "right", "right", "right"]
        styles = [f' style="text-align:{side}"' for side in align]

        def line(tag: str, row: list[str]) -> str:
            cells = "".join(f"<{tag}{style}>{text}</{tag}>" for text, style in zip(row, styles, strict=True))
            return f"<tr>{cells}</tr>"

        inner = "".join(line("td", row) for row in body)
        return (
            f"<table><thead>{line('th', head)}</thead><tbody>{inner}</tbody><tfoot>{line('th', foot)}</tfoot></table>"
        )

    def _cells(self) -> list[list[str]]:
        head = ["path", "layer", "output", "times", "parameters", "operations"]
        rows = [
            [row.path or ".", row.layer, _shapes(row.shape), str(row.times), f"{row.params:,}", f"{row.flops:,}"]
            for row in self.rows
        ]
        return [head, *rows, ["total", "", _shapes(self.shape), "", f"{self.params:,}", f"{self.flops:,}"]]


def summary(model: Layer, x: Any) -> Summary:
    """Tell what a model is made of, from shapes alone: nothing is computed or allocated.

    Args:
        model: a spec.
        x: one batch of inputs, or its shapes (`jax.ShapeDtypeStruct`), batch axis first.

    Returns:
        A `Summary`: a table with path, layer, shape of the output, parameters and operations, and totals. It prints
        as text, and as HTML in a notebook.

    Raises:
        TypeError: if ``model`` is no spec.
        ValueError: if the model and ``x`` do not fit, with the path of the layer.

    Source: ``keras.Model.summary``; ``flax.linen.tabulate``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> print(nn.summary(nn.Sequential(nn.Dense(4, "relu"), nn.Dense(1)), jnp.ones((8, 3))))
        path     layer  output  times  parameters  operations
        -----------------------------------------------------
        dense_0  Dense  (8, 4)      1          16         192
        dense_1  Dense  (8, 1)      1           5          64
        -----------------------------------------------------
        total           (8, 1)                 21         256
    """
    if not is_spec(model):
        raise TypeError(f"summary takes a model, got {model!r}; write nn.summary(nn.mlp((100,), out=10), x)")
    log = _Log()
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    with plain_operations():
        params, state = jax.eval_shape(model.init, key, x)
        probed = log.probe(model, "")
        program, y = jax.make_jaxpr(lambda p, s, v: probed.apply(p, s, v)[0], return_shape=True)(params, state, x)
    counts = count(program.jaxpr, marks=MARK)
    rows = log.rows(counts)
    total = sum(value for name, value in counts.items() if not name.startswith("calls "))
    return Summary(rows, trees.count(params), trees.count(state), total, jax.tree.map(lambda a: tuple(a.shape), y))


@dataclasses.dataclass
class _Note:
    """A call of ``apply``: ``given`` is what `checks.path` said, ``path`` that and the fields of unnamed layers."""

    layer: str
    given: tuple[str, ...]
    path: tuple[str, ...]
    params: int
    shape: Any = None
    inner: list[int] = dataclasses.field(default_factory=list)


class _Log:
    """Specs that note down each call of ``apply``, and the notes."""

    def __init__(self):
        self.notes: list[_Note] = []
        self.open: list[int] = []

    def probe(self, layer: Any, field: str) -> Any:
        """A copy of a spec, and of the specs in it, whose ``apply`` is an inner function with a name of its own."""
        cls, log = type(layer), self

        def apply(
            self: Any, params: Any, state: Any, x: Any, *, key: Any = None, train: bool = False, rows: Any = None
        ) -> Any:
            index = log.enter(cls.__name__, field, params)
            try:
                return log.run(index, lambda *a: cls.apply(self, *a, key=key, train=train, rows=rows), params, state, x)
            finally:
                log.open.pop()

        copy = object.__new__(type(cls.__name__, (cls,), {"apply": apply, "__module__": cls.__module__}))
        for name, value in vars(layer).items():
            object.__setattr__(copy, name, self._probed(value, name))
        return copy

    def _probed(self, value: Any, name: str) -> Any:
        if is_spec(value):
            return self.probe(value, name)
        if isinstance(value, (tuple, list)):
            return type(value)(self._probed(v, "") for v in value) if any(map(is_spec, value)) else value
        if isinstance(value, dict):
            return {k: self._probed(v, str(k)) for k, v in value.items()}
        return value

    def enter(self, layer: str, field: str, params: Any) -> int:
        """Note a call; a layer that was given no name is called by the field that holds it."""
        index, given, path = len(self.notes), checks.path(), ()
        if self.open:
            parent = self.notes[self.open[-1]]
            parent.inner.append(index)
            path = (*parent.path, *given[len(parent.given) :])
            path = (*path, field) if given == parent.given and field else path
        self.notes.append(_Note(layer, given, path, trees.count(params)))
        self.open.append(index)
        return index

    def run(self, index: int, call: Callable, *args: Any) -> Any:
        """The call as an inner function that the count of operations finds again."""
        call.__name__ = call.__qualname__ = f"{MARK}{index}"
        y, after = jax.jit(call)(*args)
        self.notes[index].shape = jax.tree.map(lambda a: tuple(a.shape), y)
        return y, after

    def rows(self, counts: Any) -> tuple[Row, ...]:
        """One row for each path that has a layer without others in it, or something of its own."""
        rows: dict[str, Row] = {}
        for i, note in enumerate(self.notes):
            times = counts[f"calls {MARK}{i}"]
            own = note.params * times - sum(self.notes[j].params * counts[f"calls {MARK}{j}"] for j in note.inner)
            work, path = counts[f"{MARK}{i}"], "/".join(note.path)
            if note.inner and not own and not work:
                continue
            if path in rows:  # called again, with the same parameters
                rows[path] = rows[path]._replace(flops=rows[path].flops + work)
            else:
                rows[path] = Row(path, note.layer, note.shape, times, own, work)
        return tuple(rows.values())


def _shapes(shape: Any) -> str:
    if isinstance(shape, tuple) and all(isinstance(n, int) for n in shape):
        return str(shape)
    if isinstance(shape, dict):
        return ", ".join(f"{name} {_shapes(inner)}" for name, inner in shape.items())
    return ", ".join(map(_shapes, shape))


def _put(text: str, width: int, column: int) -> str:
    return text.rjust(width) if column > 2 else text.ljust(width)
