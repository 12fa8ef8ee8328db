"""Errors of values in which a far-off row counts less than its square."""

from typing import Any, ClassVar

import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.registry import loss
from jaxnn.core.types import Hyper
from jaxnn.losses.shapes import fit_shapes, per_row


@spec
class huber:
    """Huber's loss: ``e^2 / 2`` for ``|e| <= delta``, else ``delta (|e| - delta / 2)``; the mean over outputs.

    Args:
        delta: where the square turns into a line, above 0; traced.

    Returns:
        A loss from outputs and targets, ``(batch,)`` or ``(batch, out)``, to ``(batch,)``.

    Raises:
        ValueError: for a delta that is not above 0, or shapes that do not fit.

    Source: `optax.losses.huber_loss`.

    Example:
        >>> huber()(jnp.array([0.5, 3.0]), jnp.zeros(2)).tolist()
        [0.125, 2.5]
    """

    delta: Hyper = hyper(1.0)
    task: ClassVar[str] = "values"

    def __post_init__(self):
        checks.positive("delta", self.delta, "nn.losses.huber(delta=1.0)")

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        outputs, targets = fit_shapes(outputs, targets)
        return per_row(optax.losses.huber_loss(outputs, targets, delta=jnp.asarray(self.delta, outputs.dtype)))


@loss(task="values")
def log_cosh(outputs: Any, targets: Any) -> Any:
    """The logarithm of the hyperbolic cosine of the error, a square near 0 and a line far off; the mean over outputs.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.log_cosh`; ``keras.losses.LogCosh``.

    Example:
        >>> log_cosh(jnp.array([1.0]), jnp.array([1.0])).tolist()
        [0.0]
    """
    return per_row(optax.losses.log_cosh(*fit_shapes(outputs, targets)))
