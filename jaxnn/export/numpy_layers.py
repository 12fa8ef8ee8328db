"""What each layer is in NumPy: an expression of the functions in `jaxnn.export.formulas`.

A writer takes a `Page`, a layer, the path of its weights and a `Flow` (the name of the array and of its mask), adds
lines to the page and returns the flow after it. Which layers there are stands in `WRITERS`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.activations import activations
from jaxnn.layers.children import layer_names

SAME = {"Dropout", "GaussianNoise", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation",
        "RandomZoom"}  # fmt: skip
"""Layers that do nothing in use."""
JOINS = {"add": " + ", "multiply": " * "}


class Flow(NamedTuple):
    """Names in the file: of an array, or of several in a dict or a tuple, and of the mask beside it, or None."""

    x: Any
    mask: str | None = None


class Page:
    """The lines of a function while they are written, the formulas that they use, and the weights by name.

    Args:
        weights: ``{"dense_0/kernel": array}``.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights, self.lines, self.formulas = weights, [], set()
        self._count, self._indent, self._item = 0, "    ", ""

    def put(self, expression: str) -> str:
        """A line that gives an expression a name; returns the name."""
        self._count += 1
        self.lines.append(f"{self._indent}x{self._count} = {expression}")
        return f"x{self._count}"

    def call(self, formula: str, *arguments: Any, **named: Any) -> str:
        """An expression that calls a formula."""
        self.formulas.add(formula)
        parts = [str(a) for a in arguments] + [f"{name}={value}" for name, value in named.items()]
        return f"{formula}({', '.join(parts)})"

    def weight(self, path: str, name: str) -> str | None:
        """An expression for a weight, or None where there is none."""
        full = f"{path}/{name}" if path else name
        return f'W["{full}"]{self._item}' if full in self.weights else None

    def held(self, path: str, *names: str) -> dict[str, str]:
        """Those of these weights that are there, by the last part of their names."""
        found = {name.rsplit("/", 1)[-1]: self.weight(path, name) for name in names}
        return {name: value for name, value in found.items() if value is not None}

    def repeated(self, count: int, flow: Flow, body: Callable[[Flow], Flow]) -> Flow:
        """A loop over stacked weights."""
        start = self.put(flow.x)
        indent, self._indent, self._item = self._indent, f"{self._indent}    ", "[i]"
        self.lines.append(f"{indent}for i in range({count}):")
        end = body(Flow(start, flow.mask))
        self.lines.append(f"{self._indent}{start} = {end.x}")
        self._indent, self._item = indent, ""
        return Flow(start, end.mask)


