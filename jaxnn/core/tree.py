"""Leaves by name, and trees along the member axis."""

import fnmatch
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

Where: TypeAlias = str | tuple[str, ...] | Callable[[str], bool]
WEIGHTS: tuple[str, ...] = ("kernel", "embedding")
"""The leaf names that penalties and decay choose unless told otherwise; biases and norms are left alone."""


def path_of(path: tuple) -> str:
    """A key path as text, its parts joined by ``/``: ``dense_0/kernel``."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def mask(tree: Any, where: Where = WEIGHTS) -> Any:
    """A tree of Python bools: which leaves ``where`` chooses, by name, never by rank.

    Args:
        tree: any pytree.
        where: a tuple of last names (``("kernel",)``), a pattern over the path (``"dense_*/kernel"``),
            or a function from the path to a bool.

    Returns:
        A tree of the same structure whose leaves are bools.

    Example:
        >>> mask({"dense_0": {"kernel": 1.0, "bias": 2.0}})
        {'dense_0': {'bias': False, 'kernel': True}}
    """
    return jax.tree_util.tree_map_with_path(lambda path, _: _chosen(path_of(path), where), tree)


def _chosen(path: str, where: Where) -> bool:
    if callable(where):
        return bool(where(path))
    if isinstance(where, str):
        return fnmatch.fnmatchcase(path, where)
    return path.rsplit("/", 1)[-1] in where


def is_floating(leaf: Any) -> bool:
    """Whether an array, or the shape of one, holds floating numbers.

    Example:
        >>> is_floating(jnp.ones(2)), is_floating(jnp.arange(2))
        (True, False)
    """
    return jnp.issubdtype(leaf.dtype, jnp.floating)


def cast(tree: Any, dtype: Any) -> Any:
    """The floating leaves of a tree, arrays or shapes, in another dtype; None leaves all as they are.

    Example:
        >>> jax.tree.map(lambda a: str(a.dtype), cast({"x": jnp.ones(2), "i": jnp.int32(1)}, jnp.bfloat16))
        {'i': 'int32', 'x': 'bfloat16'}
    """
    if dtype is None:
        return tree
    dtype = jax.dtypes.canonicalize_dtype(dtype)

    def one(leaf: Any) -> Any:
        return leaf.update(dtype=dtype) if isinstance(leaf, jax.ShapeDtypeStruct) else leaf.astype(dtype)

    return jax.tree.map(lambda leaf: one(leaf) if is_floating(leaf) else leaf, tree)


def widened(tree: Any) -> Any:
    """The floating leaves of a tree that are below float32 as float32.

    Example:
        >>> jax.tree.map(lambda a: str(a.dtype), widened({"x": jnp.ones(2, "bfloat16"), "i": jnp.int8(1)}))
        {'i': 'int8', 'x': 'float32'}
    """
    narrow = lambda a: jnp.issubdtype(a.dtype, jnp.floating) and jnp.finfo(a.dtype).bits < 32  # noqa: E731
    return jax.tree.map(lambda a: a.astype(jnp.float32) if narrow(a) else a, tree)


def count(tree: Any) -> int:
    """The number of scalars in a tree of arrays or of shapes.

    Example:
        >>> count({"kernel": jnp.ones((3, 2)), "bias": jnp.ones(2)})
        8
    """
    return sum(math.prod(jnp.shape(leaf)) for leaf in jax.tree.leaves(tree))


def row_count(tree: Any) -> int:
    """The number of rows of arrays ``(rows, ...)``, read off the first.

    Example:
        >>> row_count({"cls": jnp.ones((4, 2)), "reg": jnp.ones(4)})
        4
    """
    return jax.tree.leaves(tree)[0].shape[0]


def stack(trees: list[Any]) -> Any:
    """One tree whose leaves carry a leading member axis, from a list of trees of one structure.

    Example:
        >>> stack([{"a": 1.0}, {"a": 2.0}])["a"].shape
        (2,)
    """
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def member(tree: Any, i: int) -> Any:
    """The tree of member ``i`` out of a stacked tree.

    Example:
        >>> int(member({"a": jnp.arange(3)}, 1)["a"])
        1
    """
    return jax.tree.map(lambda leaf: leaf[i], tree)
