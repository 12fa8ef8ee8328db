"""The leaves that a transformation acts on: chosen once by name, kept in its state without being an array."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxnn.core.tree import Where, mask, path_of


@jax.tree_util.register_static
@dataclass(frozen=True)
class Chosen:
    """The paths of the chosen leaves. It is a pytree node without leaves, so it may stand in any state.

    Args:
        paths: in the order of the tree.

    Example:
        >>> chosen = Chosen(("dense_0/kernel",))
        >>> chosen.of({"dense_0": {"kernel": 1.0, "bias": 2.0}})
        [1.0]
        >>> jax.tree.leaves(chosen)
        []
    """

    paths: tuple[str, ...]

    def of(self, tree: Any) -> list[Any]:
        """The chosen leaves of a tree with the structure of the parameters.

        Raises:
            ValueError: if one of them is not there.
        """
        leaves = {path_of(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}
        missing = [path for path in self.paths if path not in leaves]
        if missing:
            raise ValueError(
                f"the optimizer was initialised with a leaf {missing[0]!r} and the parameters have only "
                f"{', '.join(leaves) or 'none'}; write optimizer.init(params) with these parameters"
            )
        return [leaves[path] for path in self.paths]

    def map(self, function: Callable, tree: Any, *rest: Any) -> Any:
        """``function`` over the chosen leaves of trees of one structure; all other leaves of the first stay."""
        paths = frozenset(self.paths)
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf, *others: function(leaf, *others) if path_of(path) in paths else leaf, tree, *rest
        )


def choose(name: str, params: Any, where: Where) -> Chosen:
    """The leaves of ``params`` that ``where`` chooses.

    Args:
        name: of the transformation, for the error.
        params: any pytree.
        where: leaf names, a pattern over paths or a function of the path; see `jaxnn.core.tree.mask`.

    Raises:
        ValueError: if there is none, with the paths there are.

    Example:
        >>> choose("l1", {"dense_0": {"kernel": 1.0, "bias": 2.0}}, ("kernel",))
        Chosen(paths=('dense_0/kernel',))
    """
    flags = {path_of(path): flag for path, flag in jax.tree_util.tree_flatten_with_path(mask(params, where))[0]}
    paths = tuple(path for path, flag in flags.items() if flag)
    if not paths:
        raise ValueError(
            f"{name} finds no leaf for where={where!r} among {', '.join(flags) or 'no leaves'}; "
            f'write where=("kernel",) for last names, or where="dense_*/kernel" for paths'
        )
    return Chosen(paths)


def check_strengths(name: str, chosen: Chosen, params: Any, *strengths: Any) -> Chosen:
    """The chosen leaves; raise where a strength is an array that does not broadcast to one of them.

    Example:
        >>> params = {"kernel": np.ones((3, 2))}
        >>> chosen = choose("l2", params, ("kernel",))
        >>> check_strengths("l2", chosen, params, np.ones((3, 1)), 0.1)
        Chosen(paths=('kernel',))
    """
    for shape in filter(None, map(np.shape, strengths)):
        shapes = {path: np.shape(leaf) for path, leaf in zip(chosen.paths, chosen.of(params), strict=True)}
        fits = [path for path, own in shapes.items() if _broadcast(shape, own) == own]
        other = next((path for path in shapes if path not in fits), None)
        if other is not None:
            raise ValueError(
                f"the strength of {name} has shape {shape}, which does not broadcast to {other} of shape "
                f"{shapes[other]}; write "
                + (f'where="{fits[0]}"' if fits else "c[:, None] for one each row, or c[None, :] for one each column")
            )
    return chosen


def _broadcast(*shapes: tuple) -> tuple | None:
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


def params_needed(name: str, params: Any) -> None:
    """Raise when a transformation that reads the parameters got none."""
    if params is None:
        raise ValueError(f"{name} reads the parameters and got none; write optimizer.update(grads, state, params)")
