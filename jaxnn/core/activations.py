"""Activations as a table: each with its derivative, the values it takes, and where it comes from."""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

import jax
import jax.numpy as jnp

INF = math.inf


@dataclass(frozen=True)
class Activation:
    """One activation.

    Args:
        name: under which layers take it.
        function: from an array to one of the same shape.
        range: the least and the greatest value, or the limits that it comes near to.
        source: who wrote it down.
        joint: whether a value depends on the whole last axis, as that of a softmax does.

    Example:
        >>> from jaxnn.core.activations import activations
        >>> activations["tanh"].range
        (-1.0, 1.0)
    """

    name: str
    function: Callable
    range: tuple[float, float]
    source: str
    joint: bool = False

    def __call__(self, x: Any) -> Any:
        """The function of ``x``."""
        return self.function(jnp.asarray(x))

    def derivative(self, x: Any) -> Any:
        """The derivative at ``x`` as `jax.grad` takes it: what a step of training sees.

        Args:
            x: floats, ``(...)``; ``(..., n)`` for a joint activation.

        Returns:
            ``f'(x)``, ``(...)``; of a joint activation the matrices ``df_i / dx_j``, ``(..., n, n)``.

        Example:
            >>> from jaxnn.core.activations import activations
            >>> activations["relu"].derivative(jnp.array([-1.0, 2.0])).tolist()
            [0.0, 1.0]
        """
        x = jnp.asarray(x)
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jax.dtypes.canonicalize_dtype(float))
        if not self.joint:
            return jax.jvp(self.function, (x,), (jnp.ones_like(x),))[1]
        rows = jax.vmap(jax.jacobian(self.function))(x.reshape(-1, x.shape[-1]))
        return rows.reshape(*x.shape, x.shape[-1])


class Table(dict):
    """Values by name: another usual name of one finds it too, and an unknown one is answered by the closest.

    Example:
        >>> Table("activation", {"silu": 1}, {"swish": "silu"})["swish"]
        1
    """

    def __init__(self, what: str, values: Any, aliases: dict[str, str] | None = None):
        super().__init__(values)
        self.what, self.aliases = what, aliases or {}

    def find(self, name: Any) -> Any:
        """The value of a name; a function is itself."""
        return name if callable(name) else self[name] if isinstance(name, str) else unknown(self.what, name, self)

    def __missing__(self, name: Any) -> Any:
        if isinstance(name, str) and name in self.aliases:
            return self[self.aliases[name]]
        unknown(self.what, name, (*self, *self.aliases))


def unknown(what: str, name: Any, names: Iterable[str]) -> NoReturn:
    """Raise for a name that a table does not hold, with the closest one that it does.

    Raises:
        ValueError: always.

    Example:
        >>> unknown("activation", "rellu", ("relu", "tanh"))
        Traceback (most recent call last):
        ValueError: no activation is named 'rellu'; write 'relu', or choose one of relu, tanh, or pass a function
    """
    names = tuple(names)
    plain = {n.replace("_", ""): n for n in names}
    close = difflib.get_close_matches(str(name).lower().replace("_", "").replace("-", ""), plain, 1)
    hint = f"write {plain[close[0]]!r}, or " if close else ""
    raise ValueError(f"no {what} is named {name!r}; {hint}choose one of {', '.join(names)}, or pass a function")


def linear(x: Any) -> Any:
    """The identity, ``x``.

    Example:
        >>> linear(2.0)
        2.0
    """
    return x


@jax.custom_jvp
def step(x: Any) -> Any:
    """Heaviside's step: 1 where ``x >= 0``, else 0; its gradient is handed straight through, as that of ``x``.

    Its true derivative is 0 wherever there is one, and nothing would learn. With it ``nn.Dense(1, "step")`` under
    ``"half_squared_error"`` learns by Rosenblatt's rule: ``kernel += rate * (y - step(x @ kernel + bias)) * x``.

    Args:
        x: floats, any shape.

    Returns:
        0 and 1, shape and dtype of ``x``.

    Source: Bengio, Leonard and Courville, "Estimating or propagating gradients through stochastic neurons", 2013.

    Example:
        >>> float(step(-0.5)), float(step(0.0)), float(jax.grad(step)(-0.5))
        (0.0, 1.0, 1.0)
    """
    x = jnp.asarray(x)
    return (x >= 0).astype(x.dtype)


