"""The loss of labels whose place in a sequence is not known."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.layer import spec
from jaxnn.losses.shapes import at_least_float32


@spec
class ctc:
    """Connectionist temporal classification: the negative log-likelihood of labels over all their alignments.

    Args:
        blank: the class that stands between labels, a whole number.

    Returns:
        A loss from logits ``(batch, time, classes)`` and labels ``(batch, length)``, class numbers in order and -1 past
        the end, to ``(batch,)``. A row that cannot be aligned, with more labels than steps, has a large finite loss.

    Raises:
        ValueError: for shapes that do not fit.

    Source: Graves et al., "Connectionist temporal classification", 2006; `optax.losses.ctc_loss`.

    Example:
        >>> round(float(ctc()(jnp.zeros((1, 2, 2)), jnp.array([[1]]))[0]), 4)
        0.2877
    """

    blank: int = 0
    task: ClassVar[str] = "values"

    def __call__(self, logits: Any, labels: Any) -> Any:
        """One value per row."""
        if logits.ndim != 3 or labels.ndim != 2 or labels.shape[0] != logits.shape[0]:
            raise ValueError(
                f"ctc got logits {logits.shape} and labels {labels.shape}; write a model that gives "
                "(batch, time, classes), and labels (batch, length) with -1 past the end"
            )
        wide = at_least_float32(logits.dtype)
        past, steps = (labels < 0).astype(wide), jnp.zeros(logits.shape[:2], wide)
        labels = jnp.maximum(labels.astype(jnp.int32), 0)
        with jax.numpy_dtype_promotion("standard"):  # Optax counts in float32
            loss = optax.losses.ctc_loss(logits.astype(wide), steps, labels, past, blank_id=self.blank)
        return loss.astype(logits.dtype)
