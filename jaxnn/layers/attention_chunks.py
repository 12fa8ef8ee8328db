"""Attention over long sequences: chunks of queries, so that the scores of all pairs never exist at once."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.chunks import joined, strided
from jaxnn.core.types import Key

SCORES = 1 << 18
"""Scores of one head that exist at once, about; for fewer than these nothing is cut."""
LEAST = 128
"""Queries of a chunk, at least."""


def chunks_of(time: int, source: int) -> int:
    """In how many chunks the queries of a head are taken.

    Example:
        >>> [chunks_of(time, time) for time in (64, 1024, 2048, 4096)]
        [1, 4, 16, 32]
    """
    return 1 if time * source <= SCORES else -(-time // max(LEAST, SCORES // source))


def in_chunks(
    attend: Callable, query: Any, key: Any, value: Any, mask: Any, causal: bool, draw: Key | None, chunks: int
) -> Any:
    """``attend`` over one chunk of queries after the other; the backward pass computes each again.

    Every query still meets all keys in one softmax, so the values are those of attention at once, and the memory is
    that of a chunk. Each chunk takes every so-manieth query: where a sequence is split over devices, each has a share.

    Args:
        attend: ``(query, key, value, mask, draw)`` to the outputs of these queries.
        query, key, value, mask, causal: as in `jaxnn.layers.attention_product.attend`.
        draw: the key of the dropout, of which chunk *i* takes ``fold_in(draw, i)``, or None.
        chunks: how many.

    Returns:
        As ``query``.

    Source: Rabe and Staats, "Self-attention does not need O(n^2) memory", 2021.
    """
    time, source = query.shape[1], key.shape[1]
    steps = -(-time // chunks)
    by_query = mask is not None and mask.shape[2] > 1

    def one(given: tuple) -> Any:
        i, rows, own = given
        seen = own if by_query else mask
        if causal:
            past = jnp.arange(source)[None] <= (jnp.arange(steps) * chunks + i)[:, None]
            seen = past[None, None] if seen is None else seen & past[None, None]
        return attend(rows, key, value, seen, None if draw is None else jax.random.fold_in(draw, i))

    given = (jnp.arange(chunks), strided(query, chunks, 1), strided(mask, chunks, 2) if by_query else None)
    found = jax.lax.map(jax.checkpoint(one, prevent_cse=False), given)  # (chunks, batch, steps, heads, size)
    return joined(found, time, 1)
