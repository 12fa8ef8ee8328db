"""Leaves that do not move, chosen by path, under any optimizer."""

import fnmatch
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.tree import path_of
from jaxnn.optim.chosen import params_needed


def freeze(*paths: str) -> optax.GradientTransformation:
    """Let the leaves of these paths stay as they are: their update is 0, whatever stands before in the chain.

    It goes to the end of a chain, in front of averages: ``optax.chain(optax.adam(1e-3), nn.freeze("dense_0"))``. With
    `lbfgs`, whose line search looks at the step before that, it goes in front as well; and what is frozen must not be
    penalised by it, ``lbfgs(l2=c, where="dense_1/kernel")``.

    Args:
        *paths: of a layer, ``"dense_0"``, of a leaf, ``"dense_0/kernel"``, or a pattern over paths, ``"*/bias"``.

    Returns:
        An Optax transformation.

    Raises:
        ValueError: for no path, or one that chooses no leaf, with the leaves there are.

    Source: ``optax.transforms.freeze``, which takes a mask; ``keras.Layer.trainable``.

    Example:
        >>> import jax.numpy as jnp, jaxnn as nn, optax
        >>> params = {"dense_0": {"kernel": jnp.ones(1)}, "dense_1": {"kernel": jnp.ones(1)}}
        >>> optimizer = optax.chain(optax.sgd(0.5), nn.freeze("dense_0"))
        >>> updates, _ = optimizer.update(params, optimizer.init(params), params)
        >>> updates["dense_0"]["kernel"].tolist(), updates["dense_1"]["kernel"].tolist()
        ([0.0], [-0.5])
    """
    if not paths or not all(isinstance(path, str) for path in paths):
        raise ValueError(f'freeze takes paths of leaves, got {paths}; write nn.freeze("dense_0")')

    def init(params: Any) -> Any:
        leaves = [path_of(path) for path, _ in jax.tree_util.tree_flatten_with_path(params)[0]]
        for pattern in paths:
            if not any(below(path, pattern) for path in leaves):
                raise ValueError(
                    f"freeze finds no leaf for {pattern!r} among {', '.join(leaves) or 'no leaves'}; "
                    f"write nn.freeze({(leaves or ['dense_0'])[0]!r})"
                )
        return optax.EmptyState()

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        params_needed("freeze", params)

        def one(path: tuple, u: Any) -> Any:
            return jnp.zeros_like(u) if any(below(path_of(path), p) for p in paths) else u

        return jax.tree_util.tree_map_with_path(one, updates), state

    return optax.GradientTransformation(init, update)


def below(path: str, pattern: str) -> bool:
    """Whether a leaf is the one of a pattern, or lies below it.

    Example:
        >>> below("dense_0/kernel", "dense_0"), below("dense_01/kernel", "dense_0"), below("a/bias", "*/bias")
        (True, False, True)
    """
    return fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"{pattern}/*")
