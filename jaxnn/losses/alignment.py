"""The loss of labels whose place in a sequence is not known."""

from typing import Any, ClassVar

import jax.numpy as jnp
import optax

from jaxnn.core.layer import spec


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
        >>> ctc()(jnp.zeros((1, 2, 2)), jnp.array([[1]])).round(4).tolist()
        [0.2877]
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
        past = (labels < 0).astype(logits.dtype)
        steps = jnp.zeros(logits.shape[:2], logits.dtype)
        labels = jnp.maximum(labels.astype(jnp.int32), 0)
        return optax.losses.ctc_loss(logits, steps, labels, past, blank_id=self.blank)
