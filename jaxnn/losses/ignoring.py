"""Labels that do not count."""

from typing import Any

import jax.numpy as jnp

from jaxnn.core.layer import child, is_spec, spec
from jaxnn.core.records import Loss
from jaxnn.losses.names import resolve


@spec
class ignoring:
    """A loss in which rows or steps of one label are not there: padding, or what nobody has labelled.

    The loss of a batch is then the sum over the labels that count, divided by their number, and metrics see the same
    ones. A batch without any of them changes nothing.

    Args:
        loss: a name or a spec, of labels that are whole numbers.
        label: which one is ignored; it may be any number, that of a class too.

    Returns:
        A loss from outputs and targets to ``(batch,)``: by itself the mean over the steps of each row that count, 0
        where there are none.

    Raises:
        TypeError: for a loss that is neither a name nor a spec.
        ValueError: for an unknown name.

    Source: ``torch.nn.CrossEntropyLoss(ignore_index=-100)`` with its mean.

    Example:
        >>> import optax, jaxnn as nn
        >>> trial = nn.Trial(nn.Dense(3), nn.losses.ignoring("softmax_cross_entropy", -1), optax.sgd(0.1))
        >>> ignoring("squared_error", -1)(jnp.zeros((3, 1)), jnp.array([-1, 3, 2])).tolist()
        [0.0, 9.0, 4.0]
    """

    name: str | None = None
    loss: Any = child(None)
    label: int = -100

    def __init__(self, loss: Any = None, label: int = -100, name: str | None = None):
        if isinstance(loss, (str, Loss)):
            loss, name = None, resolve(loss).name
        if isinstance(loss, type) or (callable(loss) and not is_spec(loss)):
            raise TypeError(
                f"ignoring takes the name of a loss or a spec, got {loss!r}; write "
                'ignoring("softmax_cross_entropy"), or define the function by @nn.loss'
            )
        if isinstance(label, bool) or not isinstance(label, int):
            raise TypeError(f'the ignored label is a whole number, got {label!r}; write ignoring("hinge", -1)')
        object.__setattr__(self, "loss", loss)
        object.__setattr__(self, "name", "softmax_cross_entropy" if loss is None and name is None else name)
        object.__setattr__(self, "label", label)

    def __repr__(self) -> str:
        return f"ignoring({(self.name if self.loss is None else self.loss)!r}, {self.label})"

    @property
    def inner(self) -> Loss:
        """The loss of the labels that count."""
        loss: Any = self.name if self.loss is None else self.loss
        return resolve(loss)

    @property
    def task(self) -> str | None:
        """That of the loss."""
        return self.inner.task

    @property
    def ignored(self) -> int:
        """The label that does not count."""
        return self.label

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """One value per row."""
        there = targets != self.label
        steps, known = there.reshape(-1), jnp.where(there, targets, jnp.zeros_like(targets))
        flat = outputs.reshape(-1, *outputs.shape[targets.ndim :])
        each = self.inner(flat, known.reshape(-1))
        each = jnp.where(steps, each, jnp.zeros_like(each)).reshape(there.shape[0], -1)
        count = there.reshape(there.shape[0], -1).sum(1)
        return each.sum(1) / jnp.maximum(count, 1).astype(each.dtype)
