"""Losses of comparisons: which of two is better, which of two is nearer."""

from typing import Any, ClassVar

import jax.numpy as jnp
import optax

from jaxnn.core import checks
from jaxnn.core.layer import hyper, spec
from jaxnn.core.registry import loss
from jaxnn.core.types import Hyper
from jaxnn.losses.shapes import fit_shapes, per_row


@loss(task="values")
def bradley_terry(rewards: Any, preferred: Any) -> Any:
    """The loss of a reward model, ``-log F(r_a - r_b)`` where the first of two answers is preferred, ``F`` the sigmoid.

    Args:
        rewards: of the first and the second of two, ``(batch, 2)`` or ``(batch, 2, 1)``: the model reads both,
            ``(batch, 2, ...)``.
        preferred: 1 where the first is preferred, 0 where the second is, or the probability of the first, ``(batch,)``.

    Returns:
        ``(batch,)``, in nats.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Bradley and Terry, "Rank analysis of incomplete block designs", 1952; Ouyang et al., "Training language
        models to follow instructions with human feedback", 2022.

    Example:
        >>> round(float(bradley_terry(jnp.array([[2.0, 0.0]]), jnp.array([1]))[0]), 4)
        0.1269
    """
    if rewards.shape[1:] not in ((2,), (2, 1)) or preferred.shape != rewards.shape[:1]:
        raise ValueError(
            f"bradley_terry got rewards {rewards.shape} and targets {preferred.shape}; write a model that gives two "
            f"rewards a row, ({rewards.shape[0]}, 2), from inputs (batch, 2, ...), and one target a row"
        )
    rewards = rewards.reshape(-1, 2)
    margin, preferred = fit_shapes(rewards[:, 0] - rewards[:, 1], preferred)
    return optax.losses.sigmoid_binary_cross_entropy(margin, preferred)


@spec
class triplet:
    """The triplet loss, ``max(0, |a - p| - |a - n| + margin)`` of an anchor, one like it and one unlike it.

    Args:
        margin: by how much the unlike one must be farther away; traced.

    Returns:
        A loss from outputs ``(batch, 3, size)``, where the model reads ``(batch, 3, ...)``, and targets ``(batch,)``,
        which are not looked at, to ``(batch,)``.

    Raises:
        ValueError: for a negative margin, or outputs of another shape.

    Source: Schroff et al., "FaceNet: a unified embedding for face recognition and clustering", 2015;
        `optax.losses.triplet_margin_loss`, whose values these are.

    Example:
        >>> round(float(triplet(1.0)(jnp.array([[[0.0], [1.0], [1.5]]]), jnp.zeros(1))[0]), 4)
        0.5
    """

    margin: Hyper = hyper(1.0)
    task: ClassVar[str] = "values"

    def __post_init__(self):
        checks.not_negative("margin", self.margin, "nn.losses.triplet(margin=1.0)")

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        if outputs.ndim != 3 or outputs.shape[1] != 3 or targets.shape[:1] != outputs.shape[:1]:
            raise ValueError(
                f"triplet got outputs {outputs.shape} and targets {targets.shape}; write a model that gives an anchor, "
                "one like it and one unlike it, (batch, 3, size), and a target for each row"
            )
        margin = jnp.asarray(self.margin, outputs.dtype)
        return per_row(optax.losses.triplet_margin_loss(*jnp.moveaxis(outputs, 1, 0), margin=margin))
