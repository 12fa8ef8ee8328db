"""What a model ends in, by looking at the spec: a loss from logits must not get probabilities."""

from typing import Any

from jaxnn.core.names import name_of


def activation_at_the_end(spec: Any) -> str | None:
    """The name of the activation that a model's outputs come from, or None where it cannot be told.

    A layer made of layers says by ``last`` which of them gives its output; a layer says by ``activation`` what it ends
    in. Where neither is there, nothing is known.

    Example:
        >>> import jaxnn as nn
        >>> activation_at_the_end(nn.Sequential(nn.Dense(4, "relu"), nn.Dense(1, "sigmoid")))
        'sigmoid'
        >>> activation_at_the_end(nn.Sequential(nn.Dense(4, "relu"), nn.Dense(1))) is None
        True
    """
    while (inner := getattr(spec, "last", None)) is not None:
        spec = inner
    found = getattr(spec, "activation", None)
    return name_of(found) if callable(found) else found
