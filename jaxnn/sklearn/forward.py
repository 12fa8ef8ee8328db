"""Outputs of a fully connected network on the host: rows as they are, sparse ones too, and nothing to compile."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.core.names import activation as found
from jaxnn.sklearn.network import NAMES


def outputs(x: Any, kernels: list[np.ndarray], biases: list[np.ndarray], activation: Any) -> np.ndarray:
    """Logits or values ``(rows, out)``, in the dtype of ``x`` and the weights, whichever is wider.

    Args:
        x: ``(rows, in)``, an array or a sparse matrix.
        kernels, biases: of each layer.
        activation: of the hidden layers, a name of scikit-learn's or ours, or a function.

    Example:
        >>> outputs(np.array([[1.0, -3.0]]), [np.eye(2), np.ones((2, 1))], [np.zeros(2), np.zeros(1)], "relu").tolist()
        [[1.0]]
    """
    for i, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        x = np.asarray(x @ kernel) + bias
        if i < len(kernels) - 1:
            x = bent(x, activation)
    return x


def bent(x: np.ndarray, activation: Any) -> np.ndarray:
    """The activation of an array."""
    if activation == "relu":
        return np.maximum(x, 0)
    if activation == "tanh":
        return np.tanh(x)
    if activation == "logistic":
        return np.exp(-np.logaddexp(0, -x))
    if activation == "identity":
        return x
    bend = found(NAMES.get(activation, activation) if isinstance(activation, str) else activation)
    return np.asarray(bend(jnp.asarray(x)))
