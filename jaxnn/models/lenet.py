"""LeNet: convolutions and pooling, then dense layers."""

from collections.abc import Callable, Sequence

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.layers.activation import Activation
from jaxnn.layers.combine import Sequential
from jaxnn.layers.conv import Conv
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.pool import MaxPool
from jaxnn.layers.reshape import Flatten


def lenet(
    out: int,
    filters: Sequence[int] = (6, 16),
    hidden: Sequence[int] = (120, 84),
    kernel_size: int = 5,
    activation: str | Callable = "relu",
    padding: str | Sequence[str] = "same",
    dropout: Hyper = 0.0,
    kernel_init: str | Callable = "glorot_uniform",
) -> Sequential:
    """Convolution and pooling by 2, once for each number of filters; then dense layers; a linear end.

    The activation stands behind the pooling, where it has a quarter of the entries to do; for activations that never
    fall, which are all the usual ones, the result is the same as before it.

    Args:
        out: number of outputs, which are logits or values without an activation.
        filters: of each convolution; each halves height and width.
        hidden: widths of the dense layers before the last.
        kernel_size: taps of every convolution along both axes.
        activation: of all layers but the last, a name or a function of `jax.nn`.
        padding: ``"same"`` or ``"valid"``, for all convolutions or one for each. ``("same", "valid")`` on 28 x 28
            pixels gives the sizes of LeNet-5.
        dropout: drop rate after every hidden dense layer; may be traced. A concrete 0 costs nothing.
        kernel_init: initialiser of every kernel.

    Returns:
        A `Sequential` from ``(batch, height, width, channels)`` to ``(batch, out)``; 8 x 8 and 28 x 28 pixels alike.

    Raises:
        ValueError: for sizes below 1, or as many paddings as there are not filters.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> x = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)
        >>> params, _ = jax.eval_shape(nn.lenet(10, padding=("same", "valid")).init, jax.random.key(0), x)
        >>> sum(p.size for p in jax.tree.leaves(params))
        61706
    """
    paddings = (padding,) * len(filters) if isinstance(padding, str) else tuple(padding)
    if len(paddings) != len(filters):
        raise ValueError(
            f'{len(filters)} numbers of filters need as many paddings, got {paddings}; write padding="same"'
        )
    layers: list = []
    for count, word in zip(filters, paddings, strict=True):
        conv = Conv(count, (kernel_size, kernel_size), padding=word, kernel_init=kernel_init)
        layers += [conv, MaxPool((2, 2)), Activation(activation)]
    layers.append(Flatten())
    for width in hidden:
        checks.size("a hidden width", width, "lenet(10, hidden=(120, 84))")
        layers += [Dense(width, activation, kernel_init=kernel_init), Dropout(dropout)]
    return Sequential(*layers, Dense(out, kernel_init=kernel_init))
