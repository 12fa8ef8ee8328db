"""What outputs and targets say as labels: how metrics of classes read them, whatever the loss."""

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxnn.losses.shapes import check_labels, fit_shapes


class Labels(NamedTuple):
    """Predicted and true labels, in one of three forms.

    Args:
        kind: ``"classes"``, class numbers ``(batch, ...)``; ``"binary"``, yes or no ``(batch, ...)``; ``"several"``,
            yes or no for each of several labels, ``(batch, ..., labels)``.
        predicted, true: int32.
        classes: how many; 2 where the kind is binary.
    """

    kind: str
    predicted: Any
    true: Any
    classes: int


def read(name: str, outputs: Any, targets: Any, task: str | None = None) -> Labels:
    """Labels out of outputs and targets.

    Outputs with one axis more than the targets are logits of classes. One output a row says yes above 0. Several
    outputs for several targets are several labels each by itself under a loss of yes or no (``task="binary"``), and
    probabilities of classes under one of classes; where the task is unknown, whole numbers are labels and floats
    probabilities. A target says yes above one half, so that 0 and 1, -1 and 1, and probabilities all serve.

    Args:
        name: of the metric that asks.
        outputs, targets: arrays.
        task: that of the loss, or None.

    Raises:
        ValueError: if the shapes do not fit, with both.

    Example:
        >>> read("accuracy", jnp.array([[0.1, 0.9]]), jnp.array([1])).predicted.tolist()
        [1]
    """
    kind = kind_of(outputs, targets, task)
    if kind == "classes":
        if outputs.shape == targets.shape:
            targets = targets.argmax(-1)
        check_labels(name, outputs, targets)
        return Labels(kind, outputs.argmax(-1).astype(jnp.int32), targets.astype(jnp.int32), outputs.shape[-1])
    outputs, targets = fit_shapes(outputs, targets)
    classes = outputs.shape[-1] if kind == "several" else 2
    return Labels(kind, (outputs > 0).astype(jnp.int32), (targets > 0.5).astype(jnp.int32), classes)


def kind_of(outputs: Any, targets: Any, task: str | None = None) -> str:
    """``"classes"``, ``"binary"`` or ``"several"``, from shapes, dtypes and the task alone.

    Example:
        >>> kind_of(jnp.ones((4, 3)), jnp.ones((4, 3))), kind_of(jnp.ones((4, 3)), jnp.ones((4, 3)), "binary")
        ('classes', 'several')
    """
    if outputs.ndim == targets.ndim + 1 and outputs.shape[-1] > 1:
        return "classes"
    if outputs.shape == targets.shape and outputs.ndim > 1 and outputs.shape[-1] > 1:
        whole = not jnp.issubdtype(targets.dtype, jnp.floating)
        return "several" if task in ("binary", "sign") or (task != "classes" and whole) else "classes"
    return "binary"
