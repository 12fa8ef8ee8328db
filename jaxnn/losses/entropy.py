"""Cross-entropies from logits."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import check_labels, fit_shapes, per_row


@loss(task="classes")
def softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """Cross-entropy of a softmax, ``log sum_j exp(o_j) - o_label``, stable for large logits.

    Args:
        logits: ``(batch, ..., classes)``.
        labels: ``(batch, ...)`` whole numbers, or ``(batch, ..., classes)`` probabilities.

    Returns:
        ``(batch,)``, in nats; the mean over axes between the batch and the classes, such as time.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.softmax_cross_entropy_with_integer_labels`, whose values these are.

    Example:
        >>> round(float(softmax_cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))[0]), 4)
        1.3863
    """
    if labels.shape == logits.shape and jnp.issubdtype(labels.dtype, jnp.floating):
        return per_row(optax.losses.softmax_cross_entropy(logits, labels.astype(logits.dtype)))
    check_labels("softmax_cross_entropy", logits, labels)
    # Optax looks the label up by a gather, whose gradient is a scatter: on a CPU that alone costs more than the rest.
    shifted = logits - jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    classes = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
    own = jnp.where(classes == labels.astype(jnp.int32)[..., None], shifted, jnp.zeros_like(shifted)).sum(-1)
    return per_row(jnp.log(jnp.exp(shifted).sum(-1)) - own)


@loss(task="binary")
def sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    """Binary cross-entropy, ``-y log F(z) - (1 - y) log(1 - F(z))`` with ``F`` the sigmoid, stable for large logits.

    Args:
        logits: ``(batch,)``, ``(batch, 1)`` or ``(batch, ..., labels)``.
        labels: 0 or 1, or probabilities, of that shape.

    Returns:
        ``(batch,)``, in nats; the mean over several labels.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.sigmoid_binary_cross_entropy`.

    Example:
        >>> round(float(sigmoid_cross_entropy(jnp.zeros((1, 1)), jnp.array([1]))[0]), 4)
        0.6931
    """
    logits, labels = fit_shapes(logits, labels)
    return per_row(optax.losses.sigmoid_binary_cross_entropy(logits, labels))
