"""Whether two trees of arrays are alike, with the leaf where they are not."""

from typing import Any

import jax
import numpy as np

from jaxnn.core.tree import path_of


def same_shapes(a: Any, b: Any, what: str) -> None:
    """Raise an AssertionError unless two trees have one structure, and leaves of the same shapes and dtypes.

    Example:
        >>> same_shapes({"a": np.ones(2)}, {"a": np.ones(3)}, "one and two")
        Traceback (most recent call last):
        AssertionError: one and two: a is float64 (2,) and float64 (3,)
    """
    one, two = jax.tree.structure(a), jax.tree.structure(b)
    assert one == two, f"{what}: structures {one} and {two}"
    for (path, one), two in zip(jax.tree_util.tree_flatten_with_path(a)[0], jax.tree.leaves(b), strict=True):
        told = f"{what}: {path_of(path)} is {one.dtype} {one.shape} and {two.dtype} {two.shape}"
        assert (one.shape, one.dtype) == (two.shape, two.dtype), told


def distance(a: Any, b: Any) -> tuple[float, float]:
    """The largest difference of two arrays, and the largest size of the second.

    Example:
        >>> distance([1.0, 2.0], [1.0, -3.0])
        (np.float64(5.0), np.float64(3.0))
    """
    one, two = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.abs(one - two).max(initial=0), np.abs(two).max(initial=0)


def close(a: Any, b: Any, what: str, tolerance: float) -> None:
    """Raise an AssertionError unless two trees are `same_shapes` and differ by no more than ``tolerance (1 + size)``.

    Example:
        >>> close({"a": np.ones(2)}, {"a": np.ones(2) + 1e-9}, "one and two", 1e-6)
    """
    same_shapes(a, b, what)
    for (path, one), two in zip(jax.tree_util.tree_flatten_with_path(a)[0], jax.tree.leaves(b), strict=True):
        off, size = distance(one, two)
        assert off <= tolerance * (1 + size), f"{what} differ by {off:.2g} at {path_of(path)!r}"
