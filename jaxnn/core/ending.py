"""What a model ends in, by looking at the spec: a loss from logits must not get probabilities."""

from typing import Any

from jaxnn.core.names import name_of


def activation_at_the_end(spec: Any, path: tuple = ()) -> str | None:
    """The name of the activation that a model's outputs come from, or None where it cannot be told.

    A layer made of layers says by ``last`` which of them gives its output, and by ``lasts`` which give several, by
    name; a layer says by ``activation`` what it ends in. Where neither is there, nothing is known.

    Args:
        spec: the model.
        path: the names that lead to one of several outputs.

    Example:
        >>> import jaxnn as nn
        >>> activation_at_the_end(nn.Sequential(nn.Dense(4, "relu"), nn.Dense(1, "sigmoid")))
        'sigmoid'
        >>> activation_at_the_end(nn.Sequential(nn.Dense(4, "relu"), nn.Dense(1))) is None
        True
    """
    while True:
        several = getattr(spec, "lasts", None) or {}
        if path and path[0] in several:
            spec, path = several[path[0]], path[1:]
        elif (inner := getattr(spec, "last", None)) is not None:
            spec = inner
        else:
            break
    if path:
        return None
    found = getattr(spec, "activation", None)
    return name_of(found) if callable(found) else found
