"""Layers side by side."""

from typing import Any

import jax

from jaxnn.core.layer import child, spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.combine import apply_one, check_layers, fold, init_one, layer_names
from jaxnn.layers.join import check_join, join


@spec
class Parallel:
    """Layers that all see the same input, and whose outputs are joined: ``y = join(f_1(x), ..., f_n(x))``.

    Layer *i* gets the key ``fold_in(key, i)``, and names count as in `Sequential`. ``Sequential()`` is the identity:
    ``Parallel(f, Sequential(), join="add")`` is ``Residual(f)``.

    Args:
        *layers: the layers, one at least.
        join: ``"add"``, ``"multiply"``, ``"average"``, ``"maximum"`` or ``"concat"`` (along the last axis).

    Raises:
        TypeError: if an argument is no layer.
        ValueError: for no layers, an unknown join, or outputs that do not fit, with their shapes.

    Source: Szegedy et al., "Going deeper with convolutions", 2014.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.Parallel(nn.Dense(3, "relu"), nn.Dense(2), join="concat")
        >>> params, state = model.init(jax.random.key(0), jnp.ones((1, 4)))
        >>> list(params), model.apply(params, state, jnp.ones((1, 4)))[0].shape
        (['dense_0', 'dense_1'], (1, 5))
    """

    layers: tuple = child()
    join: str = "concat"

    def __init__(self, *layers: Any, join: str = "concat", **named: Any):
        object.__setattr__(self, "layers", tuple(named["layers"]) if "layers" in named else layers)
        object.__setattr__(self, "join", join)
        check_layers("Parallel", self.layers)
        check_join(join, 'Parallel(Dense(3), Dense(3), join="add")')
        if not self.layers:
            raise ValueError("Parallel needs a layer; write Parallel(Dense(3), Dense(3)), or Sequential() for none")

    def __repr__(self) -> str:
        how = "" if self.join == "concat" else f", join={self.join!r}"
        return f"Parallel({', '.join(map(repr, self.layers))}{how})"

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Initialise each layer for the same input."""
        params, state, outputs = {}, {}, []
        for i, (name, layer) in enumerate(zip(layer_names(self.layers), self.layers, strict=True)):
            p, s, y = init_one(layer, name, fold(key, i), x)
            outputs.append(y)
            if p:
                params[name] = p
            if s:
                state[name] = s
        jax.eval_shape(lambda v: join(self.join, "Parallel", v), outputs)
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The joined outputs; the new state has the names of the old one."""
        after, outputs = dict(state), []
        for i, (name, layer) in enumerate(zip(layer_names(self.layers), self.layers, strict=True)):
            y, s = apply_one(layer, name, params, state, x, key=fold(key, i), train=train, rows=rows)
            outputs.append(y)
            if name in after:
                after[name] = s
        return join(self.join, "Parallel", outputs), after
