"""How probable the labels are under the model."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.registry import metric
from jaxnn.losses import entropy
from jaxnn.losses.shapes import check_labels, fit_shapes, per_row
from jaxnn.metrics.labels import kind_of


@metric(rises=False, by_task=True)
def log_loss(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The negative log-likelihood of the label, in nats: of a softmax for class logits, else of a sigmoid.

    Args:
        outputs: logits ``(batch, ..., classes)``, or ``(batch,)`` or ``(batch, 1)`` for two classes.
        targets: class numbers, or 0 and 1, or probabilities.
        task: that of the loss; tells several labels from probabilities of classes.

    Returns:
        ``(batch,)``, 0 or more.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``sklearn.metrics.log_loss``.

    Example:
        >>> round(float(log_loss(jnp.zeros((1, 1)), jnp.array([1]))[0]), 4)
        0.6931
    """
    if kind_of(outputs, targets, task) == "classes":
        return entropy.softmax_cross_entropy(outputs, targets)
    return entropy.sigmoid_cross_entropy(outputs, targets)


@metric(rises=True, by_task=True)
def log_likelihood(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The log-likelihood of the label, in nats: of a softmax for class logits, of a sigmoid for a single logit.

    Args:
        outputs: ``(batch, ..., classes)``, or ``(batch,)`` or ``(batch, 1)`` for two classes.
        targets: class numbers, or 0 and 1.
        task: that of the loss; tells several labels from probabilities of classes.

    Returns:
        ``(batch,)``, at most 0; its mean times the number of rows is the log-likelihood of the data.

    Example:
        >>> round(float(log_likelihood(jnp.zeros((1, 1)), jnp.array([1]))[0]), 4)
        -0.6931
    """
    return -log_loss(outputs, targets, task)


@metric(rises=False, by_task=True)
def brier_score(outputs: Any, targets: Any, task: str | None = None) -> Any:
    """The squared error of probabilities: of yes where there are two classes, summed over classes where there are more.

    Args:
        outputs: logits ``(batch, ..., classes)``, or one logit a row, or one for each of several labels.
        targets: class numbers, or 0 and 1.
        task: that of the loss; tells several labels from probabilities of classes.

    Returns:
        ``(batch,)``; the mean over several labels.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Brier, "Verification of forecasts expressed in terms of probability", 1950;
        ``sklearn.metrics.brier_score_loss``.

    Example:
        >>> float(brier_score(jnp.zeros((1, 1)), jnp.array([1]))[0])
        0.25
    """
    if kind_of(outputs, targets, task) != "classes":
        logits, targets = fit_shapes(outputs, targets)
        return per_row((jax.nn.sigmoid(logits) - targets) ** 2)
    if outputs.shape != targets.shape:
        check_labels("brier_score", outputs, targets)
        targets = jax.nn.one_hot(targets.astype(jnp.int32), outputs.shape[-1])
    half = 0.5 if outputs.shape[-1] == 2 else 1.0
    return per_row(half * ((jax.nn.softmax(outputs) - targets.astype(outputs.dtype)) ** 2).sum(-1))
