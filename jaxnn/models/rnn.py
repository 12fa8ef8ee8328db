"""A classifier of sequences by recurrence."""

from jaxnn.core import checks
from jaxnn.core.types import Hyper
from jaxnn.layers.bidirectional import Bidirectional
from jaxnn.layers.combine import Sequential
from jaxnn.layers.dense import Dense
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.recurrent import GRU, LSTM, SimpleRNN

CELLS = {"rnn": SimpleRNN, "lstm": LSTM, "gru": GRU}


def rnn_classifier(
    units: int,
    out: int,
    cell: str = "lstm",
    layers: int = 1,
    bidirectional: bool = False,
    dropout: Hyper = 0.0,
) -> Sequential:
    """Recurrent layers one above the other, and a dense layer on the last output of the top one.

    Args:
        units: hidden units of each layer, and of each direction.
        out: number of outputs, which are logits or values without an activation.
        cell: ``"lstm"``, ``"gru"`` or ``"rnn"``.
        layers: number of recurrent layers.
        bidirectional: whether each layer runs both ways, its outputs being twice as wide.
        dropout: drop rate between the layers, with one mask over time, and before the dense one; may be traced.

    Returns:
        A `Sequential` from ``(batch, time, features)``, or from ``(sequence, mask)`` with a mask ``(batch, time)``
        for sequences of different lengths, to ``(batch, out)``. Images ``(batch, rows, columns)`` are read row by row.

    Raises:
        ValueError: for a size below 1, an unknown cell, or a rate outside [0, 1).

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> model, x = nn.rnn_classifier(8, out=3, cell="gru", layers=2, bidirectional=True), jnp.ones((2, 5, 4))
        >>> params, state = model.init(jax.random.key(0), x)
        >>> list(params), model.apply(params, state, x)[0].shape
        (['bidirectional_0', 'bidirectional_1', 'dense_0'], (2, 3))
    """
    checks.size("layers", layers, "rnn_classifier(64, out=10, layers=2)")
    if cell not in CELLS:
        raise ValueError(f"no cell is named {cell!r}; choose one of {', '.join(CELLS)}, as in rnn_classifier(64, 10)")
    stack: list = []
    for i in range(layers):
        layer = CELLS[cell](units, return_sequences=i < layers - 1, dropout=dropout if i else 0.0)
        stack.append(Bidirectional(layer) if bidirectional else layer)
    return Sequential(*stack, Dropout(dropout), Dense(out))
