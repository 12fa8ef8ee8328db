"""Cross-entropies that look less at what is right already."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.types import Hyper
from jaxnn.losses.shapes import check_labels, fit_shapes, per_row


@spec
class focal:
    """The focal loss of yes or no, ``-(1 - p)^gamma log p`` with ``p`` the probability of what is true.

    Args:
        gamma: how little the sure ones count, 0 or more; 0 is `sigmoid_cross_entropy`. Traced.
        alpha: the weight of yes, with ``1 - alpha`` for no; None weighs both by 1. Traced.

    Returns:
        A loss from logits, ``(batch,)``, ``(batch, 1)`` or ``(batch, labels)``, and 0 or 1 of that shape, to
        ``(batch,)``.

    Raises:
        ValueError: for a negative gamma, an alpha outside [0, 1], or shapes that do not fit.

    Source: Lin et al., "Focal loss for dense object detection", 2017; `optax.losses.sigmoid_focal_loss`.

    Example:
        >>> round(float(focal(2.0)(jnp.zeros(1), jnp.ones(1))[0]), 4)
        0.1733
    """

    gamma: Hyper = hyper(2.0)
    alpha: Hyper | None = hyper(None)
    task: ClassVar[str] = "binary"

    def __post_init__(self):
        checks.not_negative("gamma", self.gamma, "nn.losses.focal(gamma=2.0)")
        checks.fraction("alpha", self.alpha, "nn.losses.focal(gamma=2.0, alpha=0.25)")

    def __call__(self, logits: Any, labels: Any) -> Any:
        """One value per row."""
        logits, labels = fit_shapes(logits, labels)
        alpha = None if self.alpha is None else jnp.asarray(self.alpha, logits.dtype)
        gamma = jnp.asarray(self.gamma, logits.dtype)
        return per_row(optax.losses.sigmoid_focal_loss(logits, labels, alpha=alpha, gamma=gamma))


def _focused(log_chance: Any, gamma: Hyper) -> Any:
    """``-(1 - p)^gamma log p``, also where p is 1 to the last digit, or gamma below 1."""
    sure = log_chance >= 0
    log_chance = jnp.where(sure, jnp.full_like(log_chance, -1), log_chance)
    missed = jnp.exp(jnp.asarray(gamma, log_chance.dtype) * jnp.log(-jnp.expm1(log_chance)))
    return jnp.where(sure, jnp.zeros_like(log_chance), -missed * log_chance)


@spec
class softmax_focal:
    """The focal loss of classes, ``-(1 - p)^gamma log p`` with ``p`` the probability of the label.

    Args:
        gamma: how little the sure ones count, 0 or more; 0 is `softmax_cross_entropy`. Traced.

    Returns:
        A loss from logits ``(batch, ..., classes)`` and class numbers ``(batch, ...)`` to ``(batch,)``.

    Raises:
        ValueError: for a negative gamma, or shapes that do not fit.

    Source: Lin et al., 2017; ``keras.losses.CategoricalFocalCrossentropy(alpha=1)``.

    Example:
        >>> round(float(softmax_focal(2.0)(jnp.zeros((1, 2)), jnp.array([1]))[0]), 4)
        0.1733
    """

    gamma: Hyper = hyper(2.0)
    task: ClassVar[str] = "classes"

    def __post_init__(self):
        checks.not_negative("gamma", self.gamma, "nn.losses.softmax_focal(gamma=2.0)")

    def __call__(self, logits: Any, labels: Any) -> Any:
        """One value per row."""
        check_labels("softmax_focal", logits, labels)
        chances = jax.nn.log_softmax(logits)
        own = jnp.take_along_axis(chances, labels.astype(jnp.int32)[..., None], -1)[..., 0]
        return per_row(_focused(own, self.gamma))
