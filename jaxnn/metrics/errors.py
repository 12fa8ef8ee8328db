"""Errors of values: absolute, squared, and their like."""

from typing import Any

from jaxnn.core.registry import metric
from jaxnn.losses import errors


@metric(rises=False)
def mean_absolute_error(outputs: Any, targets: Any) -> Any:
    """``|q - y|``, the mean over outputs; `jaxnn.losses.absolute_error` under the name of a metric.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Source: ``sklearn.metrics.mean_absolute_error``.

    Example:
        >>> mean_absolute_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [3.0]
    """
    return errors.absolute_error(outputs, targets)


@metric(rises=False)
def mean_squared_error(outputs: Any, targets: Any) -> Any:
    """``(q - y)^2``, the mean over outputs; `jaxnn.losses.squared_error` under the name of a metric.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Source: ``sklearn.metrics.mean_squared_error``.

    Example:
        >>> mean_squared_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [9.0]
    """
    return errors.squared_error(outputs, targets)
