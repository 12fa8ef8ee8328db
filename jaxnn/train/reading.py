"""How outputs are read: as probabilities, as predictions, and those of several models as one."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from jaxnn import losses
from jaxnn.core.records import OF_CHANCES
from jaxnn.losses.reading import values
from jaxnn.train.heads import is_node, mapped, value_and_mask


def log_probabilities(task: str | None, outputs: Any, call: str) -> np.ndarray:
    """The logarithms of class probabilities ``(rows, ..., classes)``, exact far out too.

    Args:
        task: that of the loss, as `jaxnn.Loss` lists it.
        outputs: logits ``(rows, ..., classes)``; for yes or no ``(rows,)`` or ``(rows, ..., 1)``, which gives two
            columns, or ``(rows, labels)``, which gives that of yes for each label.
        call: what the message tells to write, without ``.predict(x)``.

    Raises:
        ValueError: for a task without probabilities.

    Source: `scipy.special.log_softmax`, `scipy.special.log_expit`.

    Example:
        >>> log_probabilities("binary", np.array([-2000.0]), "run").tolist()
        [[0.0, -2000.0]]
    """
    outputs = np.asarray(outputs) if task in OF_CHANCES else outputs
    if task == "classes":
        shifted = outputs - outputs.max(-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    if task == "binary":
        if several_labels(outputs):
            return _log_sigmoid(outputs)
        one = outputs if outputs.ndim > 1 else outputs[:, None]
        return np.concatenate([_log_sigmoid(-one), _log_sigmoid(one)], -1)
    if task is None:
        raise ValueError(
            f"nobody said how outputs under this loss are read; write {call}.outputs(x), or define the loss by "
            '@nn.loss(task="classes") where they are logits of classes, task="binary" for logits of yes or no'
        )
    raise ValueError(f"this loss gives no probabilities; write {call}.predict(x), or train with a cross-entropy")


def probabilities(task: str | None, outputs: Any, call: str) -> np.ndarray:
    """Class probabilities; see `log_probabilities`."""
    return np.exp(log_probabilities(task, outputs, call))


def several_labels(outputs: Any) -> bool:
    """Whether these logits of yes or no are of several labels a row."""
    return outputs.ndim > 1 and outputs.shape[-1] > 1


def _log_sigmoid(z: np.ndarray) -> np.ndarray:
    return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))


def decide(task: str | None, outputs: Any) -> Any:
    """Predictions: class numbers for classes, 0 or 1 for two of them, else the outputs (one per row: ``(rows,)``).

    Args:
        task: that of the loss, as `jaxnn.Loss` lists it; unknown outputs are values, and may be a tree.
        outputs: of one model, or `pooled` ones.

    Example:
        >>> decide("classes", np.array([[0.0, 2.0]])).tolist(), decide("values", np.array([[1.5]])).tolist()
        ([1], [1.5])
    """
    if task == "classes":
        return np.asarray(outputs).argmax(-1)
    if task == "binary":
        yes = (np.asarray(outputs) > 0).astype(int)
        return yes if several_labels(yes) or yes.ndim == 1 else yes[..., 0]

    def value(a: Any) -> np.ndarray:
        a = values(np.asarray(a), task)
        return a[:, 0] if a.ndim == 2 and a.shape[-1] == 1 else a

    read = jax.tree.map(value, outputs)
    return (read > 0).astype(int) if task == "sign" else read


def pooled(task: str | None, outputs: Sequence[Any]) -> Any:
    """The outputs of several models as those of one: of the mean probability, or the mean where there is none.

    Of rates it is the mean rate, of normal distributions mean and variance of their mixture.

    Args:
        task: that of the loss.
        outputs: of each model, ``(rows, ...)``.

    Returns:
        Outputs of the same form, which are read as those of one model are.

    Source: Lakshminarayanan et al., "Simple and scalable predictive uncertainty estimation using deep ensembles", 2017.

    Example:
        >>> even = pooled("binary", [np.array([30.0]), np.array([-30.0])])
        >>> probabilities("binary", even, "ensemble").tolist()
        [[0.5, 0.5]]
    """
    if task == "classes":
        return _log_mean([log_probabilities(task, o, "") for o in outputs])
    if task == "binary":
        yes, no = ([_log_sigmoid(sign * np.asarray(o)) for o in outputs] for sign in (1, -1))
        return _log_mean(yes) - _log_mean(no)
    if task == "counts":
        return _log_mean(outputs)
    if task == "normal":
        means, variances = zip(*(np.split(np.asarray(o), 2, -1) for o in outputs), strict=True)
        spread = _log_mean(variances), np.log(np.maximum(np.var(means, 0), np.finfo(np.float32).tiny))
        return np.concatenate([np.mean(means, 0), np.logaddexp(*spread)], -1)
    return jax.tree.map(lambda *a: np.mean(a, 0), *outputs)


def _log_mean(logarithms: Sequence[np.ndarray]) -> np.ndarray:
    """The logarithm of the mean of what these are logarithms of."""
    stacked = np.stack(logarithms)
    largest = np.maximum(stacked.max(0), np.finfo(stacked.dtype).min)
    return largest + np.log(np.exp(stacked - largest).mean(0))


def read(function: Callable, loss: Any, *outputs: Any) -> Any:
    """``function(task, outputs, ...)`` of every head, in a tree like that of the losses."""
    return mapped(lambda leaf, *own: function(losses.resolve(leaf).task, *own), loss, *outputs)


def unmasked(loss: Any, outputs: Any) -> Any:
    """The outputs of every head without the mask that layers handed on beside them."""
    return mapped(lambda leaf, own: value_and_mask(own)[0], loss, outputs)


def read_probabilities(loss: Any, outputs: Any, function: Callable, call: str) -> Any:
    """Probabilities of every head by `probabilities` or `log_probabilities`; None where a head has none.

    Raises:
        ValueError: if no head has any.
    """
    if not is_node(loss):
        return read(lambda task, own: function(task, own, call), loss, outputs)
    tasks = set(jax.tree.leaves(mapped(lambda leaf: str(losses.resolve(leaf).task), loss)))
    if not {*OF_CHANCES} & tasks:
        function(None if tasks == {"None"} else "values", None, call)
    return read(lambda task, own: function(task, own, call) if task in OF_CHANCES else None, loss, outputs)
