"""Where a token stands: learned positions as a layer, rotary positions as a function of queries and keys."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.layer import spec
from jaxnn.core.masks import by_step
from jaxnn.core.names import initializer
from jaxnn.core.types import Hyper, Key, Params, State
from jaxnn.layers.dtypes import compute_dtype, param_dtype


@spec
@by_step
class LearnedPositions:
    """A learned row for every position, added to the input: ``y_t = x_t + embedding_t``.

    Args:
        length: the most positions there are; None takes the time axis of the input at ``init``.
        embedding_init: a name or an initialiser ``f(key, shape, dtype)``.

    Shapes:
        ``x (batch, time, width)`` gives the same shape, and ``(x, mask)`` gives ``(y, mask)``; params are ``embedding
        (length, width)``.

    Raises:
        ValueError: for a length below 1, or inputs with more steps than there are positions.

    Source: Radford et al., "Language models are unsupervised multitask learners", 2019.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> layer = nn.LearnedPositions(8)
        >>> params, state = layer.init(jax.random.key(0), jnp.ones((2, 5, 3)))
        >>> params["embedding"].shape, layer.apply(params, state, jnp.ones((2, 5, 3)))[0].shape
        ((8, 3), (2, 5, 3))
    """

    length: int | None = None
    embedding_init: str | Callable = "normal"

    def __post_init__(self):
        if self.length is not None:
            checks.size("length", self.length, "LearnedPositions(64)")
        initializer(self.embedding_init)

    def init(self, key: Key, x: Any) -> tuple[Params, State]:
        """Draw the rows."""
        if len(x.shape) != 3:
            raise checks.SpecError(f"LearnedPositions needs (batch, time, width), got {x.shape}; write x[None]")
        length = x.shape[1] if self.length is None else self.length
        return {"embedding": initializer(self.embedding_init)(key, (length, x.shape[2]), param_dtype(x))}, {}

    def apply(
        self, params: Params, state: State, x: Any, *, key: Key | None = None, train: bool = False, rows: Any = None
    ) -> tuple[Any, State]:
        """The input plus the rows of its positions."""
        return self.at(params, x, 0), state

    def at(self, params: Params, x: Any, start: Any) -> Any:
        """The same for inputs whose first step stands at position ``start``, which may be traced."""
        rows = jnp.asarray(params["embedding"])
        if len(x.shape) != 3 or x.shape[1] > rows.shape[0] or x.shape[2] != rows.shape[1]:
            raise checks.SpecError(
                f"LearnedPositions holds rows {rows.shape} and got inputs {x.shape}, which must be "
                f"(batch, at most {rows.shape[0]} steps, {rows.shape[1]}); write LearnedPositions(length) with a "
                "longer length, or cut the inputs"
            )
        dtype = compute_dtype(x, rows)
        steps = jnp.arange(x.shape[1]) + start
        return x.astype(dtype) + rows.at[steps].get(mode="clip").astype(dtype)[None]  # (1, time, width)


def rotate(x: Any, positions: Any, base: Hyper = 10000.0) -> Any:
    """Rotary positions: turn each pair ``(x_i, x_{i + size/2})`` by the angle ``position * base ** (-2 i / size)``.

    The product of a query and a key so turned depends on the distance of their positions alone.

    Args:
        x: queries or keys, ``(batch, time, heads, size)`` with an even size.
        positions: ``(time,)`` whole numbers; may be traced.
        base: the longest wavelength over 2 pi; may be traced.

    Returns:
        An array of the shape and dtype of ``x``.

    Source: Su et al., "RoFormer", 2021; halves instead of neighbours make the pairs, as in GPT-NeoX and Llama.

    Example:
        >>> rotate(jnp.array([[[[1.0, 0.0]]]]), jnp.array([0])).ravel().tolist()
        [1.0, 0.0]
    """
    half, wide = x.shape[-1] // 2, param_dtype(x)
    exponents = jnp.arange(half, dtype=wide) / half
    angles = positions.astype(wide)[:, None] * (jnp.asarray(base, wide) ** -exponents)[None]  # (time, half)
    cos, sin = jnp.cos(angles)[None, :, None], jnp.sin(angles)[None, :, None]  # (1, time, 1, half)
    a, b = jnp.split(x.astype(wide), 2, axis=-1)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1).astype(x.dtype)
