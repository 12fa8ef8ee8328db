"""Metrics, per example: ``(outputs, targets) -> (batch,)``, by name or function.

A metric that is no mean over examples (`r2`) gives ``(batch, ...)`` statistics instead and has an attribute
``finish`` that turns their weighted means into the value; sample weights, padding and folds so come for free.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from jaxnn import losses
from jaxnn.core import checks


def accuracy(outputs: Any, targets: Any) -> Any:
    """1 where the predicted class is the label, else 0.

    Args:
        outputs: logits ``(batch, ..., classes)``, or one logit or score per row, ``(batch,)`` or ``(batch, 1)``,
            whose sign decides.
        targets: class numbers ``(batch, ...)``, or probabilities of the shape of several outputs.

    Returns:
        ``(batch,)`` of 0 and 1; the mean over axes between the batch and the classes.

    Raises:
        ValueError: if the shapes do not fit, with both.

    Source: ``sklearn.metrics.accuracy_score``.

    Example:
        >>> accuracy(jnp.array([[0.1, 0.9], [0.8, 0.2]]), jnp.array([1, 1])).tolist()
        [1.0, 0.0]
    """
    if outputs.ndim == targets.ndim + 1 and outputs.shape[-1] > 1:
        losses.check_labels("accuracy", outputs, targets)
        right = outputs.argmax(-1).astype(targets.dtype) == targets
    elif outputs.ndim > 1 and outputs.shape[-1] > 1 and outputs.shape == targets.shape:
        right = outputs.argmax(-1) == targets.argmax(-1)
    else:
        scores, labels = losses.fit_shapes(outputs, targets)
        right = (scores > 0) == (labels > 0)
    return losses._rows(right.astype(jnp.float32))


@dataclass(frozen=True)
class top_k:
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

    k: int

    def __post_init__(self):
        checks.size("k", self.k, "top_k(5)")

    @property
    def __name__(self) -> str:
        return f"top_{self.k}"

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        losses.check_labels(self.__name__, outputs, targets)
        labels = targets[..., None].astype(jnp.int32)
        own = jnp.take_along_axis(outputs, labels, -1)
        index = jnp.arange(outputs.shape[-1])
        index = index.reshape((1,) * (outputs.ndim - 1) + index.shape)
        above = (outputs > own) | ((outputs == own) & (index < labels))
        return losses._rows((above.sum(-1) < self.k).astype(jnp.float32))


def mean_absolute_error(outputs: Any, targets: Any) -> Any:
    """``|q - y|``, the mean over outputs; `jaxnn.losses.absolute_error` under the name of a metric.

    Example:
        >>> mean_absolute_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [3.0]
    """
    return losses.absolute_error(outputs, targets)


def mean_squared_error(outputs: Any, targets: Any) -> Any:
    """``(q - y)^2``, the mean over outputs; `jaxnn.losses.squared_error` under the name of a metric.

    Example:
        >>> mean_squared_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [9.0]
    """
    return losses.squared_error(outputs, targets)


def log_likelihood(outputs: Any, targets: Any) -> Any:
    """The log-likelihood of the label, in nats: of a softmax for class logits, of a sigmoid for a single logit.

    Args:
        outputs: ``(batch, ..., classes)``, or ``(batch,)`` or ``(batch, 1)`` for two classes.
        targets: class numbers, or 0 and 1.

    Returns:
        ``(batch,)``, at most 0; its mean times the number of rows is the log-likelihood of the data.

    Example:
        >>> round(float(log_likelihood(jnp.zeros((1, 1)), jnp.array([1]))[0]), 4)
        -0.6931
    """
    if outputs.shape[-1] > 1 and outputs.ndim == targets.ndim + 1:
        return -losses.softmax_cross_entropy(outputs, targets)
    return -losses.sigmoid_cross_entropy(outputs, targets)


def r2(outputs: Any, targets: Any) -> Any:
    """The coefficient of determination, ``1 - sum (y - q)^2 / sum (y - mean y)^2``, the mean over outputs.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        Statistics ``(batch, 3)`` or ``(batch, 3, out)``; ``r2.finish`` of their weighted means is the value.
        Targets far from 0 for their spread lose digits in float32: standardise them.

    Source: ``sklearn.metrics.r2_score``.

    Example:
        >>> statistics = r2(jnp.array([1.0, 2.0, 3.0]), jnp.array([1.0, 2.0, 4.0]))
        >>> round(float(r2.finish(statistics.mean(0))), 4)
        0.7857
    """
    outputs, targets = losses.fit_shapes(outputs, targets)
    return jnp.stack([(targets - outputs) ** 2, targets, targets**2], 1)


def _finish_r2(means: Any) -> Any:
    error, mean, square = means
    return jnp.mean(1 - error / (square - mean**2))


r2.finish = _finish_r2

NAMES: dict[str, Callable] = {
    f.__name__: f for f in (accuracy, mean_absolute_error, mean_squared_error, log_likelihood, r2)
}


def resolve(metric: str | Callable) -> tuple[str, Callable]:
    """Name and function of a metric: by its name, ``"top_5"`` included, by that of a loss, or as a function.

    Raises:
        ValueError: for an unknown name, with the names that exist.

    Example:
        >>> resolve("top_5")
        ('top_5', top_k(k=5))
    """
    if callable(metric):
        function = getattr(metric, "func", metric)
        return getattr(function, "__name__", type(function).__name__), metric
    if metric in NAMES:
        return metric, NAMES[metric]
    if metric in losses.NAMES:
        return metric, losses.NAMES[metric]
    if metric.startswith("top_") and metric[4:].isdigit() and int(metric[4:]) > 0:
        return metric, top_k(int(metric[4:]))
    raise ValueError(
        f"no metric is named {metric!r}; choose one of {', '.join([*NAMES, 'top_5', *losses.NAMES])}, "
        "or pass a function (outputs, targets) -> (batch,)"
    )


def finish(metric: Callable, means: Any) -> Any:
    """The value of a metric from the weighted means of what it gave per example.

    Example:
        >>> float(finish(accuracy, jnp.array([1.0, 0.0]).mean()))
        0.5
    """
    return getattr(getattr(metric, "func", metric), "finish", lambda value: value)(means)
