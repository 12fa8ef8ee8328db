"""An axis in chunks, each of which takes every so-manieth place.

So where the axis lies split over devices, each chunk does too.
"""

from typing import Any

import jax.numpy as jnp


def strided(a: Any, chunks: int, axis: int = 0) -> Any:
    """An axis as so many chunks, which lead: chunk *i* holds the places *i*, *i + chunks*, ... and zeros at the end.

    Example:
        >>> strided(jnp.arange(1, 6), 2).tolist()
        [[1, 3, 5], [2, 4, 0]]
    """
    size = a.shape[axis]
    steps = -(-size // chunks)
    a = jnp.pad(a, [(0, chunks * steps - size if i == axis else 0) for i in range(a.ndim)])
    return jnp.moveaxis(a.reshape(*a.shape[:axis], steps, chunks, *a.shape[axis + 1 :]), axis + 1, 0)


def joined(a: Any, size: int, axis: int = 0) -> Any:
    """What `strided` took apart: chunks lead, and ``axis`` is that of the result, of this size.

    Example:
        >>> joined(strided(jnp.arange(5), 2), 5).tolist()
        [0, 1, 2, 3, 4]
    """
    a = jnp.moveaxis(a, 0, axis + 1)
    a = a.reshape(*a.shape[:axis], a.shape[axis] * a.shape[axis + 1], *a.shape[axis + 2 :])
    return a[(slice(None),) * axis + (slice(size),)]
