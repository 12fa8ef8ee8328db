"""Agreement of predicted and true classes, so that a class of few rows counts too."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core.registry import metric
from jaxnn.metrics.confusion import marks_of, ratio


def _balanced(mean: Any) -> Any:
    right, _, true, _ = mean
    present = (true > 0).astype(right.dtype)
    return (present * ratio(right, true)).sum() / present.sum() + 0 * right.sum()


@metric(rises=True, by_task=True, finish=_balanced)
def balanced_accuracy(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The mean over classes of the share of their rows that are right; classes without rows do not count.

    Args:
        outputs: logits ``(batch, classes)``, or one logit or score a row.
        targets: class numbers, or yes and no, ``(batch,)``.
        task: that of the loss, by which outputs are read.

    Returns:
        What counts for each row, ``(batch, 4, classes)``; ``balanced_accuracy.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit, or for several labels a row.

    Source: ``sklearn.metrics.balanced_accuracy_score``.

    Example:
        >>> float(balanced_accuracy.score(jnp.array([1.0, 1.0, 1.0, 1.0]), jnp.array([1, 1, 1, 0])))
        0.5
    """
    return marks_of("balanced_accuracy", outputs, targets, task, one=True)


def _matthews(mean: Any) -> Any:
    right, predicted, true, _ = mean
    above = right.sum() - (predicted * true).sum()
    below = (1 - (predicted**2).sum()) * (1 - (true**2).sum())
    return jnp.where(below > 1e-12, above / jnp.sqrt(jnp.maximum(below, 1e-12)), 0 * above)


@metric(rises=True, by_task=True, finish=_matthews)
def matthews_correlation(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The correlation of predicted and true classes, in [-1, 1]; 0 where either is always the same.

    Args:
        outputs: logits ``(batch, classes)``, or one logit or score a row.
        targets: class numbers, or yes and no, ``(batch,)``.
        task: that of the loss, by which outputs are read.

    Returns:
        What counts for each row, ``(batch, 4, classes)``; ``matthews_correlation.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit, or for several labels a row.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004;
        ``sklearn.metrics.matthews_corrcoef``.

    Example:
        >>> float(matthews_correlation.score(jnp.array([1.0, -1.0]), jnp.array([0, 1])))
        -1.0
    """
    return marks_of("matthews_correlation", outputs, targets, task, one=True)


def _kappa(mean: Any) -> Any:
    right, predicted, true, _ = mean
    chance = (predicted * true).sum()
    return (right.sum() - chance) / (1 - chance)


@metric(rises=True, by_task=True, finish=_kappa)
def cohen_kappa(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The accuracy above that of chance, ``(a - c) / (1 - c)``; NaN where one class is all there is.

    Args:
        outputs: logits ``(batch, classes)``, or one logit or score a row.
        targets: class numbers, or yes and no, ``(batch,)``.
        task: that of the loss, by which outputs are read.

    Returns:
        What counts for each row, ``(batch, 4, classes)``; ``cohen_kappa.score`` is the value.

    Raises:
        ValueError: if the shapes do not fit, or for several labels a row.

    Source: Cohen, "A coefficient of agreement for nominal scales", 1960; ``sklearn.metrics.cohen_kappa_score``.

    Example:
        >>> float(cohen_kappa.score(jnp.array([1.0, -1.0]), jnp.array([1, 0])))
        1.0
    """
    return marks_of("cohen_kappa", outputs, targets, task, one=True)
