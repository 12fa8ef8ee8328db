"""The page on which a network is written in NumPy: lines, names, and which formulas and weights they use."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.activations import activations

SAME = {"Dropout", "GaussianNoise", "RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation",
        "RandomZoom"}  # fmt: skip
"""Layers that do nothing in use."""


class Flow(NamedTuple):
    """Names in the file: of an array, or of several in a dict or a tuple, and of the mask beside it, or None."""

    x: Any
    mask: str | None = None


class Page:
    """The lines of a function while they are written, the formulas that they use, and the weights by name.

    Args:
        weights: ``{"dense_0/kernel": array}``.
        writers: what writes a layer, by the name of its class: ``(page, layer, path, flow) -> flow`` adds lines.
    """

    def __init__(self, weights: dict[str, np.ndarray], writers: Mapping[str, "Writer"]):
        self.weights, self.lines, self.formulas = weights, [], set()
        self._writers = writers
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

    def layer(self, layer: Any, path: str, flow: Flow) -> Flow:
        """The lines of one layer.

        Raises:
            ValueError: for a layer that has no formula here, with its path.
        """
        name = type(layer).__name__
        if layer is None or name in SAME:
            return flow
        if name not in self._writers or (self._item and name == "Repeat"):
            raise ValueError(
                f'{path or "the model"}: a {name} has no formula of NumPy here; write nn.export(run, "onnx", path), or '
                '"stablehlo", which holds every model'
            )
        return self._writers[name](self, layer, path, flow)


Writer = Callable[[Page, Any, str, Flow], Flow]


def below(path: str, name: str) -> str:
    """The path of a child."""
    return f"{path}/{name}" if path else name


def bent(page: Page, layer: Any, path: str, expression: str) -> str:
    """An expression under the activation of a layer.

    Raises:
        ValueError: for a function of one's own.
    """
    name = activation_of(layer, path)
    return expression if name == "linear" else page.call(name, expression)


def activation_of(layer: Any, path: str) -> str:
    given = layer.activation
    if given is None:
        return "linear"
    for name, known in activations.items():
        if given in (name, known, known.function) or activations.aliases.get(str(given)) == name:
            return name
    raise ValueError(
        f"{path}: the activation {given!r} has no formula of NumPy here; write one of {', '.join(activations)}"
    )
