"""How far a predicted distribution is from the true one."""

from typing import Any

import jax
import optax

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import per_row


@loss(task="classes")
def kl_divergence(logits: Any, chances: Any) -> Any:
    """The Kullback-Leibler divergence ``sum_j y_j (log y_j - log p_j)`` of a softmax from true probabilities.

    Args:
        logits: ``(batch, ..., classes)``.
        chances: probabilities of that shape; 0 counts nothing.

    Returns:
        ``(batch,)``, in nats; the mean over axes between the batch and the classes.

    Raises:
        ValueError: if the shapes differ.

    Source: `optax.losses.kl_divergence`, from logits.

    Example:
        >>> import jax.numpy as jnp
        >>> round(float(kl_divergence(jnp.zeros((1, 2)), jnp.array([[1.0, 0.0]]))[0]), 4)
        0.6931
    """
    if chances.shape != logits.shape:
        raise ValueError(
            f"kl_divergence got logits {logits.shape} and probabilities {chances.shape}; write probabilities of the "
            "shape of the logits, or softmax_cross_entropy for class numbers"
        )
    return per_row(optax.losses.kl_divergence(jax.nn.log_softmax(logits), chances.astype(logits.dtype)))
