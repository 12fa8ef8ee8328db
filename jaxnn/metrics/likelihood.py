"""How probable the labels are under the model."""

from typing import Any

from jaxnn.core.registry import metric
from jaxnn.losses import entropy
from jaxnn.metrics.labels import kind_of


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
    if kind_of(outputs, targets, task) == "classes":
        return -entropy.softmax_cross_entropy(outputs, targets)
    return -entropy.sigmoid_cross_entropy(outputs, targets)
