"""How much of the variance of the targets is explained."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core.registry import metric
from jaxnn.metrics.errors import pair


def _share(error: Any, whole: Any) -> Any:
    """``1 - error / whole``, the mean over outputs; where the whole is 0, 1 for no error and 0 for any."""
    constant = whole == 0
    share = 1 - error / jnp.where(constant, jnp.ones_like(whole), whole)
    flat = jnp.where(error == 0, jnp.ones_like(share), jnp.where(jnp.isnan(error), error, jnp.zeros_like(share)))
    return jnp.mean(jnp.where(constant, flat, share))


@metric(rises=True, by_task=True, over="moments", finish=lambda mean, variance: _share(mean[0], variance[1]))
def r2(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The coefficient of determination, ``1 - sum (y - q)^2 / sum (y - mean y)^2``, the mean over outputs.

    Constant targets give 1 where every prediction is right, else 0.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Returns:
        Squared error and target of each row, ``(batch, 2)`` or ``(batch, 2, out)``; ``r2.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``sklearn.metrics.r2_score``.

    Example:
        >>> round(float(r2.score(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 2.0, 4.0]))), 4)
        0.7857
    """
    outputs, targets = pair(outputs, targets, task)
    return jnp.stack([(targets - outputs) ** 2, targets], 1)


@metric(rises=True, by_task=True, over="moments", finish=lambda mean, variance: _share(*variance))
def explained_variance(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """``1 - var(y - q) / var(y)``, the mean over outputs: `r2` for who forgives a constant error.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        task: that of the loss, by which outputs are read.

    Returns:
        Error and target of each row, ``(batch, 2)`` or ``(batch, 2, out)``; ``explained_variance.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``sklearn.metrics.explained_variance_score``.

    Example:
        >>> float(explained_variance.score(jnp.array([1.0, 2.0, 3.0]), jnp.array([2.0, 3.0, 4.0])))
        1.0
    """
    outputs, targets = pair(outputs, targets, task)
    return jnp.stack([targets - outputs, targets], 1)
