"""Layers of layers, and models, in NumPy."""

from typing import Any

from jaxnn.export.numpy_page import Flow, Page, Writer, below, bent
from jaxnn.layers.children import layer_names

JOINS = {"add": " + ", "multiply": " * "}


def _bidirectional(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    forward = page.layer(layer.layer, below(path, "forward"), flow)
    turned = Flow(page.put(page.call("flip", flow.x)), flow.mask and page.put(page.call("flip", flow.mask)))
    backward = page.layer(layer.layer, below(path, "backward"), turned)
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


def _block(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    """``x + attention(norm(x))``, then ``x + mlp(norm(x))``."""
    inner = page.layer(layer.norm, below(path, "attention_norm"), flow)
    inner = page.layer(layer.attention, below(path, "attention"), inner)
    flow = Flow(page.put(f"{flow.x} + {inner.x}"), flow.mask)
    inner = page.layer(layer.norm, below(path, "mlp_norm"), flow)
    inside = page.call("dense", inner.x, *page.held(below(path, "mlp_in"), "kernel", "bias").values())
    inside = page.put(bent(page, layer, path, inside))
    outside = page.call("dense", inside, *page.held(below(path, "mlp_out"), "kernel", "bias").values())
    return Flow(page.put(f"{flow.x} + {outside}"), flow.mask)


def _sequential(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    for name, inner in zip(layer_names(layer.layers), layer.layers, strict=True):
        flow = page.layer(inner, below(path, name), flow)
    return flow


def _residual(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    (name,) = layer_names((layer.layer,))
    inner = page.layer(layer.layer, below(path, name), flow)
    return Flow(page.put(f"{flow.x} + {inner.x}"), flow.mask)


def _inner(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    (name,) = layer_names((layer.layer,))
    return page.layer(layer.layer, below(path, name), flow)


def _parallel(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    names = zip(layer_names(layer.layers), layer.layers, strict=True)
    made = [page.layer(inner, below(path, name), flow) for name, inner in names]
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
        made[name] = page.layer(layer.layers[use], below(path, owner), Flow(taken, flow.mask)).x
    if isinstance(layer.outputs, tuple):
        return Flow({name: made[name] for name in layer.outputs}, flow.mask)
    return Flow(made[layer.names[-1] if layer.outputs is None else layer.outputs], flow.mask)


def _tuple(names: Any) -> tuple:
    return names if isinstance(names, tuple) else (names,)


def _repeat(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    (name,) = layer_names((layer.layer,))
    return page.repeated(layer.n, flow, lambda inner: page.layer(layer.layer, below(path, name), inner))


def _blocks(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    """The stack of equal blocks of a transformer, one by one or as a loop."""
    (name,), path = layer_names((layer.block,)), below(path, "blocks")
    if layer.repeat:
        return page.repeated(layer.layers, flow, lambda inner: page.layer(layer.block, below(path, name), inner))
    for name in layer_names((layer.block,) * layer.layers):
        flow = page.layer(layer.block, below(path, name), flow)
    return flow


def _mean(page: Page, flow: Flow) -> Flow:
    return Flow(page.put(page.call("global_avg_pool", *(part for part in flow if part is not None))))


def _encoder(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    for name in ("embed", "positions"):
        flow = page.layer(getattr(layer, name), below(path, name), flow)
    flow = page.layer(layer.norm, below(path, "norm"), _blocks(page, layer, path, flow))
    return page.layer(layer.head, below(path, "head"), _mean(page, flow))


def _gpt(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    for name in ("embed", "positions"):
        flow = page.layer(getattr(layer, name), below(path, name), flow)
    flow = page.layer(layer.norm, below(path, "norm"), _blocks(page, layer, path, flow))
    kernel = f"{page.weight(path, 'embed/embedding')}.T" if layer.tied else page.weight(path, "head/kernel")
    return Flow(page.put(page.call("dense", flow.x, kernel)), flow.mask)


COMPOSITES: dict[str, Writer] = {
    "Sequential": _sequential, "Residual": _residual, "DropConnect": _inner, "Parallel": _parallel, "Join": _join,
    "Graph": _graph, "Repeat": _repeat, "Bidirectional": _bidirectional, "TransformerBlock": _block,
    "TransformerEncoder": _encoder, "GPT": _gpt,
}  # fmt: skip
"""What writes a layer of layers, by the name of its class."""
