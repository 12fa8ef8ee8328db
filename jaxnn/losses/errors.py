"""Errors of values: squared and absolute."""

from typing import Any

import jax.numpy as jnp
import optax

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import fit_shapes, per_row


@loss(task="values")
def squared_error(outputs: Any, targets: Any) -> Any:
    """Squared error, the mean over outputs of ``(q - y)^2``.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.squared_error`; the mean over outputs is that of ``keras.losses.MeanSquaredError``.

    Example:
        >>> squared_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [9.0]
    """
    return per_row(optax.losses.squared_error(*fit_shapes(outputs, targets)))


@loss(task="values")
def half_squared_error(outputs: Any, targets: Any) -> Any:
    """Half the sum over outputs of the squared error, ``1/2 sum (q - y)^2``.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.l2_loss`, summed over outputs.

    Example:
        >>> half_squared_error(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])).tolist()
        [2.5]
    """
    return per_row(optax.losses.l2_loss(*fit_shapes(outputs, targets)), jnp.sum)


@loss(task="values")
def absolute_error(outputs: Any, targets: Any) -> Any:
    """Absolute error, the mean over outputs of ``|q - y|``.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``keras.losses.MeanAbsoluteError``.

    Example:
        >>> absolute_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [3.0]
    """
    outputs, targets = fit_shapes(outputs, targets)
    return per_row(jnp.abs(outputs - targets))
