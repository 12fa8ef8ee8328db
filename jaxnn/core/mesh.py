"""Parameters as layers use them, where one model lies over a mesh.

Who lays out a program opens `laid` while it is traced; `gathered` is where a layer's weights come together, and
outside of `laid` it does nothing. So weights that are split over the data axis are brought together layer by layer,
again in the backward pass where a block is rematerialised, and their gradients are summed into shares: the all-gathers
and reduce-scatters of ZeRO-3. Without it the compiler may as well split what flows between the layers instead.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

import jax
from jax.sharding import NamedSharding

from jaxnn.core.shards import Rules, spec_of
from jaxnn.core.tree import path_of

_LAID: ContextVar[tuple[Any, Rules] | None] = ContextVar("laid", default=None)


@contextlib.contextmanager
def laid(mesh: Any, rules: Rules = ()) -> Iterator[None]:
    """Say, while a function is traced, how its parameters lie: fully sharded over ``"data"``, and by rules.

    Args:
        mesh, rules: as in `jaxnn.core.shards.specs`.

    Example:
        >>> import jax.numpy as jnp
        >>> mesh = jax.sharding.Mesh(jax.devices()[:1], ("data",))
        >>> with laid(mesh):
        ...     gathered({"kernel": jnp.ones(2)}, ("dense_0",))["kernel"].tolist()
        [1.0, 1.0]
    """
    token = _LAID.set((mesh, rules))
    try:
        yield
    finally:
        _LAID.reset(token)


def gathered(params: Any, path: tuple[str, ...]) -> Any:
    """The parameters of a layer, their shares over ``"data"`` brought together; gradients go back as shares.

    Args:
        params: those of the layer at ``path``, of which the rules read the leaves' own paths.
    """
    found = _LAID.get()
    if found is None:
        return params
    mesh, rules = found
    sizes = dict(mesh.shape)

    def one(own: tuple, leaf: Any) -> Any:
        name = "/".join((*path, path_of(own))).removesuffix("/")
        whole, share = (NamedSharding(mesh, spec_of(name, leaf.shape, rules, sizes, fully)) for fully in (False, True))
        return leaf if whole.spec == share.spec else _brought_together(whole, share, leaf)

    return jax.tree_util.tree_map_with_path(one, params)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _brought_together(whole: NamedSharding, share: NamedSharding, leaf: Any) -> Any:
    # Held as a share first, or what made it, such as a cast to fewer bits, would be done after it is brought together.
    return jax.lax.with_sharding_constraint(jax.lax.with_sharding_constraint(leaf, share), whole)


def _forward(whole: NamedSharding, share: NamedSharding, leaf: Any) -> tuple[Any, None]:
    return _brought_together(whole, share, leaf), None


def _backward(whole: NamedSharding, share: NamedSharding, _: None, grad: Any) -> tuple[Any]:
    return (jax.lax.with_sharding_constraint(grad, share),)


_brought_together.defvjp(_forward, _backward)
