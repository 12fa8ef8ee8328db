"""Layers in NumPy, each an expression of the functions in `jaxnn.export.formulas`."""

from collections.abc import Callable
from typing import Any

from jaxnn.export.numpy_page import Flow, Page, Writer, activation_of, below, bent


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
    sizes = ", ".join(map(str, getattr(layer, "shape", (-1,))))
    return Flow(page.put(f"{flow.x}.reshape(len({flow.x}), {sizes})"))


def _recurrent(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    kind = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru"}[type(layer).__name__]
    names = ["input/kernel", "input/bias", "recurrent/kernel", *(["recurrent/bias"] if kind == "gru" else [])]
    arguments = [flow.x, flow.mask, *(page.weight(path, name) for name in names)]
    if kind == "simple_rnn":
        arguments.append(activation_of(layer, path))
        page.formulas.add(str(arguments[-1]))
    made = page.put(page.call(kind, *arguments, bool(layer.return_sequences)))
    return Flow(made, flow.mask if layer.return_sequences else None)


def _attention(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    names = [page.held(below(path, name), "kernel", "bias").values() for name in ("query", "key", "value", "out")]
    projections = [f"[{', '.join(own)}]" for own in names]
    named: dict[str, Any] = {"causal": True} if layer.causal else {}
    named |= {"base": float(layer.rotary_base)} if layer.positions == "rotary" else {}
    kv_heads = layer.heads if layer.kv_heads is None else layer.kv_heads
    made = page.call("attention", flow.x, flow.mask, *projections, layer.heads, kv_heads, **named)
    return Flow(page.put(made), flow.mask)


def _activated(page: Page, layer: Any, path: str, flow: Flow) -> Flow:
    return Flow(page.put(bent(page, layer, path, flow.x)), flow.mask)


LAYERS: dict[str, Writer] = {
    "Dense": _dense, "Activation": _activated, "Conv": _conv, "DepthwiseConv": _conv,
    "Embed": _plain("embed", "embedding"), "LearnedPositions": _plain("add_positions", "embedding"),
    "BatchNorm": _formula("batch_norm", "mean", "var", "scale", "bias"),
    "LayerNorm": _formula("layer_norm", "scale", "bias"), "RMSNorm": _formula("rms_norm", "scale"),
    "GroupNorm": _formula("group_norm", "scale", "bias"), "MaxPool": _pool("max_pool"), "AvgPool": _pool("avg_pool"),
    "GlobalAvgPool": _global("global_avg_pool"), "GlobalMaxPool": _global("global_max_pool"), "Flatten": _reshape,
    "Reshape": _reshape, "SimpleRNN": _recurrent, "LSTM": _recurrent, "GRU": _recurrent, "Attention": _attention,
}  # fmt: skip
"""What writes a layer, by the name of its class."""