step.defjvp(lambda at, tangents: (step(*at), tangents[0]))


def gelu_exact(x: Any) -> Any:
    """The Gaussian error linear unit, ``x Phi(x)``, by the error function; ``gelu`` is its form by tanh, as in JAX.

    Example:
        >>> round(float(gelu_exact(1.0)), 4)
        0.8413
    """
    return jax.nn.gelu(x, approximate=False)


_TABLE = (
    Activation("linear", linear, (-INF, INF), "the identity"),
    Activation("step", step, (0.0, 1.0), "McCulloch and Pitts, 1943; gradient: Bengio et al., 2013"),
    Activation("sigmoid", jax.nn.sigmoid, (0.0, 1.0), "Verhulst, 1845"),
    Activation("tanh", jnp.tanh, (-1.0, 1.0), "LeCun et al., Efficient backprop, 1998"),
    Activation("relu", jax.nn.relu, (0.0, INF), "Nair and Hinton, 2010"),
    Activation("leaky_relu", jax.nn.leaky_relu, (-INF, INF), "Maas et al., 2013"),
    Activation("relu6", jax.nn.relu6, (0.0, 6.0), "Krizhevsky, 2010"),
    Activation("elu", jax.nn.elu, (-1.0, INF), "Clevert et al., 2015"),
    Activation("selu", jax.nn.selu, (-1.7580993408473766, INF), "Klambauer et al., 2017"),
    Activation("celu", jax.nn.celu, (-1.0, INF), "Barron, 2017"),
    Activation("gelu", jax.nn.gelu, (-0.17004075, INF), "Hendrycks and Gimpel, 2016, by tanh"),
    Activation("gelu_exact", gelu_exact, (-0.16997120, INF), "Hendrycks and Gimpel, 2016"),
    Activation("silu", jax.nn.silu, (-0.27846454, INF), "Elfwing et al., 2017; swish: Ramachandran et al., 2017"),
    Activation("mish", jax.nn.mish, (-0.30884341, INF), "Misra, 2019"),
    Activation("softplus", jax.nn.softplus, (0.0, INF), "Dugas et al., 2001"),
    Activation("squareplus", jax.nn.squareplus, (0.0, INF), "Barron, 2021"),
    Activation("soft_sign", jax.nn.soft_sign, (-1.0, 1.0), "Bergstra et al., 2009"),
    Activation("log_sigmoid", jax.nn.log_sigmoid, (-INF, 0.0), "the logarithm of the sigmoid"),
    Activation("hard_sigmoid", jax.nn.hard_sigmoid, (0.0, 1.0), "Courbariaux et al., 2015; as in Howard et al., 2019"),
    Activation("hard_tanh", jax.nn.hard_tanh, (-1.0, 1.0), "Collobert, 2004"),
    Activation("hard_silu", jax.nn.hard_silu, (-0.375, INF), "Howard et al., 2019"),
    Activation("softmax", jax.nn.softmax, (0.0, 1.0), "Bridle, 1990", joint=True),
    Activation("log_softmax", jax.nn.log_softmax, (-INF, 0.0), "the logarithm of the softmax", joint=True),
)
ALIASES = {
    "identity": "linear",
    "heaviside": "step",
    "logistic": "sigmoid",
    "gelu_tanh": "gelu",
    "swish": "silu",
    "softsign": "soft_sign",
    "hard_swish": "hard_silu",
}
"""Other usual names of the same functions."""
activations = Table("activation", {a.name: a for a in _TABLE}, ALIASES)
"""Every activation by name; ``activations["tanh"](x)``, ``activations["tanh"].derivative(x)``."""