def written(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    """The lines of one layer.

    Raises:
        ValueError: for a layer that has no formula here, with its path.
    """
    name = type(layer).__name__
    if layer is None or name in SAME:
        return flow
    if name not in WRITERS or (page._item and name == "Repeat"):
        raise ValueError(
            f'{path or "the model"}: a {name} has no formula of NumPy here; write nn.export(run, "onnx", path), or '
            '"stablehlo", which holds every model'
        )
    return WRITERS[name](page, layer, path, flow)


def below(path: str, name: str) -> str:
    """The path of a child."""
    return f"{path}/{name}" if path else name


def bent(page: Page, layer: Any, path: str, expression: str) -> str:
    """An expression under the activation of a layer.

    Raises:
        ValueError: for a function of one's own.
    """
    name = _activation(layer, path)
    return expression if name == "linear" else page.call(name, expression)


def _activation(layer: Any, path: str) -> str:
    given = layer.activation
    if given is None:
        return "linear"
    for name, known in activations.items():
        if given in (name, known, known.function) or activations.aliases.get(str(given)) == name:
            return name
    raise ValueError(f"{path}: the activation {given!r} has no formula of NumPy here; write one of {', '.join(activations)}")


def _dense(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    made = page.call("dense", flow.x, *page.held(path, "kernel", "bias").values())
    return Flow(page.put(bent(page, layer, path, made)), flow.mask)


def _conv(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    kernel = page.weights[below(path, "kernel")]
    groups = getattr(layer, "groups", None) or kernel.shape[-1] // layer.multiplier
    named = {"strides": layer.strides, "padding": repr(layer.padding), "dilation": layer.dilation, "groups": groups}
    usual = {"strides": 1, "padding": "'same'", "dilation": 1, "groups": 1}
    named = {name: value for name, value in named.items() if value != usual[name]}
    made = page.call("conv", flow.x, *page.held(path, "kernel", "bias").values(), **named)
    return Flow(page.put(bent(page, layer, path, made)))


def _formula(formula: str, *names: str) -> Callable:
    """A layer that is one formula of its weights and its eps."""

    def write(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
        named = page.held(path, *names) | ({"eps": float(layer.eps)} if hasattr(layer, "eps") else {})
        named |= {"groups": layer.groups} if hasattr(layer, "groups") else {}
        if flow.mask and hasattr(layer, "groups"):
            raise ValueError(f'{path}: a GroupNorm of masked steps has no formula of NumPy here; write "onnx"')
        return Flow(page.put(page.call(formula, flow.x, **named)), flow.mask)

    return write


def _plain(formula: str, *names: str) -> Callable:
    """A layer that is one formula of its weights alone."""

    def write(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
        return Flow(page.put(page.call(formula, flow.x, *page.held(path, *names).values())), flow.mask)

    return write


def _pool(formula: str) -> Callable:
    def write(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
        strides = layer.window if layer.strides is None else layer.strides
        return Flow(page.put(page.call(formula, flow.x, layer.window, strides, repr(layer.padding))))

    return write


def _global(formula: str) -> Callable:
    def write(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
        return Flow(page.put(page.call(formula, *(part for part in flow if part is not None))))

    return write


def _reshape(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    return Flow(page.put(f"{flow.x}.reshape(len({flow.x}), *{getattr(layer, 'shape', (-1,))})"))


def _recurrent(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    kind = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru"}[type(layer).__name__]
    names = ["input/kernel", "input/bias", "recurrent/kernel", *(["recurrent/bias"] if kind == "gru" else [])]
    arguments = [flow.x, flow.mask, *(page.weight(path, name) for name in names)]
    if kind == "simple_rnn":
        arguments.append(_activation(layer, path))
        page.formulas.add(str(arguments[-1]))
    made = page.put(page.call(kind, *arguments, layer.return_sequences))
    return Flow(made, flow.mask if layer.return_sequences else None)


def _bidirectional(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    forward = written(page, layer.layer, below(path, "forward"), flow)
    turned = Flow(page.put(page.call("flip", flow.x)), flow.mask and page.put(page.call("flip", flow.mask)))
    backward = written(page, layer.layer, below(path, "backward"), turned)
    back = page.call("flip", backward.x) if backward.mask or layer.layer.return_sequences else backward.x
    return Flow(page.put(joined(layer.join, [forward.x, back])), forward.mask)


def joined(how: str, names: list[str]) -> str:
    """An expression that joins several.

    Example:
        >>> joined("add", ["x1", "x2"]), joined("concat", ["x1", "x2"])
        ('x1 + x2', 'np.concatenate([x1, x2], -1)')
    """
    if how in JOINS:
        return JOINS[how].join(names)
    listed = ", ".join(names)
    if how == "average":
        return f"({' + '.join(names)}) / {len(names)}"
    return f"np.concatenate([{listed}], -1)" if how == "concat" else f"np.maximum.reduce([{listed}])"


def _attention(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    projections = [
        f"({', '.join(page.held(below(path, name), 'kernel', 'bias').values())},)" for name in ("query", "key", "value", "out")
    ]
    named: dict[str, Any] = {"causal": True} if layer.causal else {}
    named |= {"base": float(layer.rotary_base)} if layer.positions == "rotary" else {}
    kv_heads = layer.heads if layer.kv_heads is None else layer.kv_heads
    made = page.call("attention", flow.x, flow.mask, *projections, layer.heads, kv_heads, **named)
    return Flow(page.put(made), flow.mask)


def _block(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""
    inner = written(page, layer.norm, below(path, "attention_norm"), flow)
    inner = written(page, layer.attention, below(path, "attention"), inner)
    flow = Flow(page.put(f"{flow.x} + {inner.x}"), flow.mask)
    inner = written(page, layer.norm, below(path, "mlp_norm"), flow)
    inside = page.call("dense", inner.x, *page.held(below(path, "mlp_in"), "kernel", "bias").values())
    inside = page.put(bent(page, layer, path, inside))
    outside = page.call("dense", inside, *page.held(below(path, "mlp_out"), "kernel", "bias").values())
    return Flow(page.put(f"{flow.x} + {outside}"), flow.mask)


def _sequential(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    for name, inner in zip(layer_names(layer.layers), layer.layers, strict=True):
        flow = written(page, inner, below(path, name), flow)
    return flow


def _residual(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    (name,) = layer_names((layer.layer,))
    inner = written(page, layer.layer, below(path, name), flow)
    return Flow(page.put(f"{flow.x} + {inner.x}"), flow.mask)


def _inner(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    (name,) = layer_names((layer.layer,))
    return written(page, layer.layer, below(path, name), flow)


def _parallel(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    names = zip(layer_names(layer.layers), layer.layers, strict=True)
    made = [written(page, inner, below(path, name), flow) for name, inner in names]
    return Flow(page.put(joined(layer.join, [m.x for m in made])), made[0].mask)


def _join(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    parts = flow.x.values() if isinstance(flow.x, dict) else flow.x if isinstance(flow.x, tuple) else [flow.x]
    return Flow(page.put(joined(layer.how, list(parts))), flow.mask)


def _graph(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    needed = [s for sources in layer.inputs for s in _tuple(sources) if s not in layer.names]
    made: dict[str, Any] = dict(flow.x) if isinstance(flow.x, dict) else {needed[0]: flow.x}
    uses = layer.uses or range(len(layer.names))
    owners: dict[int, str] = {}
    for name, use, sources in zip(layer.names, uses, layer.inputs, strict=True):
        owner = owners.setdefault(use, name)
        taken = tuple(made[s] for s in sources) if isinstance(sources, tuple) else made[sources]
        made[name] = written(page, layer.layers[use], below(path, owner), Flow(taken, flow.mask)).x
    if isinstance(layer.outputs, tuple):
        return Flow({name: made[name] for name in layer.outputs}, flow.mask)
    return Flow(made[layer.names[-1] if layer.outputs is None else layer.outputs], flow.mask)


def _tuple(names: Any) -> tuple:
    return names if isinstance(names, tuple) else (names,)


def _repeat(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    (name,) = layer_names((layer.layer,))
    return page.repeated(layer.n, flow, lambda inner: written(page, layer.layer, below(path, name), inner))


def _blocks(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    """The stack of equal blocks of a transformer, one by one or as a loop."""
    (name,), path = layer_names((layer.block,)), below(path, "blocks")
    if layer.repeat:
        return page.repeated(layer.layers, flow, lambda inner: written(page, layer.block, below(path, name), inner))
    for name in layer_names((layer.block,) * layer.layers):
        flow = written(page, layer.block, below(path, name), flow)
    return flow


def _encoder(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    for name in ("embed", "positions"):
        flow = written(page, getattr(layer, name), below(path, name), flow)
    flow = written(page, layer.norm, below(path, "norm"), _blocks(page, layer, path, flow))
    return written(page, layer.head, below(path, "head"), _global("global_avg_pool")(page, None, "", flow))


def _gpt(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    for name in ("embed", "positions"):
        flow = written(page, getattr(layer, name), below(path, name), flow)
    flow = written(page, layer.norm, below(path, "norm"), _blocks(page, layer, path, flow))
    kernel = f"{page.weight(path, 'embed/embedding')}.T" if layer.tied else page.weight(path, "head/kernel")
    return Flow(page.put(page.call("dense", flow.x, kernel)), flow.mask)


def _activated(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    return Flow(page.put(bent(page, layer, path, flow.x)), flow.mask)


WRITERS: dict[str, Callable[[Page, Any, str, Flow], Flow]] = {
    "Dense": _dense, "Activation": _activated, "Conv": _conv, "DepthwiseConv": _conv, "Embed": _plain("embed", "embedding"),
    "LearnedPositions": _plain("add_positions", "embedding"),
    "BatchNorm": _formula("batch_norm", "mean", "var", "scale", "bias"),
    "LayerNorm": _formula("layer_norm", "scale", "bias"), "RMSNorm": _formula("rms_norm", "scale"),
    "GroupNorm": _formula("group_norm", "scale", "bias"), "MaxPool": _pool("max_pool"), "AvgPool": _pool("avg_pool"),
    "GlobalAvgPool": _global("global_avg_pool"), "GlobalMaxPool": _global("global_max_pool"), "Flatten": _reshape,
    "Reshape": _reshape, "SimpleRNN": _recurrent, "LSTM": _recurrent, "GRU": _recurrent,
    "Bidirectional": _bidirectional, "Attention": _attention, "TransformerBlock": _block, "Sequential": _sequential,
    "Residual": _residual, "DropConnect": _inner, "Parallel": _parallel, "Join": _join, "Graph": _graph, "Repeat": _repeat,
    "TransformerEncoder": _encoder, "GPT": _gpt,
}  # fmt: skip
"""What writes a layer, by the name of its class."""
