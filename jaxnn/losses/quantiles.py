"""The loss whose best constant is a quantile."""

from typing import Any, ClassVar

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper
from jaxnn.losses.shapes import fit_shapes, per_row


@spec
class quantile:
    """The pinball loss of a quantile, ``max(q (y - o), (q - 1) (y - o))``; the mean over outputs.

    Args:
        q: which quantile, in [0, 1]; traced, so that a grid over quantiles is one program.

    Returns:
        A loss from outputs and targets, ``(batch,)`` or ``(batch, out)``, to ``(batch,)``.

    Raises:
        ValueError: for a q outside [0, 1], or shapes that do not fit.

    Source: Koenker and Bassett, "Regression quantiles", 1978; ``sklearn.metrics.mean_pinball_loss``.

    Example:
        >>> [round(float(v), 4) for v in quantile(0.9)(jnp.array([1.0, 3.0]), jnp.array([2.0, 2.0]))]
        [0.9, 0.1]
    """

    q: Hyper = hyper(0.5)
    task: ClassVar[str] = "values"

    def __post_init__(self):
        checks.fraction("q", self.q, "nn.losses.quantile(0.9)")

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        outputs, targets = fit_shapes(outputs, targets)
        error, q = targets - outputs, jnp.asarray(self.q, outputs.dtype)
        return per_row(jnp.maximum(q * error, (q - 1) * error))
