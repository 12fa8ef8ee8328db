"""Whether two trees of arrays are alike, with the leaf where they are not."""

from typing import Any

import jax
import numpy as np

from jaxnn.core.tolerance import tolerance
from jaxnn.core.tree import path_of


def same_shapes(a: Any, b: Any, what: str) -> None:
    """Raise an AssertionError unless two trees have one structure, and leaves of the same shapes and dtypes.

    Example:
        >>> same_shapes({"a": np.ones(2)}, {"a": np.zeros(2)}, "one and two")
    """
    import chex  # it costs a third of a second, and only the exam asks for it

    chex.assert_trees_all_equal_shapes_and_dtypes(a, b, custom_message=what)


def distance(a: Any, b: Any) -> tuple[float, float]:
    """The largest difference of two arrays, and the largest size of the second.

    Example:
        >>> distance([1.0, 2.0], [1.0, -3.0])
        (np.float64(5.0), np.float64(3.0))
    """
    one, two = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.abs(one - two).max(initial=0), np.abs(two).max(initial=0)


def _platform(trees: Any) -> str:
    """Where arrays lie, the first that is one of JAX."""
    placed = (leaf for leaf in jax.tree.leaves(trees) if isinstance(leaf, jax.Array))
    return next((next(iter(leaf.devices())).platform for leaf in placed), "cpu")


def close(a: Any, b: Any, what: str, exact: float) -> None:
    """Raise an AssertionError unless two trees are `same_shapes` and differ by no more than ``tolerance (1 + size)``.

    Args:
        a, b: trees of arrays.
        what: they are, for the sentence.
        exact: the tolerance where products are of float32; for arrays on a GPU or a TPU it is the
            `jaxnn.core.tolerance.tolerance` that follows. 0 is 0 everywhere.

    Example:
        >>> close({"a": np.ones(2)}, {"a": np.ones(2) + 1e-9}, "one and two", 1e-6)
    """
    same_shapes(a, b, what)
    allowed = exact and tolerance(exact, platform=_platform((a, b)))
    for (path, one), two in zip(jax.tree_util.tree_flatten_with_path(a)[0], jax.tree.leaves(b), strict=True):
        off, size = distance(one, two)
        assert off <= allowed * (1 + size), f"{what} differ by {off:.2g} at {path_of(path)!r}"
