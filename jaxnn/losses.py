"""Losses, per example: ``(outputs, targets) -> (batch,)``; Optax's where Optax has them.

A loss is given to a `Trial` by its name or as a function. Class labels are whole numbers ``(batch,)``, binary
labels are 0 and 1 (or -1 and 1 for `hinge` and `perceptron`). Outputs ``(batch, 1)`` meet targets ``(batch,)``.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnn.core.types import Hyper


def fit_shapes(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Outputs and targets of one shape: ``(batch, 1)`` meets ``(batch,)``; all else must be equal.

    Raises:
        ValueError: if the shapes differ otherwise; broadcasting would compare every row with every other.

    Example:
        >>> [a.shape for a in fit_shapes(jnp.ones((4, 1)), jnp.ones(4))]
        [(4,), (4,)]
    """
    one_each = outputs.ndim == targets.ndim + 1 and outputs.shape[-1] == 1
    if targets.shape != (outputs.shape[:-1] if one_each else outputs.shape):
        raise ValueError(
            f"the model gives outputs {outputs.shape} and the targets are {targets.shape}; "
            "write a model with one output per target, or targets of that shape"
        )
    return outputs.reshape(targets.shape), targets.astype(outputs.dtype)


def check_labels(name: str, logits: Any, labels: Any) -> None:
    """Raise unless ``labels (batch, ...)`` are one class number for each ``logits (batch, ..., classes)``.

    Args:
        name: of the loss or metric that asks.
        logits, labels: arrays; only their shapes are read.

    Raises:
        ValueError: with both shapes.

    Example:
        >>> check_labels("accuracy", jnp.ones((4, 3)), jnp.ones(5))
        Traceback (most recent call last):
        ValueError: accuracy got logits (4, 3) and labels (5,); write labels of shape (4,) that hold class numbers
    """
    if labels.shape != logits.shape[:-1]:
        raise ValueError(
            f"{name} got logits {logits.shape} and labels {labels.shape}; "
            f"write labels of shape {logits.shape[:-1]} that hold class numbers"
        )


def _rows(values: Any, reduce: Callable = jnp.mean) -> Any:
    return values if values.ndim == 1 else reduce(values, axis=tuple(range(1, values.ndim)))


def softmax_cross_entropy(logits: Any, labels: Any) -> Any:
    """Cross-entropy of a softmax, ``log sum_j exp(o_j) - o_label``, stable for large logits.

    Args:
        logits: ``(batch, ..., classes)``.
        labels: ``(batch, ...)`` whole numbers, or ``(batch, ..., classes)`` probabilities.

    Returns:
        ``(batch,)``, in nats; the mean over axes between the batch and the classes, such as time.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.softmax_cross_entropy_with_integer_labels`, whose values these are.

    Example:
        >>> round(float(softmax_cross_entropy(jnp.zeros((1, 4)), jnp.array([2]))[0]), 4)
        1.3863
    """
    if labels.shape == logits.shape and jnp.issubdtype(labels.dtype, jnp.floating):
        return _rows(optax.losses.softmax_cross_entropy(logits, labels.astype(logits.dtype)))
    check_labels("softmax_cross_entropy", logits, labels)
    # Optax looks the label up by a gather, whose gradient is a scatter: on a CPU that alone costs more than the rest.
    shifted = logits - jax.lax.stop_gradient(logits.max(-1, keepdims=True))
    classes = jax.lax.broadcasted_iota(jnp.int32, logits.shape, logits.ndim - 1)
    own = jnp.where(classes == labels.astype(jnp.int32)[..., None], shifted, jnp.zeros_like(shifted)).sum(-1)
    return _rows(jnp.log(jnp.exp(shifted).sum(-1)) - own)


def sigmoid_cross_entropy(logits: Any, labels: Any) -> Any:
    """Binary cross-entropy, ``-y log F(z) - (1 - y) log(1 - F(z))`` with ``F`` the sigmoid, stable for large logits.

    Args:
        logits: ``(batch,)``, ``(batch, 1)`` or ``(batch, ..., labels)``.
        labels: 0 or 1, or probabilities, of that shape.

    Returns:
        ``(batch,)``, in nats; the mean over several labels.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.sigmoid_binary_cross_entropy`.

    Example:
        >>> round(float(sigmoid_cross_entropy(jnp.zeros((1, 1)), jnp.array([1]))[0]), 4)
        0.6931
    """
    logits, labels = fit_shapes(logits, labels)
    return _rows(optax.losses.sigmoid_binary_cross_entropy(logits, labels))


