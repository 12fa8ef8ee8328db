"""Attention in chunks of queries against attention at once, and how much of it exists at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.layers import attention_chunks, attention_product
from jaxnn.layers.attention_product import attend

DRAW = np.random.default_rng(0)
BATCH, TIME, HEADS, SIZE = 2, 13, 4, 3
QUERY, KEY, VALUE = (DRAW.normal(size=(BATCH, TIME, n, SIZE)) for n in (HEADS, 2, 2))
SEEN = DRAW.integers(0, 2, (BATCH, 1, TIME, TIME)).astype(bool)
MASKS = {"none": None, "by key": SEEN[:, :, :1], "by query": SEEN, "by head": np.broadcast_to(SEEN, (2, 4, 13, 13)),
         "by query alone": SEEN[:1, :, :, :1]}  # fmt: skip


@pytest.fixture
def short(monkeypatch):
    """Chunks of four queries."""
    monkeypatch.setattr(attention_chunks, "SCORES", 4 * TIME)
    monkeypatch.setattr(attention_chunks, "LEAST", 1)


def found(mask, causal, **more):
    def loss(q, k, v):
        y = attend(q, k, v, mask, causal=causal, **more)
        return (y * jnp.cos(jnp.arange(y.size, dtype=y.dtype)).reshape(y.shape)).sum(), y

    with jax.enable_x64(True):
        return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(QUERY, KEY, VALUE)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", MASKS)
def test_values_and_gradients_are_those_of_attention_at_once(mask, causal, monkeypatch):
    whole = found(MASKS[mask], causal)
    monkeypatch.setattr(attention_chunks, "SCORES", 4 * TIME)
    monkeypatch.setattr(attention_chunks, "LEAST", 1)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), found(MASKS[mask], causal), whole
    )


def test_a_rate_of_zero_that_is_traced_drops_nothing_in_chunks(short, key):
    with jax.enable_x64(True):
        rate = jnp.asarray(0.0)
    dropped = found(None, True, dropout=rate, draw=key, train=True)
    whole = found(None, True)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), dropped, whole)


def test_chunks_drop_apart_from_each_other_and_keep_the_mean(short, key):
    """With values of 1 an output is the sum of the weights that are kept, times 1 / (1 - rate): on average 1."""
    query = jnp.zeros((64, TIME, 1, 1))
    y = jax.jit(lambda k: attend(query, query, query + 1, dropout=0.5, draw=k, train=True))(key)[:, :, 0, 0]
    assert abs(float(y.mean()) - 1) < 0.05
    chunks = [np.asarray(y[:, i :: attention_chunks.chunks_of(TIME, TIME)]) for i in (0, 1)]
    least = min(c.shape[1] for c in chunks)
    assert (chunks[0][:, :least] != chunks[1][:, :least]).mean() > 0.5


def test_no_array_holds_the_scores_of_all_pairs():
    x = jax.ShapeDtypeStruct((1, 4096, 1, 8), jnp.float32)
    text = str(jax.make_jaxpr(jax.grad(lambda x: attend(x, x, x, causal=True).sum()))(x))
    assert "4096,4096" not in text and "128,4096" in text
    assert "512,512" in str(jax.make_jaxpr(lambda x: attend(x, x, x))(jnp.ones((1, 512, 1, 8))))


def test_a_layer_with_a_cache_takes_a_long_prompt_in_chunks(short, key):
    layer, x = nn.Attention(2, causal=True, positions="rotary"), DRAW.normal(size=(2, TIME, 8)).astype(np.float32)
    params, _ = layer.init(key, x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention_product, "chunks_of", lambda *_: 1)
        whole, _ = jax.jit(layer.apply)(params, {}, x)
    first, cache = jax.jit(lambda x: layer.apply_cached(params, {}, layer.init_cache(params, 2, TIME), x))(x[:, :9])
    last, _ = jax.jit(lambda x: layer.apply_cached(params, {}, cache, x))(x[:, 9:])
    np.testing.assert_allclose(np.concatenate([first, last], 1), whole, rtol=1e-5, atol=1e-5)
