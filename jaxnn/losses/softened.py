"""Cross-entropy with labels that are not quite sure."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper
from jaxnn.losses.shapes import check_labels, per_row


@spec
class label_smoothing:
    """Cross-entropy of a softmax with smoothed labels, ``(1 - a) onehot + a / classes``.

    Args:
        smoothing: ``a``, in [0, 1]; 0 is `softmax_cross_entropy`. Traced.

    Returns:
        A loss from logits ``(batch, ..., classes)`` and class numbers ``(batch, ...)``, or probabilities of the shape
        of the logits, to ``(batch,)``.

    Raises:
        ValueError: for a smoothing outside [0, 1], or shapes that do not fit.

    Source: Szegedy et al., "Rethinking the Inception architecture for computer vision", 2016; `optax.smooth_labels`.

    Example:
        >>> round(float(label_smoothing(0.1)(jnp.array([[4.0, 0.0]]), jnp.array([0]))[0]), 4)
        0.2181
    """

    smoothing: Hyper = hyper(0.1)
    task: ClassVar[str] = "classes"

    def __post_init__(self):
        checks.fraction("smoothing", self.smoothing, "nn.losses.label_smoothing(0.1)")

    def __call__(self, logits: Any, labels: Any) -> Any:
        """One value per row."""
        if not (labels.shape == logits.shape and jnp.issubdtype(labels.dtype, jnp.floating)):
            check_labels("label_smoothing", logits, labels)
            labels = jax.nn.one_hot(labels.astype(jnp.int32), logits.shape[-1])
        smooth = optax.smooth_labels(labels.astype(logits.dtype), jnp.asarray(self.smoothing, logits.dtype))
        return per_row(optax.losses.softmax_cross_entropy(logits, smooth))
