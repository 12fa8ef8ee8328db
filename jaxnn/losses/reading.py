"""How outputs of values become predictions, by the task of the loss."""

from typing import Any

import jax.numpy as jnp
import numpy as np


def values(outputs: Any, task: str | None) -> Any:
    """Predicted values: rates under a loss of counts, means under one of a normal distribution, else the outputs.

    Args:
        outputs: ``(batch, ...)``, of NumPy or JAX.
        task: that of the loss.

    Example:
        >>> values(np.array([[0.0]]), "counts").tolist(), values(np.array([[3.0, -1.0]]), "normal").tolist()
        ([[1.0]], [[3.0]])
    """
    if task == "counts":
        return np.exp(outputs) if isinstance(outputs, np.ndarray) else jnp.exp(outputs)
    if task == "normal":
        return outputs[..., : outputs.shape[-1] // 2]
    return outputs
