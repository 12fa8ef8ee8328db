"""The loss of a model that says how sure it is."""

import math
from typing import Any

import jax.numpy as jnp

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import fit_shapes, per_row

SMALLEST = math.log(1e-6)


@loss(task="normal")
def gaussian_nll(outputs: Any, targets: Any) -> Any:
    """The negative log-likelihood of a normal distribution, ``(log 2 pi + s + (y - m)^2 exp(-s)) / 2``.

    The model gives twice as many outputs as there are targets, means ``m`` and then logarithms of variances ``s``;
    `predict` gives the means. A variance counts as at least 1e-6.

    Args:
        outputs: ``(batch, 2 out)``.
        targets: ``(batch, out)``, or ``(batch,)`` for two outputs.

    Returns:
        ``(batch,)``, in nats; the mean over targets.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Nix and Weigend, "Estimating the mean and variance of the target probability distribution", 1994;
        ``torch.nn.GaussianNLLLoss(full=True)``.

    Example:
        >>> round(float(gaussian_nll(jnp.array([[2.0, 0.0]]), jnp.array([2.0]))[0]), 4)
        0.9189
    """
    out = outputs.shape[-1] // 2
    fits = (
        targets.shape in (outputs.shape[:-1], (*outputs.shape[:-1], 1))
        if out == 1
        else (targets.shape == (*outputs.shape[:-1], out))
    )
    if outputs.ndim < 2 or outputs.shape[-1] % 2 or not fits:
        raise ValueError(
            f"gaussian_nll got outputs {outputs.shape} and targets {targets.shape}; write a model with two outputs for "
            "each target: its mean and the logarithm of its variance"
        )
    mean, target = fit_shapes(outputs[..., :out], targets)
    log_variance = jnp.maximum(outputs[..., out:].reshape(mean.shape), SMALLEST)
    return per_row(0.5 * (math.log(2 * math.pi) + log_variance + (target - mean) ** 2 * jnp.exp(-log_variance)))
