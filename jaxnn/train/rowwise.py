"""What a loss or a metric gives for every row, where outputs have a mask beside them too."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.masks import Masked, only_real


def rowwise(function: Callable, outputs: Any, targets: Any) -> Any:
    """The values of a loss or a metric, ``(batch, ...)``; for masked sequences the mean over the real steps of a row.

    So a row counts as it would alone, cut to its length, and all rows count alike. What outputs and targets hold in
    the other steps does not matter; a row without real steps gives 0.

    Args:
        function: ``(outputs, targets) -> (batch, ...)``.
        outputs: of the model; `Masked` ``(y (batch, time, ...), mask)`` for sequences of different lengths.
        targets: ``(batch, time, ...)`` for these.

    Raises:
        ValueError: for masked outputs with targets that have no steps.

    Example:
        >>> y, mask = jnp.array([[[1.0], [7.0]]]), jnp.array([[1, 0]])
        >>> rowwise(lambda y, t: jnp.square(y[:, 0] - t), Masked(y, mask), jnp.array([[3.0, 3.0]])).tolist()
        [4.0]
    """
    if not isinstance(outputs, Masked):
        return function(outputs, targets)
    value, mask = outputs
    if targets.ndim < 2 or targets.shape[:2] != mask.shape:
        raise ValueError(
            f"the model gives {value.shape} and a mask, one output for each step, and the targets are {targets.shape}; "
            "end the model with a layer that makes one of all steps, such as GlobalAvgPool(), or give targets for each"
        )
    each = jax.vmap(function, 1, 1)(only_real(value, mask), only_real(targets, mask))  # (batch, time, ...)
    steps = jnp.maximum(mask.astype(bool).sum(1), 1).astype(each.dtype)
    return only_real(each, mask).sum(1) / steps.reshape(steps.shape + (1,) * (each.ndim - 2))
