"""A stack of equal blocks, written out or scanned, and weights drawn anew with one standard deviation."""

import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.tree import path_of
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.children import layer_names
from jaxnn.layers.combine import Sequential
from jaxnn.layers.remat import Remat
from jaxnn.layers.repeat import Repeat

UNROLLED = 512
"""Blocks that are compiled one by one, at most."""


def stack_of(block: Any, n: int, repeat: bool, remat: str | None) -> Any:
    """``n`` blocks in a row: a `Repeat` where ``repeat``, else a `Sequential`; ``remat`` is a policy of `Remat`."""
    if not repeat and n > UNROLLED:
        raise ValueError(f"{n} blocks are too many to compile one by one; write repeat=True, and they are scanned")
    if repeat:
        return Repeat(block, n, remat)
    return Sequential(*(block if remat is None else Remat(block, remat),) * n)


def init_caches(block: Any, n: int, repeat: bool, params: Params, batch: int, length: int, dtype: Any) -> Any:
    """Empty caches of all blocks, stacked or by name, as the parameters are."""
    if repeat:
        (stacked,) = params.values()
        return jax.vmap(lambda p: block.init_cache(p, batch, length, dtype))(stacked)
    return {name: block.init_cache(params[name], batch, length, dtype) for name in layer_names((block,) * n)}


def apply_cached(
    block: Any, n: int, repeat: bool, params: Params, state: State, caches: Any, x: Any
) -> tuple[Any, Any]:
    """The next steps ``x`` through all blocks, and the caches after them."""
    if repeat:
        (name,) = params
        each = (params[name], state.get(name, {}), caches)
        return jax.lax.scan(lambda x, each: block.apply_cached(*each, x), x, each)
    after = {}
    for name in layer_names((block,) * n):
        with checks.at(name):
            x, after[name] = block.apply_cached(params[name], state.get(name, {}), caches[name], x)
    return x, after


def redraw(params: Params, key: Key, std: Hyper, layers: int) -> Params:
    """Every ``kernel`` and ``embedding`` from a normal, that of a projection into the residual stream narrower.

    The standard deviation is ``std``, and ``std / sqrt(2 layers)`` for the kernels of ``out`` and ``mlp_out``. Weights
    of one shape come out of one draw, which keeps the time to compile from growing with depth.

    Source: Radford et al., "Language models are unsupervised multitask learners", 2019.

    Example:
        >>> tree = {"out": {"kernel": jnp.zeros((200, 200))}, "norm": {"scale": jnp.ones(2)}}
        >>> drawn = redraw(tree, jax.random.key(0), 0.02, layers=8)
        >>> round(float(drawn["out"]["kernel"].std()), 3), drawn["norm"]["scale"].tolist()
        (0.005, [1.0, 1.0])
    """
    leaves, tree = jax.tree_util.tree_flatten_with_path(params)
    shapes: dict[Any, list[int]] = {}
    for i, (path, leaf) in enumerate(leaves):
        if path_of(path).rsplit("/", 1)[-1] in ("kernel", "embedding"):
            shapes.setdefault((leaf.shape, leaf.dtype), []).append(i)
    drawn = {}
    for k, ((shape, dtype), places) in enumerate(shapes.items()):
        values = jax.random.normal(jax.random.fold_in(key, k), (len(places), *shape), dtype)
        values = values * jnp.asarray(std, dtype)
        for j, i in enumerate(places):
            narrow = path_of(leaves[i][0]).split("/")[-2:-1] in (["out"], ["mlp_out"])
            drawn[i] = values[j] / math.sqrt(2 * layers) if narrow else values[j]
    return jax.tree.unflatten(tree, [drawn.get(i, leaf) for i, (_, leaf) in enumerate(leaves)])
