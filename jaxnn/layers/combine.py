"""Layers made of layers."""

import re
from typing import Any

import jax

from jaxnn.core import checks
from jaxnn.core.layer import child, is_spec, spec
from jaxnn.core.types import Key, Params, State


def layer_names(layers: tuple) -> tuple[str, ...]:
    """Readable names, counted per class: ``dense_0, dropout_0, dense_1``.

    Example:
        >>> import jaxnn as nn
        >>> layer_names((nn.Dense(2), nn.Dropout(0.1), nn.Dense(2)))
        ('dense_0', 'dropout_0', 'dense_1')
    """
    seen: dict[str, int] = {}
    names = []
    for layer in layers:
        kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(layer).__name__).lower()
        names.append(f"{kind}_{seen.setdefault(kind, 0)}")
        seen[kind] += 1
    return tuple(names)


def fold(key: Any, i: int) -> Any:
    """The key of layer ``i``: ``fold_in(key, i)``, or None where there is no key."""
    return None if key is None else jax.random.fold_in(key, i)


def output_shape(layer: Any, params: Params, state: State, x: Any) -> Any:
    """Shape and dtype of what ``layer`` makes of ``x``, without computing it."""
    return jax.eval_shape(lambda p, s, v: layer.apply(p, s, v, train=False)[0], params, state, x)


def init_one(layer: Any, name: str, key: Key, x: Any) -> tuple[Params, State, Any]:
    """Initialise a child under its name; returns its params, its state and the shape of its output."""
    with checks.at(name):
        params, state = layer.init(key, x)
        return params, state, output_shape(layer, params, state, x)


def apply_one(
    layer: Any, name: str, params: Params, state: State, x: Any, *, key: Key | None, train: bool, rows: Any
) -> tuple[Any, State]:
    """Apply a child under its name, out of the dicts of its parent."""
    with checks.at(name):
        return layer.apply(params.get(name, {}), state.get(name, {}), x, key=key, train=train, rows=rows)


def check_layers(kind: str, layers: tuple) -> None:
    """Raise for a class, a bare function or a list where a layer is due; what JAX puts there in tree maps passes."""
    for i, layer in enumerate(layers):
        if isinstance(layer, (type, str, list, tuple)) or (callable(layer) and not is_spec(layer)):
            told = "*layers" if isinstance(layer, (list, tuple)) and kind != "Residual" else "Dense(3)"
            raise TypeError(f"{kind} takes layers, and argument {i} is {layer!r}; write {kind}({told})")


@spec
class Sequential:
    """Layers one after the other, ``y = f_n(... f_1(x))``.

    Layer *i* gets the key ``fold_in(key, i)``. Params and state are dicts under readable names (``dense_0``,
    ``dense_1``, counted per class); layers with nothing to keep have no entry.

    Args:
        *layers: the layers, first to last; none at all is the identity.

    Raises:
        TypeError: if an argument is no layer.
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

    def __init__(self, *layers: Any, **named: Any):
        object.__setattr__(self, "layers", tuple(named["layers"]) if "layers" in named else layers)
        check_layers("Sequential", self.layers)

    def __repr__(self) -> str:
        return f"Sequential({', '.join(map(repr, self.layers))})"

    @property
    def last(self) -> Any:
        """The layer that gives the output, or None for none at all."""
        return self.layers[-1] if self.layers else None

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Initialise each layer for the output shape of the one before."""
        params, state = {}, {}
        for i, (name, layer) in enumerate(zip(layer_names(self.layers), self.layers, strict=True)):
            p, s, x = init_one(layer, name, fold(key, i), x)
            if p:
                params[name] = p
            if s:
                state[name] = s
        return params, state

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """Pass ``x`` through the layers; the new state has the names of the old one."""
        after = dict(state)
        for i, (name, layer) in enumerate(zip(layer_names(self.layers), self.layers, strict=True)):
            x, s = apply_one(layer, name, params, state, x, key=fold(key, i), train=train, rows=rows)
            if name in after:
                after[name] = s
        return x, after


@spec
class Residual:
    """A layer with its input added, ``y = x + layer(x)``.

    Args:
        layer: any layer whose output has the shape of its input.

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
        (name,) = layer_names((self.layer,))
        params, state, y = init_one(self.layer, name, fold(key, 0), x)
        _same_shape(x, y)
        return ({name: params} if params else {}), ({name: state} if state else {})

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The input plus what the inner layer makes of it."""
        (name,) = layer_names((self.layer,))
        y, s = apply_one(self.layer, name, params, state, x, key=fold(key, 0), train=train, rows=rows)
        _same_shape(x, y)
        return x + y, ({name: s} if name in state else state)


def _same_shape(x: Any, y: Any) -> None:
    if x.shape != y.shape:
        raise checks.SpecError(
            f"Residual adds {x.shape} to {y.shape}; end the inner layer with the shape of its input, "
            f"as in Residual(Dense({x.shape[-1]}))"
        )
