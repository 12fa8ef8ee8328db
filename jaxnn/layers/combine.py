"""Layers made of layers."""

from typing import Any

from jaxnn.core import checks
from jaxnn.core.layer import child, spec
from jaxnn.core.masks import parts
from jaxnn.core.types import Key, Params, State
from jaxnn.layers.children import Apply, Init, check_layers, named, only
from jaxnn.layers.join import join


@spec
class Sequential:
    """Layers one after the other, ``y = f_n(... f_1(x))``.

    Layer *i* gets the key ``fold_in(key, i)``. Params and state are dicts under readable names (``dense_0``,
    ``dense_1``, counted per class); layers with nothing to keep have no entry. A layer that stands in two places is
    two layers with weights of their own, as ``(Dense(8),) * 3`` is meant; `Graph` shares them.

    Args:
        *layers: the layers, first to last; none at all is the identity.

    Raises:
        TypeError: if an argument is no layer, or for an unknown keyword.
        ValueError: if a layer and its input do not fit, with the path of the layer.

    Source: ``keras.Sequential``.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model = nn.Sequential(nn.Dense(4, "relu"), nn.Dropout(0.2), nn.Dense(1))
        >>> params, state = model.init(jax.random.key(0), jnp.ones((2, 3)))
        >>> list(params), model.apply(params, state, jnp.ones((2, 3)))[0].shape
        (['dense_0', 'dense_1'], (2, 1))
    """

    layers: tuple = child()

    def __init__(self, *layers: Any, **fields: Any):
        only("Sequential", fields, ("layers",), "Sequential(Dense(8), Dense(1))")
        object.__setattr__(self, "layers", tuple(fields.get("layers", layers)))
        check_layers("Sequential", self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

    @property
    def last(self) -> Any:
        """The layer that gives the output, or None for none at all."""
        return self.layers[-1] if self.layers else None

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Initialise each layer for the output shape of the one before."""
        run = Init(key)
        self._through(run, x)
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Pass ``x`` through the layers; the new state has the names of the old one."""
        run = Apply(params, state, key=key, train=train, rows=rows)
        return self._through(run, x), run.state

    def _through(self, run: Any, x: Any) -> Any:
        for name, layer in named(self.layers):
            x = run(name, layer, x)
        return x


@spec
class Residual:
    """A layer with its input added, ``y = x + layer(x)``.

    Args:
        layer: any layer whose output has the shape of its input. With ``(x, mask)`` it gets both.

    Raises:
        TypeError: if the argument is no layer.
        ValueError: if the two shapes differ, with both.

    Source: He et al., "Deep residual learning", 2015.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> block = nn.Residual(nn.Dense(3, kernel_init="zeros"))
        >>> params, state = block.init(jax.random.key(0), jnp.ones((1, 3)))
        >>> block.apply(params, state, jnp.ones((1, 3)))[0].tolist()
        [[1.0, 1.0, 1.0]]
    """

    layer: Any = child()

    def __post_init__(self):
        check_layers("Residual", (self.layer,))

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The params and state of the inner layer, under its name."""
        ((name, layer),), run = named((self.layer,)), Init(key)
        _same_shape(x, run(name, layer, x))
        return run.made

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The input plus what the inner layer makes of it."""
        ((name, layer),) = named((self.layer,))
        run = Apply(params, state, key=key, train=train, rows=rows)
        y = run(name, layer, x)
        _same_shape(x, y)
        return join("add", "Residual", [x, y]), run.state


def _same_shape(x: Any, y: Any) -> None:
    one, two = parts("Residual", x)[0].shape, parts("Residual", y)[0].shape
    if one != two:
        raise checks.SpecError(
            f"Residual adds {one} to {two}; end the inner layer with the shape of its input, "
            f"as in Residual(Dense({one[-1]}))"
        )
