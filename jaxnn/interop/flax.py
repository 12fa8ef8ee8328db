"""Flax modules, Linen and NNX, as specs, so that they train in `fit` and `grid` like any layer.

``from jaxnn.interop import flax``. To copy parameters between Flax's trees and ours, see
`jaxnn.interop.flax_params`, whose two functions are here too.
"""

import inspect
from collections.abc import Callable
from dataclasses import field, replace
from typing import Any

import jax
import jax.numpy as jnp
from flax import errors, linen, nnx
from flax.core import meta, unfreeze

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.types import Key, Params, State
from jaxnn.interop.flax_params import params_from_flax, params_to_flax

__all__ = ["LinenLayer", "NNXLayer", "from_linen", "from_nnx", "params_from_flax", "params_to_flax"]

FLAGS: dict[str, bool] = {
    "train": True,
    "training": True,
    "is_training": True,
    "deterministic": False,
    "use_running_average": False,
    "eval": False,
}
"""Names of the argument that tells training from use, and its value in training."""


@spec
class LinenLayer:
    """A Linen module as a spec; `from_linen` makes it.

    The collection ``params`` are the params, all other collections are the state, by their names. In training every
    collection of the state may change. The streams of random numbers are keys folded from ``key``. Rows of padding,
    where ``rows`` is 0, take no part in the statistics of a ``linen.BatchNorm`` whose input has the rows of ``x``.

    Args:
        module: the module; its attributes are architecture.
        flags: the arguments of its ``__call__`` that tell training from use.
        streams: the names of its random streams.
        name: under which the module is given back to a saved model, ``nn.load(path, modules={name: module})``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> layer = from_linen(linen.Dense(3))
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> params["kernel"].shape, layer.apply(params, state, jnp.ones((2, 4)))[0].shape
        ((4, 3), (2, 3))
    """

    module: Any = field(metadata={"outside": True})
    flags: tuple[str, ...] = ()
    streams: tuple[str, ...] = ("dropout",)
    name: str = "module"

    def __post_init__(self):
        if not isinstance(self.module, linen.Module):
            raise TypeError(f"from_linen takes a Linen module, got {self.module!r}; write from_linen(linen.Dense(3))")

    def __repr__(self) -> str:
        return f"LinenLayer(<{' '.join(repr(self.module).split())}>)"

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The module's own initial variables; only the shape of ``x`` is read."""
        keys = dict(zip(("params", *self.streams), jax.random.split(key, 1 + len(self.streams)), strict=True))
        zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), x)
        variables = dict(meta.unbox(unfreeze(self.module.init(keys, zeros, **_flags(self.flags, False)))))
        params = variables.pop("params", {})
        return params, variables

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The module's outputs and, in training, its changed collections."""
        rngs = {} if key is None else {name: jax.random.fold_in(key, i) for i, name in enumerate(self.streams)}
        mutable, flags = list(state) if train else False, _flags(self.flags, train)
        try:
            with linen.intercept_methods(_without_padding(rows)):
                result = self.module.apply({"params": params, **state}, x, rngs=rngs, mutable=mutable, **flags)
        except errors.InvalidRngError as error:
            if key is None:
                checks.key_needed(type(self.module).__name__, key)
            raise checks.SpecError(f"{error}; write from_linen(module, streams=(...)) with its name") from None
        except errors.ScopeParamShapeError as error:
            got = jax.tree.map(lambda a: tuple(a.shape), x)
            raise checks.SpecError(f"{error}; got inputs {got}; write inputs that its weights were made for") from None
        if mutable is False:
            return result, state
        y, changed = result
        return y, {**state, **unfreeze(changed)}


@spec
class NNXLayer:
    """An NNX module as a spec; `from_nnx` makes it.

    Variables of type ``nnx.Param`` are the params, all others but the random streams are the state, as plain dicts.
    In training the state may change. The random streams start from keys folded from ``key`` at every call. Rows of
    padding are rows like any other to its batch statistics, so take a batch size that divides the rows, or Linen.

    Args:
        factory: a function ``factory(rngs)`` that makes the module, or a module to copy.
        flags: the arguments of the module's ``__call__`` that tell training from use.
        name: under which the function is given back to a saved model, ``nn.load(path, modules={name: function})``.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> layer = from_nnx(lambda rngs: nnx.Linear(4, 3, rngs=rngs))
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 4)))
        >>> params["kernel"].shape, layer.apply(params, state, jnp.ones((2, 4)))[0].shape
        ((4, 3), (2, 3))
    """

    factory: Callable = field(metadata={"outside": True})
    flags: tuple[str, ...] = ()
    name: str = "module"

    def __post_init__(self):
        if isinstance(self.factory, nnx.Module):
            object.__setattr__(self, "factory", _Copy(self.factory))
        if not callable(self.factory):
            raise TypeError(
                f"from_nnx takes a module or a function, got {self.factory!r}; write from_nnx(lambda rngs: ...)"
            )

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """The variables of a new module."""
        _, params, _, state = _split(self.factory(nnx.Rngs(key)))
        return nnx.to_pure_dict(params), nnx.to_pure_dict(state)

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The module's outputs and, in training, its changed variables."""
        shape, *trees = _split(nnx.eval_shape(lambda: self.factory(nnx.Rngs(jax.random.key(0, impl="threefry2x32")))))
        start = _streams(nnx.to_pure_dict(trees[1]), key)
        for tree, values in zip(trees, (params, start, state), strict=True):
            nnx.replace_by_pure_dict(tree, values)
        module = nnx.merge(shape, *trees)
        module.train() if train else module.eval()
        y = module(x, **_flags(self.flags, train))
        _, _, streams, after = _split(module)
        ends = jax.tree.leaves(nnx.to_pure_dict(streams))
        if key is None and any(a is not b for a, b in zip(ends, jax.tree.leaves(start), strict=True)):
            checks.key_needed(type(module).__name__, key)
        return y, (nnx.to_pure_dict(after) if train else state)


