"""A recurrent layer run both ways."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import child, spec
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.combine import fold
from jaxnn.layers.recurrent import split_mask

JOINS = {
    "concat": lambda a, b: jnp.concatenate([a, b], axis=-1),
    "add": lambda a, b: a + b,
    "multiply": lambda a, b: a * b,
    "average": lambda a, b: (a + b) / 2,
}


@spec
class Bidirectional:
    """A recurrent layer run forward, and another like it backward in time; their outputs are joined step by step.

    The backward outputs stand at the step they belong to. With a mask the backward run starts at the last real step.

    Args:
        layer: a recurrent layer, such as ``LSTM(64)``; both directions have its form and parameters of their own.
        join: ``"concat"`` (over features), ``"add"``, ``"multiply"`` or ``"average"``.

    Shapes:
        ``x (batch, time, in)``, or ``(x, mask (batch, time))``, gives ``(batch, 2 units)``, or
        ``(batch, time, 2 units)`` if the layer returns sequences; ``units`` for joins other than ``"concat"``.
        Params are ``forward`` and ``backward``, each as those of the layer.

    Raises:
        ValueError: for an unknown join, or inputs that do not fit.

    Source: Schuster and Paliwal, 1997; ``keras.layers.Bidirectional``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.Bidirectional(nn.GRU(4))
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 3)))
        >>> sorted(params), layer.apply(params, state, jnp.ones((2, 5, 3)))[0].shape
        (['backward', 'forward'], (2, 8))
    """

    layer: Any = child()
    join: str = "concat"

    def __post_init__(self):
        if self.join not in JOINS:
            raise ValueError(
                f"no join is named {self.join!r}; choose one of {', '.join(JOINS)}, "
                'as in Bidirectional(LSTM(64), join="concat")'
            )

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Two sets of parameters of the layer."""
        split_mask("Bidirectional", x)
        params, state = {}, {}
        for i, name in enumerate(("forward", "backward")):
            with checks.at(name):
                params[name], kept = self.layer.init(fold(key, i), x)
            if kept:
                state[name] = kept
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Both runs, joined."""
        _, mask = split_mask("Bidirectional", x)
        after, outputs = dict(state), []
        for i, (name, turn) in enumerate((("forward", lambda v: v), ("backward", _flip))):
            with checks.at(name):
                turned, before = jax.tree.map(turn, x), state.get(name, {})
                y, kept = self.layer.apply(params[name], before, turned, key=fold(key, i), train=train, rows=rows)
            if name in after:
                after[name] = kept
            y = y[0] if isinstance(y, tuple) else y
            outputs.append(turn(y) if y.ndim == 3 else y)
        y = JOINS[self.join](*outputs)
        return ((y, mask) if mask is not None and y.ndim == 3 else y), after


def _flip(values: Any) -> Any:
    return jnp.flip(values, axis=1)
