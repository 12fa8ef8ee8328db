"""The random bits of dropout: 16 of them decide on a unit, and none of those that are drawn is thrown away."""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.platforms import by_platform
from jaxnn.core.types import Key

LEVELS = 1 << 16
PIECE = 1024
"""So many keys in one draw stay on one thread of a CPU; XLA splits one of twice the size, which costs more than it."""


@partial(jax.jit, static_argnums=2)
def keep_mask(key: Key, rate: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Which units stay: True with probability ``1 - rate``, rounded to a multiple of ``2 ** -16``.

    The bits are those of the keys ``fold_in(key, i)``, each of which has 64 and so decides on four units. They are
    the same on every platform, under `jax.vmap` and under `jax.jit`.

    Args:
        key: a typed key that is used for nothing else.
        rate: the drop rate in [0, 1], a float32 scalar; may be traced.
        shape: that of the mask.

    Returns:
        A bool array of this shape.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011.

    Example:
        >>> mask = keep_mask(jax.random.key(0), jnp.float32(0.3), (100, 100))
        >>> mask.shape, round(float(mask.mean()), 1)
        ((100, 100), 0.7)
    """
    size = math.prod(shape)
    words = _words(key, -(-size // 4))
    quarter = jnp.arange(4, dtype=jnp.uint32)[:, None]  # chosen by number, not concatenated: on a GPU that is no kernel
    drawn = jnp.where(quarter < 2, words[None, :, 0], words[None, :, 1]) >> quarter % 2 * 16 & (LEVELS - 1)
    return drawn.reshape(-1)[:size].reshape(shape) >= jnp.round(rate * LEVELS).astype(jnp.uint32)


def dropped(key: Key, rate: Any, x: Any, shape: tuple[int, ...] | None = None) -> Any:
    """``x`` under a mask of this shape, what stays divided by ``1 - rate``: the mean over masks is ``x``.

    Example:
        >>> sorted(set(dropped(jax.random.key(0), 0.75, jnp.ones(20)).tolist()))
        [0.0, 4.0]
    """
    keep = keep_mask(key, jnp.asarray(rate, jnp.float32), x.shape if shape is None else shape)
    scale = (1 / (1 - jnp.asarray(rate, x.dtype))).astype(x.dtype)
    return jnp.where(keep, x * scale, jnp.zeros_like(x))


def _words(key: Key, n: int) -> jax.Array:
    """The data of the keys ``fold_in(key, 0) ... fold_in(key, n - 1)``, ``(n, words of a key)``."""
    draw = jax.vmap(lambda i: jax.random.key_data(jax.random.fold_in(key, i)))
    pieces = -(-n // PIECE)
    if pieces <= 1:
        return draw(jnp.arange(n, dtype=jnp.uint32))
    length = -(-n // pieces)
    numbers = jnp.arange(pieces * length, dtype=jnp.uint32)

    def in_pieces(numbers: jax.Array) -> jax.Array:
        return jax.lax.map(draw, numbers.reshape(pieces, length)).reshape(pieces * length, -1)

    return by_platform(numbers, cpu=in_pieces, default=draw)[:n]
