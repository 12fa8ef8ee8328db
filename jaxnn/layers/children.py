"""Layers inside a layer: their names, their keys, and the two calls through which every composite reaches them.

A composite calls its children through an `Init` in ``init`` and through an `Apply` in ``apply``, both as
``run(name, layer, x)``. Child *i*, counted by the calls, gets the key ``fold_in(key, i)``; params and state are dicts
under the names, and a child with nothing to keep has no entry.
"""

import dataclasses
import re
from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax

from jaxnn.core import checks
from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.core.masks import beside, is_masked
from jaxnn.core.mesh import gathered
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
        kind = re.sub(
            r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", type(getattr(layer, "named_as", layer)).__name__
        ).lower()
        names.append(f"{kind}_{seen.setdefault(kind, 0)}")
        seen[kind] += 1
    return tuple(names)


def named(layers: tuple) -> list[tuple[str, Any]]:
    """Each layer with its readable name, in order."""
    return list(zip(layer_names(layers), layers, strict=True))


def check_layers(kind: str, layers: tuple) -> None:
    """Raise for what is no layer; what JAX puts in a layer's place in its tree maps passes."""
    for i, layer in enumerate(layers):
        if isinstance(layer, (list, tuple)) and kind == "Sequential":
            raise TypeError(f"{kind} takes layers, and argument {i} is {layer!r}; write {kind}(*layers)")
        if isinstance(layer, (type, str, list, tuple)) or (callable(layer) and not is_spec(layer)):
            raise TypeError(f"{kind} takes layers, and argument {i} is {layer!r}; write {kind}(Dense(3))")
        known = REGISTRY.get(type(layer).__name__, ())  # a subclass of the name is a spec seen through, as by `summary`
        if hasattr(type(layer), "apply") and not is_spec(layer) and not isinstance(layer, known):
            raise TypeError(
                f"{kind} takes layers, and the class of argument {i} is no spec; write @nn.spec above "
                f"class {type(layer).__name__}"
            )


def only(kind: str, named: Mapping[str, Any], fields: tuple[str, ...], call: str) -> None:
    """Raise for keywords that a composite with ``*layers`` does not know; ``fields`` are those JAX builds it with.

    Raises:
        TypeError: with the keyword and the call to write.
    """
    for name in named:
        if name not in fields:
            raise TypeError(f"{kind} has no argument {name!r}; write {call}")


def output_shape(layer: Any, params: Params, state: State, x: Any) -> Any:
    """Shape and dtype of what ``layer`` makes of ``x``, without computing it."""
    return jax.eval_shape(lambda p, s, v: checks.pair(layer, layer.apply(p, s, v, train=False))[0], params, state, x)


def bound(run: Any, layers: Mapping[str, Any]) -> SimpleNamespace:
    """Each layer as a function of its input alone, under its name; None is the identity.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> f = bound(Apply({}, {}), {"bend": nn.Activation("relu"), "nothing": None})
        >>> f.nothing(f.bend(jnp.array([[-1.0, 2.0]]))).tolist()
        [[0.0, 2.0]]
    """
    return SimpleNamespace(
        **{name: (lambda x: x) if layer is None else partial(run, name, layer) for name, layer in layers.items()}
    )


class Init:
    """Initialises children: ``run(name, layer, x)`` returns the shape of the output; ``run.made`` is params and state.

    A name that comes again is the same child: it keeps its parameters, which must fit the other input too.

    Args:
        key: that of the composite.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> run = Init(jax.random.key(0))
        >>> run("hidden", nn.Dense(3), jnp.ones((2, 4))).shape, list(run.made[0])
        ((2, 3), ['hidden'])
    """

    def __init__(self, key: Key):
        self._key, self._calls = key, 0
        self._children: dict[str, tuple[Params, State]] = {}

    def __call__(self, name: str, layer: Any, x: Any) -> Any:
        """Initialise the child, unless it is there already."""
        key, self._calls = jax.random.fold_in(self._key, self._calls), self._calls + 1
        if not hasattr(layer, "init"):
            raise TypeError(f"{name} is {layer!r}, which is no layer; write one, as in Dense(3)")
        with checks.at(name):
            if name not in self._children:
                self._children[name] = layer.init(key, x)
            return output_shape(layer, *self._children[name], x)

    @property
    def made(self) -> tuple[Params, State]:
        """What the children keep."""
        params, state = ({name: c[i] for name, c in self._children.items() if c[i]} for i in (0, 1))
        return params, state


class Apply:
    """Applies children: ``run(name, layer, x)`` returns the output; ``run.state`` is the state after it.

    Args:
        params, state: those of the composite.
        key, train, rows: as ``apply`` got them; each child gets a key of its own.
        mask: where given, children get ``(x, mask)`` and what they return is the array alone.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn
        >>> x, layer = jnp.ones((2, 4)), nn.BatchNorm(momentum=0.5)
        >>> _, state = layer.init(jax.random.key(0), x)
        >>> run = Apply({}, {"norm": state}, train=True)
        >>> run("norm", nn.BatchNorm(0.5, use_scale=False, use_bias=False), x).shape, run.state["norm"]["mean"].tolist()
        ((2, 4), [0.5, 0.5, 0.5, 0.5])
    """

    def __init__(
        self,
        params: Params,
        state: State,
        *,
        key: Key | None = None,
        train: bool = False,
        rows: Any = None,
        mask: Any = None,
    ):
        self.state, self._params = dict(state), params
        self._key, self._calls, self._train, self._rows, self._mask = key, 0, train, rows, mask

    def __call__(self, name: str, layer: Any, x: Any) -> Any:
        """Apply the child and keep its new state."""
        key, self._calls = fold(self._key, self._calls), self._calls + 1
        params, state = self._params.get(name, {}), self.state.get(name, {})
        with checks.at(name):
            x = beside(x, self._mask)
            found = layer.apply(brought(layer, params), state, x, key=key, train=self._train, rows=self._rows)
            y, after = checks.pair(layer, found)
        if name in self.state:
            self.state[name] = after
        return y[0] if self._mask is not None and is_masked(y) else y


def holds_layers(layer: Any) -> bool:
    """Whether a layer is made of others, which take their parameters out of its own.

    Example:
        >>> import jaxnn as nn
        >>> holds_layers(nn.Residual(nn.Dense(3))), holds_layers(nn.Dense(3))
        (True, False)
    """
    return is_spec(layer) and any(field.metadata.get("child") for field in dataclasses.fields(layer))


def brought(layer: Any, params: Params) -> Params:
    """The parameters as a layer takes them, where a model lies split over devices; see `jaxnn.core.mesh`."""
    return params if holds_layers(layer) else gathered(params, checks.path())


def fold(key: Key | None, i: Any) -> Key | None:
    """The key of child ``i``: ``fold_in(key, i)``, or None where there is no key."""
    return None if key is None else jax.random.fold_in(key, i)
