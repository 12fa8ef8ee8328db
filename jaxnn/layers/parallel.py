"""Layers side by side."""

from typing import Any

import jax

from jaxnn.core.layer import child, spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.children import Apply, Init, check_layers, named, only
from jaxnn.layers.join import check_join, join


@spec
class Parallel:
    """Layers that all see the same input, and whose outputs are joined: ``y = join(f_1(x), ..., f_n(x))``.

    With ``(x, mask)`` each layer gets both. Layer *i* gets the key ``fold_in(key, i)``, and names count as in
    `Sequential`. ``Sequential()`` is the identity: ``Parallel(f, Sequential(), join="add")`` is ``Residual(f)``.

    Args:
        *layers: the layers, one at least.
        join: ``"add"``, ``"multiply"``, ``"average"``, ``"maximum"`` or ``"concat"`` (along the last axis).

    Raises:
        TypeError: if an argument is no layer, or for an unknown keyword.
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

    def __init__(self, *layers: Any, join: str = "concat", **fields: Any):
        only("Parallel", fields, ("layers",), 'Parallel(Dense(3), Dense(3), join="add")')
        object.__setattr__(self, "layers", tuple(fields.get("layers", layers)))
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
        run = Init(key)
        outputs = [run(name, layer, x) for name, layer in named(self.layers)]
        jax.eval_shape(lambda v: join(self.join, "Parallel", v), outputs)
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The joined outputs; the new state has the names of the old one."""
        run = Apply(params, state, key=key, train=train, rows=rows)
        outputs = [run(name, layer, x) for name, layer in named(self.layers)]
        return join(self.join, "Parallel", outputs), run.state