def from_linen(
    module: linen.Module, *, flags: tuple[str, ...] | None = None, streams: tuple[str, ...] = ("dropout",),
    name: str | None = None,
) -> LinenLayer:  # fmt: skip
    """A Linen module as a spec with this library's protocol.

    Args:
        module: a module whose ``__call__`` takes one input, and at most a flag besides.
        flags: the arguments of ``__call__`` that tell training from use; None finds ``train``, ``training``,
            ``is_training``, ``deterministic``, ``use_running_average`` and ``eval`` in its signature.
        streams: the names of its random streams besides ``params``.
        name: under which the module is given back to a saved model, ``nn.load(path, modules={name: module})``; None
            for the name of its class.

    Returns:
        A spec that trains under jit and vmap.

    Raises:
        TypeError: for anything but a Linen module.
        ValueError: for a flag whose meaning is not known.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> layer = from_linen(linen.BatchNorm())
        >>> layer.flags, sorted(layer.init(jax.random.key(0), jnp.ones((2, 4)))[1])
        (('use_running_average',), ['batch_stats'])
    """
    layer, kind = LinenLayer(module), type(module)
    return replace(layer, flags=_found(kind, flags), streams=tuple(streams), name=name or kind.__name__)


def from_nnx(module: Any, *, flags: tuple[str, ...] | None = None, name: str | None = None) -> NNXLayer:
    """An NNX module as a spec with this library's protocol.

    Args:
        module: a function ``f(rngs)`` that makes a module, so that every seed has its own weights; or a module, whose
            weights every run starts from. Its ``__call__`` takes one input, and at most a flag besides.
        flags: the arguments of ``__call__`` that tell training from use; None finds those of `from_linen`. Whether the
            module's own parts train is set by its methods ``train`` and ``eval`` in any case.
        name: under which the module is given back to a saved model, ``nn.load(path, modules={name: module})``; None
            for the name of its class.

    Returns:
        A spec that trains under jit and vmap.

    Raises:
        TypeError: for anything but a module or a function of ``rngs`` that makes one.

    Example:
        >>> layer = from_nnx(lambda rngs: nnx.BatchNorm(4, rngs=rngs))
        >>> layer.flags, sorted(layer.init(jax.random.key(0), None)[1])
        (('use_running_average',), ['mean', 'var'])
    """
    factory = NNXLayer(module).factory
    made = nnx.eval_shape(lambda: factory(nnx.Rngs(jax.random.key(0, impl="threefry2x32"))))
    if not isinstance(made, nnx.Module):
        raise TypeError(
            "the function of from_nnx must make a module; write from_nnx(lambda rngs: nnx.Linear(4, 3, rngs=rngs))"
        )
    return NNXLayer(factory, _found(type(made), flags), name or type(made).__name__)


class _Copy:
    """A factory that copies one module; equal to itself alone."""

    def __init__(self, module: nnx.Module):
        self.module = module

    def __call__(self, rngs: nnx.Rngs) -> nnx.Module:
        return nnx.clone(self.module)


def _without_padding(rows: Any) -> Callable:
    """An interceptor that gives ``rows`` as a mask to every batch normalisation whose input has those rows."""

    def intercept(call: Callable, args: tuple, kwargs: dict, context: Any) -> Any:
        norm = isinstance(context.module, linen.BatchNorm) and context.method_name == "__call__"
        if norm and rows is not None and rows.shape == args[0].shape[:1] and "mask" not in kwargs:
            kwargs = {**kwargs, "mask": rows.astype(bool).reshape(-1, *(1,) * (args[0].ndim - 1))}
        return call(*args, **kwargs)

    return intercept


def _split(module: Any) -> tuple:
    return nnx.split(module, nnx.Param, nnx.RngState, ...)


def _streams(streams: Any, key: Key | None) -> Any:
    """Random streams at their start: each key folded from ``key``, each count 0."""
    key = jax.random.key(0, impl="threefry2x32") if key is None else key
    leaves, tree = jax.tree.flatten(streams)
    keyed = (jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in leaves)
    return jax.tree.unflatten(
        tree, [jax.random.fold_in(key, i) if k else jnp.zeros((), leaves[i].dtype) for i, k in enumerate(keyed)]
    )


def _found(module: type, flags: tuple[str, ...] | None) -> tuple[str, ...]:
    if flags is None:
        return tuple(name for name in FLAGS if name in inspect.signature(module.__call__).parameters)
    unknown = [name for name in flags if name not in FLAGS]
    if unknown:
        raise ValueError(f"it is not known what the flag {unknown[0]!r} means; choose among {', '.join(FLAGS)}")
    return tuple(flags)


def _flags(names: tuple[str, ...], train: bool) -> dict[str, bool]:
    return {name: FLAGS[name] == train for name in names}
