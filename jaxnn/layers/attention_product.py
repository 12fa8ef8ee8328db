"""The product at the heart of attention: ``softmax(q k' / sqrt(size)) v``."""

from typing import Any, Literal

import jax
import jax.numpy as jnp

from jaxnn.core.types import Hyper, Key
from jaxnn.layers.attention_chunks import chunks_of, in_chunks
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.dtypes import param_dtype


def attend(
    query: Any,
    key: Any,
    value: Any,
    mask: Any = None,
    *,
    causal: bool = False,
    dropout: Hyper = 0.0,
    draw: Key | None = None,
    train: bool = False,
    implementation: Literal["xla", "cudnn"] | None = None,
) -> Any:
    """Attention of many heads: every query takes the mean of the values, weighted by a softmax over its keys.

    On a CPU, and where probabilities are dropped, it is written out here, batch and heads leading; elsewhere it is
    `jax.nn.dot_product_attention`. Long sequences are taken in chunks of queries, so that no array holds the scores of
    all pairs; cuDNN never makes one.

    Args:
        query: ``(batch, time, heads, size)``.
        key, value: ``(batch, source, kv_heads, size)``; ``heads`` is a multiple of ``kv_heads``, and each group of
            neighbouring heads shares one of them.
        mask: bool, broadcast to ``(batch, heads, time, source)``; True may be seen. A query that may see nothing
            takes the plain mean.
        causal: whether step ``t`` sees steps ``0 ... t`` alone.
        dropout: drop rate of the probabilities, in training only; may be traced.
        draw: the key of the dropout.
        train: whether probabilities are dropped.
        implementation: ``"xla"`` or ``"cudnn"`` for `jax.nn.dot_product_attention`, or None to choose.

    Returns:
        ``(batch, time, heads, size)``.

    Source: Vaswani et al., "Attention is all you need", 2017; Ainslie et al., "GQA", 2023.

    Example:
        >>> x = jnp.arange(6.0).reshape(1, 3, 1, 2)
        >>> attend(x, x, x, causal=True)[0, 0, 0].tolist()
        [0.0, 1.0]
    """
    chunks = 1 if implementation == "cudnn" else chunks_of(query.shape[1], key.shape[1])
    if chunks > 1:
        one = lambda q, k, v, mask, draw: _whole(q, k, v, mask, False, dropout, draw, train, implementation)  # noqa: E731
        return in_chunks(one, query, key, value, mask, causal, draw, chunks)
    return _whole(query, key, value, mask, causal, dropout, draw, train, implementation)


def _whole(query, key, value, mask, causal, dropout, draw, train, implementation):
    drops = train and not (isinstance(dropout, (int, float)) and dropout == 0)
    if drops or (implementation is None and jax.default_backend() == "cpu"):
        return _written_out(query, key, value, mask, causal, dropout if drops else None, draw)
    with jax.numpy_dtype_promotion("standard"):  # in bfloat16 it mixes dtypes, which the strict setting refuses
        return jax.nn.dot_product_attention(
            query, key, value, mask=mask, is_causal=causal, implementation=implementation
        )


def _written_out(query, key, value, mask, causal, dropout, draw):
    (batch, time, heads, size), (source, kv_heads) = query.shape, key.shape[1:3]
    groups, wide = heads // kv_heads, param_dtype(query)
    rows = query.transpose(0, 2, 1, 3).reshape(batch, kv_heads, groups * time, size)
    logits = jnp.matmul(rows * size**-0.5, key.transpose(0, 2, 3, 1), preferred_element_type=wide)
    logits = logits.reshape(batch, heads, time, source)
    if causal:
        triangle = jnp.tril(jnp.ones((time, source), bool))[None, None]
        mask = triangle if mask is None else mask & triangle
    if mask is not None:
        floor = jnp.asarray(-0.7 * jnp.finfo(wide).max, wide)
        logits = jnp.where(jnp.broadcast_to(mask, logits.shape), logits, floor)
    weights = jax.nn.softmax(logits).astype(query.dtype)  # (batch, heads, time, source)
    if dropout is not None:
        weights, _ = Dropout(dropout).apply({}, {}, weights, key=draw, train=True)
    rows = weights.reshape(batch, kv_heads, groups * time, source) @ value.transpose(0, 2, 1, 3)
    return rows.reshape(batch, heads, time, size).transpose(0, 2, 1, 3)
