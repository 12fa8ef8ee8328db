"""How often a prediction is right."""

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.records import Metric
from jaxnn.core.registry import FAMILIES, metric
from jaxnn.losses.shapes import check_labels, per_row
from jaxnn.metrics.labels import read


@metric(rises=True, by_task=True)
def accuracy(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """1 where the predicted class is the label, else 0; with several labels a row, 1 where all of them are right.

    Args:
        outputs: logits ``(batch, ..., classes)``, or one logit or score per row, ``(batch,)`` or ``(batch, 1)``,
            whose sign decides, or one for each of several labels, ``(batch, labels)``.
        targets: class numbers ``(batch, ...)``, yes or no in any form (above one half is yes), or probabilities.
        task: that of the loss: tells several labels (``"binary"``) from probabilities of classes (``"classes"``).

    Returns:
        ``(batch,)`` of 0 and 1; the mean over axes between the batch and the classes.

    Raises:
        ValueError: if the shapes do not fit, with both.

    Source: ``sklearn.metrics.accuracy_score``.

    Example:
        >>> accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])).tolist()
        [1.0, 0.0]
    """
    labels = read("accuracy", outputs, targets, task)
    right = labels.predicted == labels.true
    return per_row((right.all(-1) if labels.kind == "several" else right).astype(jnp.float32))


@metric(rises=True, by_task=True)
def binary_accuracy(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The share of labels that are right, each label of a row by itself.

    Args:
        outputs: one logit or score for each label, ``(batch, labels)``, or one a row.
        targets: yes or no, of that shape; above one half is yes.
        task: not needed: outputs are read as labels whatever the loss.

    Returns:
        ``(batch,)``, in [0, 1].

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``keras.metrics.BinaryAccuracy``, from logits; 1 - ``sklearn.metrics.hamming_loss``.

    Example:
        >>> binary_accuracy(jnp.array([[2.0, -1.0, 3.0, 1.0]]), jnp.array([[1, 0, 1, 0]])).tolist()
        [0.75]
    """
    labels = read("binary_accuracy", outputs, targets, "binary")
    return per_row((labels.predicted == labels.true).astype(jnp.float32))


@dataclass(frozen=True)
class _Among:
    """Whether the label is among the ``k`` largest logits."""

    k: int

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        check_labels(f"top_{self.k}", outputs, targets)
        labels = targets[..., None].astype(jnp.int32)
        own = jnp.take_along_axis(outputs, labels, -1)
        index = jnp.arange(outputs.shape[-1])
        index = index.reshape((1,) * (outputs.ndim - 1) + index.shape)
        above = (outputs > own) | ((outputs == own) & (index < labels))
        return per_row((above.sum(-1) < self.k).astype(jnp.float32))


def top_k(k: int) -> Metric:
    """1 where the label is among the ``k`` largest logits, else 0; by name, ``"top_5"``.

    Args:
        k: how many guesses count.

    Returns:
        A metric from logits ``(batch, classes)`` and class numbers ``(batch,)`` to ``(batch,)``.

    Raises:
        ValueError: for k below 1, or shapes that do not fit, with both.

    Source: ``sklearn.metrics.top_k_accuracy_score``; a tie counts for the lower class number.

    Example:
        >>> top_k(2)(jnp.array([[0.1, 0.3, 0.6]]), jnp.array([1])).tolist()
        [1.0]
    """
    checks.size("k", k, "top_k(5)")
    return Metric(f"top_{k}", _Among(k), rises=True)


FAMILIES["top_"] = top_k
