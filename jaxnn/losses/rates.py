"""The loss of counts."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import fit_shapes, per_row


@loss(task="counts")
def poisson(log_rates: Any, counts: Any) -> Any:
    """The negative log-likelihood of a Poisson distribution, ``exp(o) - y o``, without ``log y!``.

    The model gives logarithms of rates, and `predict` rates.

    Args:
        log_rates: ``(batch,)`` or ``(batch, out)``.
        counts: 0 or more, of that shape.

    Returns:
        ``(batch,)``, the mean over outputs.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``torch.nn.PoissonNLLLoss``; ``sklearn.linear_model.PoissonRegressor``.

    Example:
        >>> poisson(jnp.array([0.0]), jnp.array([3])).tolist()
        [1.0]
    """
    log_rates, counts = fit_shapes(log_rates, counts)
    return per_row(jnp.exp(log_rates) - counts * log_rates)