def squared_error(outputs: Any, targets: Any) -> Any:
    """Squared error, the mean over outputs of ``(q - y)^2``.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.squared_error`; the mean over outputs is that of ``keras.losses.MeanSquaredError``.

    Example:
        >>> squared_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [9.0]
    """
    return _rows(optax.losses.squared_error(*fit_shapes(outputs, targets)))


def half_squared_error(outputs: Any, targets: Any) -> Any:
    """Half the sum over outputs of the squared error, ``1/2 sum (q - y)^2``.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.l2_loss`, summed over outputs.

    Example:
        >>> half_squared_error(jnp.array([[1.0, 2.0]]), jnp.array([[0.0, 0.0]])).tolist()
        [2.5]
    """
    return _rows(optax.losses.l2_loss(*fit_shapes(outputs, targets)), jnp.sum)


def absolute_error(outputs: Any, targets: Any) -> Any:
    """Absolute error, the mean over outputs of ``|q - y|``.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: ``keras.losses.MeanAbsoluteError``.

    Example:
        >>> absolute_error(jnp.array([[2.0]]), jnp.array([5.0])).tolist()
        [3.0]
    """
    outputs, targets = fit_shapes(outputs, targets)
    return _rows(jnp.abs(outputs - targets))


def huber(outputs: Any, targets: Any, delta: Hyper = 1.0) -> Any:
    """Huber's loss: ``e^2 / 2`` for ``|e| <= delta``, else ``delta (|e| - delta / 2)``; the mean over outputs.

    Args:
        outputs, targets: ``(batch,)`` or ``(batch, out)``.
        delta: where the square turns into a line, above 0; may be traced.

    Returns:
        ``(batch,)``.

    Raises:
        ValueError: if the shapes do not fit.

    Source: `optax.losses.huber_loss`.

    Example:
        >>> huber(jnp.array([0.5, 3.0]), jnp.zeros(2)).tolist()
        [0.125, 2.5]
    """
    outputs, targets = fit_shapes(outputs, targets)
    return _rows(optax.losses.huber_loss(outputs, targets, delta=jnp.asarray(delta, outputs.dtype)))


def _signs(scores: Any, labels: Any) -> tuple[Any, Any]:
    scores, labels = fit_shapes(scores, labels)
    return scores, jnp.where(labels > 0, 1, -1).astype(scores.dtype)


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
    return _rows(optax.losses.hinge_loss(*_signs(scores, labels)))


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
    return _rows(jnp.where(margin <= 0, -margin, 0))


NAMES: dict[str, Callable] = {
    f.__name__: f
    for f in (
        softmax_cross_entropy,
        sigmoid_cross_entropy,
        squared_error,
        half_squared_error,
        absolute_error,
        huber,
        hinge,
        perceptron,
    )
}
_TASKS = {"softmax_cross_entropy": "classes", "sigmoid_cross_entropy": "binary", "hinge": "sign", "perceptron": "sign"}


def resolve(loss: str | Callable) -> Callable:
    """The loss of a name; a function is itself.

    Raises:
        ValueError: for an unknown name, with the names that exist.

    Example:
        >>> resolve("hinge").__name__
        'hinge'
    """
    if callable(loss):
        return loss
    if loss not in NAMES:
        raise ValueError(f"no loss is named {loss!r}; choose one of {', '.join(NAMES)}, or pass a function")
    return NAMES[loss]


def task_of(loss: str | Callable) -> str:
    """How outputs under this loss become predictions: ``"classes"``, ``"binary"``, ``"sign"`` or ``"values"``.

    A foreign function counts as ``"values"``; a `functools.partial` counts as its function.

    Example:
        >>> task_of("softmax_cross_entropy")
        'classes'
    """
    function = resolve(loss)
    function = getattr(function, "func", function)
    return next((_TASKS.get(name, "values") for name, known in NAMES.items() if known is function), "values")
