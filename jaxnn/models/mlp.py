"""The multi-layer perceptron."""

from collections.abc import Callable, Sequence

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.layers.activation import Activation
from jaxnn.layers.combine import Sequential
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.norm import BatchNorm
from jaxnn.layers.reshape import Flatten


def mlp(
    hidden: Sequence[int],
    out: int,
    activation: str | Callable = "relu",
    dropout: Hyper = 0.0,
    batch_norm: bool = False,
    kernel_init: str | Callable = "glorot_uniform",
) -> Sequential:
    """Fully connected layers: flatten, then for each width dense, (batch norm), activation, dropout; a linear end.

    Args:
        hidden: the widths of the hidden layers; empty gives a linear model.
        out: number of outputs, which are logits or values without an activation.
        activation: of the hidden layers, a name or a function of `jax.nn`.
        dropout: drop rate after every hidden layer; may be traced. A concrete 0 costs nothing.
        batch_norm: whether a `BatchNorm` stands before each activation; the dense layer before it then has no bias,
            which would have no true gradient (Adam turns its rounding noise into full steps).
        kernel_init: initialiser of every kernel.

    Returns:
        A `Sequential` from ``(batch, ...)`` to ``(batch, out)``.

    Raises:
        ValueError: for a width or an output below 1.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> params, _ = nn.mlp((100, 100, 100), out=1).init(jax.random.key(0), jnp.ones((1, 21)))
        >>> sum(p.size for p in jax.tree.leaves(params))
        22501
    """
    if isinstance(hidden, (int, float)):
        raise ValueError(f"hidden must be a sequence of widths, got {hidden}; write mlp(({int(hidden)},), out={out})")
    layers: list = [Flatten()]
    for width in hidden:
        checks.size("a hidden width", width, "mlp((100, 100), out=10)")
        if batch_norm:
            layers += [
                Dense(width, use_bias=False, kernel_init=kernel_init),
                BatchNorm(),
                Activation(activation),
                Dropout(dropout),
            ]
        else:
            layers += [Dense(width, activation, kernel_init=kernel_init), Dropout(dropout)]
    return Sequential(*layers, Dense(out, kernel_init=kernel_init))
