"""Standardisation of inputs that are several arrays: each of floats by itself, a sequence over its real steps."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_tree(x: Any) -> bool:
    """Whether these inputs are several arrays, in a dict or a tuple.

    Example:
        >>> is_tree((np.ones((2, 3)), np.ones((2, 3)))), is_tree([[1.0], [2.0]])
        (True, False)
    """
    return isinstance(x, (dict, tuple)) and all(np.ndim(a) > 0 and hasattr(a, "dtype") for a in jax.tree.leaves(x))


def fit(x: Any, weight: Any, one: Callable) -> tuple[dict[str, Any], dict[str, Any]]:
    """Means and scales by the path of each array of floats; whole numbers, such as ids and masks, stay as they are.

    Of a ``(sequence, mask)`` only the steps that the mask keeps count, and all steps are scaled alike.

    Args:
        x: inputs, a dict or a tuple of arrays ``(rows, ...)``.
        weight: ``(rows,)`` or None.
        one: fits one array, ``(rows, ...) and weights -> (mean, scale)``.
    """
    if _masked(x):
        sequence, mask = (np.asarray(a) for a in x)
        weights = np.ones(len(mask)) if weight is None else np.asarray(weight)
        steps = (weights[:, None] * (mask != 0)).reshape(-1)
        mean, scale = one(sequence.reshape(-1, *sequence.shape[2:]), steps)
        return {"0": mean}, {"0": scale}
    fits = {path: one(leaf, weight) for path, leaf in _leaves(x).items() if _scales(leaf)}
    return {path: mean for path, (mean, _) in fits.items()}, {path: scale for path, (_, scale) in fits.items()}


def apply(x: Any, means: dict[str, Any], scales: dict[str, Any], one: Callable) -> Any:
    """The inputs with each array of floats scaled by what `fit` found for its path.

    Args:
        x: inputs like those that were fitted.
        means, scales: by path.
        one: scales one array, ``(leaf, mean, scale) -> leaf``.

    Raises:
        ValueError: for inputs that lack an array that was fitted.
    """
    there = _leaves(x)
    lacking = [path for path in means if path not in there]
    if lacking:
        raise ValueError(
            f"the inputs have no part {lacking[0]!r}; they have {', '.join(there)}; write them as in training"
        )
    leaves = [one(leaf, means[path], scales[path]) if path in means else leaf for path, leaf in there.items()]
    return jax.tree.unflatten(jax.tree.structure(x), leaves)


def _masked(x: Any) -> bool:
    if not (isinstance(x, tuple) and len(x) == 2 and all(hasattr(a, "shape") for a in x)):
        return False
    sequence, mask = x
    steps = len(mask.shape) == 2 and len(sequence.shape) > 2 and tuple(sequence.shape[:2]) == tuple(mask.shape)
    return steps and _scales(sequence)


def _scales(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _leaves(x: Any) -> dict[str, Any]:
    found = jax.tree_util.tree_leaves_with_path(tuple(x) if isinstance(x, tuple) else x)  # by place, not by name
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in found}
