"""Losses by name, as functions and as specs, all of them as records."""

from collections.abc import Callable
from typing import Any

from jaxnn.core.activations import unknown
from jaxnn.core.layer import is_spec
from jaxnn.core.records import Loss, Missing, called
from jaxnn.core.registry import LOSS_ALIASES, LOSSES, define, find_loss, same_origin
from jaxnn.losses.alignment import ctc
from jaxnn.losses.focus import focal, softmax_focal
from jaxnn.losses.quantiles import quantile
from jaxnn.losses.ranking import triplet
from jaxnn.losses.robust import huber
from jaxnn.losses.softened import label_smoothing

SPECS: tuple[Any, ...] = (huber, quantile, focal, softmax_focal, label_smoothing, triplet, ctc)
for one in SPECS:
    define(LOSSES, Loss(one.__name__, one(), one.task))

LOSS_ALIASES |= {
    "categorical_crossentropy": "softmax_cross_entropy",
    "sparse_categorical_crossentropy": "softmax_cross_entropy",
    "cross_entropy": "softmax_cross_entropy",
    "binary_crossentropy": "sigmoid_cross_entropy",
    "logcosh": "log_cosh",
    "mse": "squared_error",
    "mean_squared_error": "squared_error",
    "mae": "absolute_error",
    "mean_absolute_error": "absolute_error",
    "mean_pinball_loss": "quantile",
    "binary_focal_crossentropy": "focal",
    "categorical_focal_crossentropy": "softmax_focal",
    "kld": "kl_divergence",
}


def resolve(loss: str | Callable) -> Loss:
    """The record of a loss: by its name, Keras's and scikit-learn's names included, as a function, a spec or a record.

    Args:
        loss: what a `Trial` takes. A bare function has no task.

    Raises:
        ValueError: for an unknown name, with the closest one and all that exist, and for a function of one's own under
            the name of another loss.

    Example:
        >>> resolve("mse"), resolve("huber"), resolve(lambda outputs, targets: outputs)
        (Loss('squared_error', task='values'), Loss('huber', task='values'), Loss('<lambda>'))
    """
    if isinstance(loss, str):
        found = find_loss(loss)
        if found is None:
            unknown("loss", loss, sorted(LOSSES))
        return found
    if isinstance(loss, type) or not callable(loss):
        call = f"nn.losses.{loss.__name__}()" if isinstance(loss, type) else '"softmax_cross_entropy"'
        raise ValueError(f"a loss is a name or a function (outputs, targets) -> (batch,), got {loss!r}; write {call}")
    if isinstance(loss, Loss):
        record = loss
    else:
        record = Loss(type(loss).__name__ if is_spec(loss) else called(loss), loss, getattr(loss, "task", None))
    known = LOSSES.get(record.name)
    if known is not None and not same_origin(known, record) and not isinstance(record.rows, Missing):
        raise ValueError(
            f"a loss of your own is called {record.name!r}, as another one is; "
            f"write nn.loss(name='my_{record.name}', task='values')({record.name})"
        )
    return record
