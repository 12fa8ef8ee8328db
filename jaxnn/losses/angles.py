"""The angle between vectors."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import per_row

SMALLEST = 1e-12


@loss(task="values")
def cosine_distance(outputs: Any, targets: Any) -> Any:
    """One minus the cosine of the angle between output and target, over the last axis.

    A vector of length 0 has the distance 1 to all, and a gradient of 0.

    Args:
        outputs, targets: ``(batch, ..., size)``.

    Returns:
        ``(batch,)``, in [0, 2].

    Raises:
        ValueError: if the shapes differ.

    Source: `optax.losses.cosine_distance`, whose gradient at 0 is not finite; ``torch.nn.CosineEmbeddingLoss``.

    Example:
        >>> cosine_distance(jnp.array([[3.0, 0.0]]), jnp.array([[0.0, 2.0]])).tolist()
        [1.0]
    """
    if outputs.ndim < 2 or outputs.shape != targets.shape:
        raise ValueError(
            f"cosine_distance got outputs {outputs.shape} and targets {targets.shape}; write a model with as many "
            "outputs as a target has numbers"
        )
    return per_row(1 - (_unit(outputs) * _unit(targets.astype(outputs.dtype))).sum(-1))


def _unit(vectors: Any) -> Any:
    largest = jnp.abs(vectors).max(-1, keepdims=True)  # first, so that no square overflows
    none = largest == 0
    vectors = vectors / jnp.where(none, jnp.ones_like(largest), largest)
    square = (vectors**2).sum(-1, keepdims=True)
    return jnp.where(none, jnp.zeros_like(vectors), vectors / jnp.sqrt(jnp.where(none, jnp.ones_like(square), square)))
