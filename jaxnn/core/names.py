"""Activations and initialisers by name: the functions of `jax.nn`, and a way back from function to name."""

from collections.abc import Callable
from typing import Any

import jax

ACTIVATIONS: dict[str, Callable] = {
    "linear": lambda x: x,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jax.numpy.tanh,
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "celu": jax.nn.celu,
    "leaky_relu": jax.nn.leaky_relu,
    "relu6": jax.nn.relu6,
    "softplus": jax.nn.softplus,
    "soft_sign": jax.nn.soft_sign,
    "log_sigmoid": jax.nn.log_sigmoid,
    "hard_sigmoid": jax.nn.hard_sigmoid,
    "hard_tanh": jax.nn.hard_tanh,
    "hard_silu": jax.nn.hard_silu,
    "mish": jax.nn.mish,
    "squareplus": jax.nn.squareplus,
}

INITIALIZERS: dict[str, Callable] = {
    "zeros": jax.nn.initializers.zeros,
    "ones": jax.nn.initializers.ones,
    "normal": jax.nn.initializers.normal(),
    "uniform": jax.nn.initializers.uniform(),
    "glorot_uniform": jax.nn.initializers.glorot_uniform(),
    "glorot_normal": jax.nn.initializers.glorot_normal(),
    "he_uniform": jax.nn.initializers.he_uniform(),
    "he_normal": jax.nn.initializers.he_normal(),
    "lecun_uniform": jax.nn.initializers.lecun_uniform(),
    "lecun_normal": jax.nn.initializers.lecun_normal(),
    "orthogonal": jax.nn.initializers.orthogonal(),
}


def activation(name: str | Callable | None) -> Callable:
    """The function of a name; None is the identity, a function is itself.

    Raises:
        ValueError: for a name that is not known, with the names that are.

    Example:
        >>> float(activation("relu")(-2.0))
        0.0
    """
    return _lookup(name if name is not None else "linear", ACTIVATIONS, "activation")


def initializer(name: str | Callable) -> Callable:
    """The initialiser ``f(key, shape, dtype)`` of a name; a function is itself.

    Raises:
        ValueError: for a name that is not known, with the names that are.

    Example:
        >>> initializer("zeros")(jax.random.key(0), (2,), "float32").tolist()
        [0.0, 0.0]
    """
    return _lookup(name, INITIALIZERS, "initialiser")


def _lookup(name: Any, table: dict[str, Callable], what: str) -> Callable:
    if callable(name):
        return name
    if name not in table:
        raise ValueError(f"no {what} is named {name!r}; choose one of {', '.join(table)}, or pass a function")
    return table[name]


def name_of(function: Callable) -> str | None:
    """The name under which ``function`` stands in one of the tables, or None for a foreign function.

    Example:
        >>> name_of(jax.nn.relu)
        'relu'
    """
    return next((name for name, known in (ACTIVATIONS | INITIALIZERS).items() if known is function), None)
