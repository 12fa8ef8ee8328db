"""Outputs and targets that must fit, and one number for each row."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp


def fit_shapes(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Outputs and targets of one shape: ``(batch, 1)`` meets ``(batch,)``; all else must be equal.

    Raises:
        ValueError: if the shapes differ otherwise; broadcasting would compare every row with every other.

    Example:
        >>> [a.shape for a in fit_shapes(jnp.ones((4, 1)), jnp.ones(4))]
        [(4,), (4,)]
    """
    one_each = outputs.ndim == targets.ndim + 1 and outputs.shape[-1] == 1
    if targets.shape != (outputs.shape[:-1] if one_each else outputs.shape):
        raise ValueError(
            f"the model gives outputs {outputs.shape} and the targets are {targets.shape}; "
            "write a model with one output per target, or targets of that shape"
        )
    return outputs.reshape(targets.shape), targets.astype(outputs.dtype)


def check_labels(name: str, logits: Any, labels: Any) -> None:
    """Raise unless ``labels (batch, ...)`` are one class number for each ``logits (batch, ..., classes)``.

    Args:
        name: of the loss or metric that asks.
        logits, labels: arrays; only their shapes are read.

    Raises:
        ValueError: with both shapes.

    Example:
        >>> check_labels("accuracy", jnp.ones((4, 3)), jnp.ones(5))
        Traceback (most recent call last):
        ValueError: accuracy got logits (4, 3) and labels (5,); write labels of shape (4,) that hold class numbers
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"{name} got logits {logits.shape} and labels {labels.shape}; "
            f"write labels of shape {logits.shape[:-1]} that hold class numbers"
        )


def per_row(values: Any, reduce: Callable = jnp.mean) -> Any:
    """One number for each row, ``(batch,)``, the mean over all other axes.

    Example:
        >>> per_row(jnp.array([[1.0, 3.0], [2.0, 2.0]])).tolist()
        [2.0, 2.0]
    """
    return values if values.ndim == 1 else reduce(values, axis=tuple(range(1, values.ndim)))


def at_least_float32(dtype: Any) -> Any:
    """The dtype itself, or float32 for a narrower one.

    Example:
        >>> at_least_float32(jnp.bfloat16).__name__
        'float32'
    """
    return jnp.float32 if jnp.finfo(dtype).bits < 32 else dtype
