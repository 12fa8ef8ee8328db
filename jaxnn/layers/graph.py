"""Layers as named nodes, with several inputs and outputs."""

from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import child, spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.combine import apply_one, check_layers, fold, init_one

EXAMPLE = 'Graph(("hidden", Dense(8), "x"), ("sum", Join("add"), ("hidden", "x")))'


@spec
class Graph:
    """Layers as named nodes, each with the outputs of other nodes or the inputs of the graph as its input.

    Node *i* gets the key ``fold_in(key, i)``; params and state are dicts under the names of the nodes.

    Args:
        *nodes: tuples ``(name, layer, inputs)``, each after those it needs. ``inputs`` is a name, and the layer gets
            an array; or a tuple of names, and it gets a tuple of arrays, as `Join` takes it. A name that is no node is
            an input of the graph. The fields ``names``, ``layers`` and ``inputs`` hold the columns.
        outputs: the name of the node that is the result; or a tuple of names, and the result is a dict of them; None
            is the last node.

    Shapes:
        ``x`` is a dict of the inputs by name, or an array where there is only one.

    Raises:
        TypeError: if a node holds no layer.
        ValueError: for a name that stands twice or is used too early, an unknown output, a missing input, or a layer
            that does not fit, with its name.

    Source: the functional API of Keras.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.Graph(
        ...     ("left", nn.Dense(4), "image"),
        ...     ("right", nn.Dense(4), "text"),
        ...     ("both", nn.Join("multiply"), ("left", "right")),
        ...     ("label", nn.Dense(3), "both"),
        ...     outputs=("label", "both"),
        ... )
        >>> x = {"image": jnp.ones((2, 9)), "text": jnp.ones((2, 5))}
        >>> params, state = model.init(jax.random.key(0), x)
        >>> {name: y.shape for name, y in model.apply(params, state, x)[0].items()}
        {'label': (2, 3), 'both': (2, 4)}
    """

    names: tuple = ()
    layers: tuple = child(())
    inputs: tuple = ()
    outputs: str | tuple[str, ...] | None = None

    def __init__(self, *nodes: tuple, outputs: str | tuple[str, ...] | None = None, **named: Any):
        if nodes and not all(isinstance(node, tuple) and len(node) == 3 for node in nodes):
            raise ValueError(f"a node is (name, layer, inputs), got {nodes!r}; write {EXAMPLE}")
        names, layers, inputs = zip(*nodes, strict=True) if nodes else ((), (), ())
        object.__setattr__(self, "names", tuple(named.get("names", names)))
        object.__setattr__(self, "layers", tuple(named.get("layers", layers)))
        object.__setattr__(self, "inputs", tuple(named.get("inputs", inputs)))
        object.__setattr__(self, "outputs", outputs)
        self._check()

    def __repr__(self) -> str:
        nodes = [repr(node) for node in zip(self.names, self.layers, self.inputs, strict=True)]
        ends = [] if self.outputs is None else [f"outputs={self.outputs!r}"]
        return f"Graph({', '.join(nodes + ends)})"

    def _check(self) -> None:
        check_layers("Graph", self.layers)
        if not self.names or not len(self.names) == len(self.layers) == len(self.inputs):
            raise ValueError(f"Graph needs as many names as layers and inputs, and one at least; write {EXAMPLE}")
        for i, (name, sources) in enumerate(zip(self.names, self.inputs, strict=True)):
            if not isinstance(name, str) or not name.isidentifier() or name in self.names[:i]:
                raise ValueError(
                    f"each node has a name of its own, in letters and digits, got {name!r}; write {EXAMPLE}"
                )
            for source in _tuple(sources):
                if not isinstance(source, str) or source in self.names[i:]:
                    raise ValueError(f"node {name!r} takes {source!r}, which is no node before it; write {EXAMPLE}")
        unknown = [name for name in self._ends() if name not in self.names]
        if unknown or not self._ends():
            raise ValueError(f"outputs={self.outputs!r} names no node; choose among {', '.join(self.names)}")

    def _ends(self) -> tuple:
        return _tuple(self.names[-1] if self.outputs is None else self.outputs)

    @property
    def last(self) -> Any:
        """The layer that gives the output, or None where there are several."""
        return None if isinstance(self.outputs, tuple) else self.layers[self.names.index(self._ends()[0])]

    def _begin(self, x: Any) -> dict[str, Any]:
        needed = [s for sources in self.inputs for s in _tuple(sources) if s not in self.names]
        needed = list(dict.fromkeys(needed))
        if not isinstance(x, dict) and len(needed) == 1:
            return {needed[0]: x}
        if not isinstance(x, dict) or not set(needed) <= set(x):
            got = f"a dict of {sorted(x)}" if isinstance(x, dict) else f"an array {getattr(x, 'shape', x)}"
            raise checks.SpecError(f"Graph needs the inputs {needed}, got {got}; write x={{name: array, ...}}")
        return {name: x[name] for name in needed}

    def _end(self, made: dict[str, Any]) -> Any:
        if isinstance(self.outputs, tuple):
            return {name: made[name] for name in self.outputs}
        return made[self._ends()[0]]

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Initialise each node for the shapes of what it takes."""
        params, state, made = {}, {}, self._begin(x)
        for i, (name, layer, sources) in enumerate(zip(self.names, self.layers, self.inputs, strict=True)):
            p, s, made[name] = init_one(layer, name, fold(key, i), _pick(made, sources))
            if p:
                params[name] = p
            if s:
                state[name] = s
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The outputs; the new state has the names of the old one."""
        after, made = dict(state), self._begin(x)
        for i, (name, layer, sources) in enumerate(zip(self.names, self.layers, self.inputs, strict=True)):
            taken = _pick(made, sources)
            made[name], s = apply_one(layer, name, params, state, taken, key=fold(key, i), train=train, rows=rows)
            if name in after:
                after[name] = s
        return self._end(made), after


def _tuple(names: Any) -> tuple:
    return names if isinstance(names, tuple) else (names,)


def _pick(made: dict[str, Any], sources: Any) -> Any:
    return tuple(made[s] for s in sources) if isinstance(sources, tuple) else made[sources]
