"""Activations and initialisers by name: the functions of `jax.nn`, and a way back from function to name."""

from collections.abc import Callable

import jax

from jaxnn.core.activations import ALIASES, Table, activations

ACTIVATIONS = Table("activation", {n: a.function for n, a in activations.items()}, ALIASES)

INITIALIZERS = Table(
    "initialiser",
    {
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
    },
)


def activation(name: str | Callable | None) -> Callable:
    """The function of a name; None is the identity, a function is itself.

    Raises:
        ValueError: for a name that is not known, with the closest and all that are.

    Example:
        >>> float(activation("relu")(-2.0))
        0.0
    """
    return ACTIVATIONS.find("linear" if name is None else name)


def initializer(name: str | Callable) -> Callable:
    """The initialiser ``f(key, shape, dtype)`` of a name; a function is itself.

    Raises:
        ValueError: for a name that is not known, with the closest and all that are.

    Example:
        >>> initializer("zeros")(jax.random.key(0), (2,), "float32").tolist()
        [0.0, 0.0]
    """
    return INITIALIZERS.find(name)


def name_of(function: Callable) -> str | None:
    """The name under which ``function`` stands in one of the tables, or None for a foreign function.

    Example:
        >>> name_of(jax.nn.relu)
        'relu'
    """
    return next((name for name, known in (ACTIVATIONS | INITIALIZERS).items() if known is function), None)
