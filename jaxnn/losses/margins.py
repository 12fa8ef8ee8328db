"""Losses of scores whose sign decides."""

from typing import Any

import jax.numpy as jnp
import optax

from jaxnn.core.registry import loss
from jaxnn.losses.shapes import fit_shapes, per_row


def _signs(scores: Any, labels: Any) -> tuple[Any, Any]:
    scores, labels = fit_shapes(scores, labels)
    return scores, jnp.where(labels > 0, 1, -1).astype(scores.dtype)


@loss(task="sign")
def hinge(scores: Any, labels: Any) -> Any:
    """The hinge loss of a support vector machine, ``max(0, 1 - y s)`` with ``y`` in {-1, 1}.

    Args:
        scores: ``(batch,)`` or ``(batch, 1)``.
        labels: ``(batch,)``; above 0 is the positive class, so 0/1 and -1/1 both serve.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.hinge_loss`.

    Example:
        >>> hinge(jnp.array([0.25, 2.0]), jnp.array([1, 0])).tolist()
        [0.75, 3.0]
    """
    return per_row(optax.losses.hinge_loss(*_signs(scores, labels)))


@loss(task="sign")
def perceptron(scores: Any, labels: Any) -> Any:
    """The perceptron's loss, ``max(0, -y s)`` with ``y`` in {-1, 1}.

    A row on the boundary counts as wrong and pulls with its full weight, so that a gradient step of size 1 is
    Rosenblatt's rule from the first row on (`optax.losses.perceptron_loss` pulls with half of it there).

    Args:
        scores: ``(batch,)`` or ``(batch, 1)``.
        labels: ``(batch,)``; above 0 is the positive class, so 0/1 and -1/1 both serve.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Rosenblatt, "The perceptron", Psychological Review 65 (1958).

    Example:
        >>> perceptron(jnp.array([0.25, 2.0]), jnp.array([1, 0])).tolist()
        [0.0, 2.0]
    """
    scores, signs = _signs(scores, labels)
    margin = signs * scores
    return per_row(jnp.where(margin <= 0, -margin, 0))
