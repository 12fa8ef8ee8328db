"""A recurrent layer run both ways."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.layer import child, spec
from jaxnn.core.masks import beside, parts
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.children import Apply, Init, check_layers
from jaxnn.layers.join import check_join, join
from jaxnn.layers.recurrent import split_mask


@spec
class Bidirectional:
    """A recurrent layer run forward, and another like it backward in time; their outputs are joined step by step.

    The backward outputs stand at the step they belong to. With a mask the backward run starts at the last real step.

    Args:
        layer: a recurrent layer, such as ``LSTM(64)``; both directions have its form and parameters of their own.
        join: ``"concat"`` (over features), ``"add"``, ``"multiply"``, ``"average"`` or ``"maximum"``.

    Shapes:
        ``x (batch, time, in)``, or ``(x, mask (batch, time))``, gives ``(batch, 2 units)``, or
        ``(batch, time, 2 units)`` if the layer returns sequences; ``units`` for joins other than ``"concat"``.
        Params are ``forward`` and ``backward``, each as those of the layer.

    Raises:
        TypeError: if the argument is no layer.
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
        check_layers("Bidirectional", (self.layer,))
        check_join(self.join, 'Bidirectional(LSTM(64), join="concat")')

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Two sets of parameters of the layer."""
        split_mask("Bidirectional", x)
        run = Init(key)
        for name in ("forward", "backward"):
            run(name, self.layer, x)
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Both runs, joined."""
        _, mask = split_mask("Bidirectional", x)
        run = Apply(params, state, key=key, train=train, rows=rows)
        forward, _ = parts("Bidirectional", run("forward", self.layer, x))
        backward, _ = parts("Bidirectional", run("backward", self.layer, jax.tree.map(_flip, x)))
        sequences = forward.ndim == 3
        y = join(self.join, "Bidirectional", [forward, _flip(backward) if sequences else backward])
        return beside(y, mask if sequences else None), run.state


def _flip(values: Any) -> Any:
    return jnp.flip(values, axis=1)
