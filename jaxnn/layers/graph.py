"""Layers as named nodes, with several inputs and outputs."""

from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import child, spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.children import Apply, Init, check_layers, only

EXAMPLE = 'Graph(("hidden", Dense(8), "x"), ("sum", Join("add"), ("hidden", "x")))'


@spec
class Graph:
    """Layers as named nodes, each with the outputs of other nodes or the inputs of the graph as its input.

    Node *i* gets the key ``fold_in(key, i)``; params and state are dicts under the names of the nodes. The same layer
    object in two nodes, or the name of the first in the place of the second's layer, is one set of weights, under the
    name of the first; two equal layers are two.

    Args:
        *nodes: tuples ``(name, layer, inputs)``, each after those it needs. ``inputs`` is a name, and the layer gets
            an array, or ``(x, mask)`` where there is a mask; or a tuple of names, and it gets a tuple of them, as
            `Join` takes it. A name that is no node is an input of the graph. The fields ``names`` and ``inputs`` hold
            the columns, ``layers`` the layers, each once, and ``uses`` which of them each node takes (none where each
            has its own).
        outputs: the name of the node that is the result; or a tuple of names, and the result is a dict of them; None
            is the last node.

    Shapes:
        ``x`` is a dict of the inputs by name, or an array where there is only one.

    Raises:
        TypeError: if a node holds no layer, or for an unknown keyword.
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
        >>> twins = nn.Graph(("a", nn.Dense(4), "left"), ("b", "a", "right"), ("both", nn.Join("multiply"), ("a", "b")))
        >>> x = {"left": jnp.ones((2, 3)), "right": jnp.ones((2, 3))}
        >>> list(twins.init(jax.random.key(0), x)[0])
        ['a']
    """

    names: tuple = ()
    layers: tuple = child(())
    inputs: tuple = ()
    outputs: str | tuple[str, ...] | None = None
    uses: tuple = ()

    def __init__(self, *nodes: tuple, outputs: str | tuple[str, ...] | None = None, **fields: Any):
        only("Graph", fields, ("names", "layers", "inputs", "uses"), EXAMPLE)
        if nodes and not all(isinstance(node, tuple) and len(node) == 3 for node in nodes):
            raise ValueError(f"a node is (name, layer, inputs), got {nodes!r}; write {EXAMPLE}")
        names, given, inputs = zip(*nodes, strict=True) if nodes else ((), (), ())
        layers, uses = _shared(names, given)
        for name, column in {"names": names, "layers": layers, "inputs": inputs, "uses": uses}.items():
            object.__setattr__(self, name, tuple(fields.get(name, column)))
        object.__setattr__(self, "outputs", outputs)
        self._check()

    def __repr__(self) -> str:
        nodes = [
            repr((name, layer if owner == name else owner, sources)) for name, owner, layer, sources in self._nodes()
        ]
        ends = [] if self.outputs is None else [f"outputs={self.outputs!r}"]
        return f"Graph({', '.join(nodes + ends)})"

    def _nodes(self) -> list[tuple]:
        """For each node its name, that under which its weights stand, its layer and its inputs."""
        uses = self.uses or range(len(self.names))
        owners: dict[int, str] = {}
        for name, i in zip(self.names, uses, strict=True):
            owners.setdefault(i, name)
        columns = zip(self.names, uses, self.inputs, strict=True)
        return [(name, owners[i], self.layers[i], sources) for name, i, sources in columns]

    def _check(self) -> None:
        check_layers("Graph", self.layers)
        uses = self.uses or tuple(range(len(self.names)))
        fits = len(self.names) == len(uses) == len(self.inputs) and set(uses) == set(range(len(self.layers)))
        if not self.names or not fits:
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
        if isinstance(self.outputs, tuple):
            return None
        return next(layer for name, _, layer, _ in self._nodes() if name == self._ends()[0])

    @property
    def lasts(self) -> dict[str, Any]:
        """The layer that gives each output, by its name; none where the output has no name."""
        given = {name: layer for name, _, layer, _ in self._nodes()}
        return {name: given[name] for name in self.outputs} if isinstance(self.outputs, tuple) else {}

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
        run = Init(key)
        self._through(run, x)
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The outputs; the new state has the names of the old one."""
        run = Apply(params, state, key=key, train=train, rows=rows)
        return self._through(run, x), run.state

    def _through(self, run: Any, x: Any) -> Any:
        made = self._begin(x)
        for name, owner, layer, sources in self._nodes():
            made[name] = run(owner, layer, _pick(made, sources))
        return self._end(made)


def _shared(names: tuple, given: tuple) -> tuple[tuple, tuple]:
    """Each layer once, and which of them each node takes; the second is empty where each node has its own."""
    layers, uses = [], []
    for i, layer in enumerate(given):
        if isinstance(layer, str) and layer in names[:i]:
            uses.append(uses[names.index(layer)])
        else:
            uses.append(next((j for j, known in enumerate(layers) if known is layer), len(layers)))
            layers += [layer] if uses[-1] == len(layers) else []
    return tuple(layers), () if len(layers) == len(uses) else tuple(uses)


def _tuple(names: Any) -> tuple:
    return names if isinstance(names, tuple) else (names,)


def _pick(made: dict[str, Any], sources: Any) -> Any:
    return tuple(made[s] for s in sources) if isinstance(sources, tuple) else made[sources]
