"""Weights from elsewhere: leaves that match by path and shape are taken over, the rest is drawn anew."""

from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.tree import path_of
from jaxnn.core.types import Params


class Taken(NamedTuple):
    """Which leaves of a model came from other weights.

    Args:
        over: paths of the leaves that were taken over.
        anew: paths of those that were drawn anew.
        unused: paths of the given weights that found no place.

    Example:
        >>> Taken(("dense_0/kernel",), ("dense_1/kernel",), ())
        taken over: dense_0/kernel; drawn anew: dense_1/kernel
    """

    over: tuple[str, ...]
    anew: tuple[str, ...]
    unused: tuple[str, ...]

    def __repr__(self) -> str:
        parts = (("taken over", self.over), ("drawn anew", self.anew), ("given and not used", self.unused))
        return "; ".join(f"{what}: {', '.join(paths)}" for what, paths in parts if paths)


def take_over(wanted: Params, given: Params) -> tuple[dict[str, np.ndarray], Taken]:
    """The given leaves by path that a model has a place for, of the same path and shape.

    Args:
        wanted: the weights of the model, or their shapes.
        given: the weights of another.

    Raises:
        ValueError: if nothing matches.

    Example:
        >>> leaves, taken = take_over({"a": np.zeros(3), "b": np.zeros(1)}, {"a": np.ones(3), "b": np.ones(4)})
        >>> leaves["a"].tolist(), taken
        ([1.0, 1.0, 1.0], taken over: a; drawn anew: b; given and not used: b)
    """
    found = {path_of(path): np.asarray(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(given)}
    places = {path_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(wanted)}
    over = tuple(path for path, leaf in places.items() if path in found and found[path].shape == leaf.shape)
    if not over:
        raise ValueError(
            f"no leaf of the weights given to start= matches by path and shape: given are {_told(found)}, "
            f"wanted {_told(places)}; write start=run.params of a model that shares layers"
        )
    leaves = {path: found[path].astype(places[path].dtype) for path in over}
    anew, unused = (tuple(path for path in paths if path not in over) for paths in (places, found))
    return leaves, Taken(over, anew, unused)


def _told(leaves: dict[str, Any]) -> str:
    return ", ".join(f"{path} {v.shape}" for path, v in list(leaves.items())[:6]) or "none"
