"""A masked sequence gives what each row gives alone, cut to its length: values and gradients, whatever stands behind,
and whether or not one of the rows is empty.

Every layer that knows masks has an entry in `LAYERS`, or one in `NO_MASKS` that says it takes none.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.layer import REGISTRY

LENGTHS = (4, 2, 0, 4)
MASK = np.arange(4)[None] < np.array(LENGTHS)[:, None]
RNG = np.random.default_rng(0)
X = np.where(MASK[..., None], RNG.normal(size=(4, 4, 4)), np.nan).astype(np.float32)
IDS = np.where(MASK, RNG.integers(0, 6, (4, 4)), -7).astype(np.int32)
TAGGER = nn.Sequential(nn.LSTM(3, return_sequences=True), nn.LSTM(3, return_sequences=True), nn.Dense(2))
BLOCK = nn.TransformerBlock(nn.Attention(2), hidden=6)
LAYERS = [
    (nn.Dense(3, "tanh"), X),
    (nn.Dropout(0.0), X),
    (nn.DropConnect(nn.Dense(3), 0.0), X),
    (nn.GaussianNoise(0.0), X),
    (nn.Activation("gelu"), X),
    (nn.Activation(jnp.sqrt), np.abs(X)),
    (nn.LayerNorm(), X),
    (nn.RMSNorm(), X),
    (nn.GroupNorm(2), X),
    (nn.BatchNorm(), X),
    (nn.Embed(6, 4), IDS),
    (nn.LearnedPositions(6), X),
    (nn.Attention(2), X),
    (nn.Attention(2, kv_heads=1, causal=True, positions="rotary"), X),
    (nn.SimpleRNN(3), X),
    (nn.LSTM(3), X),
    (nn.LSTM(3, return_sequences=True), X),
    (nn.GRU(3, return_sequences=True), X),
    (nn.Bidirectional(nn.LSTM(3)), X),
    (nn.Bidirectional(nn.GRU(3, return_sequences=True), join="maximum"), X),
    (nn.GlobalAvgPool(), X),
    (nn.GlobalMaxPool(), X),
    (nn.Residual(nn.Dense(4, "tanh")), X),
    (nn.Parallel(nn.Dense(4), nn.GRU(4, return_sequences=True), join="multiply"), X),
    (nn.Repeat(nn.Residual(nn.Sequential(nn.LayerNorm(), nn.Dense(4))), 2), X),
    (nn.Remat(nn.Residual(nn.Sequential(nn.LayerNorm(), nn.Dense(4))), "full"), X),
    (BLOCK, X),
    (nn.TransformerBlock(nn.Attention(2), norm=nn.BatchNorm()), X),
    (
        nn.Graph(
            ("deep", nn.Dense(4), "x"),
            ("sum", nn.Join("multiply"), ("deep", "x")),
            ("last", nn.LSTM(2), "sum"),
        ),
        X,
    ),
    (TAGGER, X),
    (
        nn.Sequential(
            nn.Embed(6, 4),
            nn.LearnedPositions(5),
            nn.LayerNorm(),
            BLOCK,
            nn.Dropout(0.0),
            nn.RMSNorm(),
            nn.Bidirectional(nn.LSTM(3, return_sequences=True)),
            nn.Residual(nn.Dense(6, "relu")),
            nn.GlobalAvgPool(),
            nn.Dense(2),
        ),
        IDS,
    ),
    (nn.gpt(vocab=6, context=5, width=4, heads=2, layers=2), IDS),
    (nn.gpt(vocab=6, context=5, width=4, heads=2, layers=2, tied=False, repeat=True), IDS),
    (nn.transformer_encoder(4, 2, 2, out=3, context=5), X),
    (nn.transformer_encoder(4, 2, 2, out=3, vocab=6, context=5, repeat=True), IDS),
]
NO_MASKS = {"Conv", "ConvTranspose", "DepthwiseConv", "MaxPool", "AvgPool", "Flatten", "Reshape", "Lambda", "Join"}
NO_MASKS |= {"RandomCrop", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom"}


def weighed(y):
    """A number to which every real entry of a row counts, each in another way; rows by themselves."""
    flat = y.reshape(-1)
    return (flat * jnp.cos(jnp.arange(flat.size, dtype=flat.dtype))).sum()


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=lambda v: type(v).__name__)
def test_a_masked_row_is_the_row_alone(layer, x, key):
    params, state = jax.jit(layer.init)(key, (np.nan_to_num(x), MASK))
    inexact = jnp.issubdtype(x.dtype, jnp.inexact)

    def masked(params, x, mask):
        y, _ = layer.apply(params, state, (x, mask))
        values, mask = y if isinstance(y, tuple) else (y, None)
        rows = [values[i] if mask is None else values[i, :n] for i, n in enumerate(LENGTHS) if n]
        return sum(map(weighed, rows)), rows

    def alone(params, x):
        long, (short,) = (layer.apply(params, state, x[np.array(LENGTHS) == n, :n])[0] for n in (4, 2))
        rows = [long[0], short, long[1]]
        return sum(map(weighed, rows)), rows

    wanted = (0, 1) if inexact else 0
    (_, ours), our_grads = jax.jit(jax.value_and_grad(masked, wanted, has_aux=True))(params, x, MASK)
    (_, theirs), grads = jax.jit(jax.value_and_grad(alone, wanted, has_aux=True))(params, np.nan_to_num(x))
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, two, rtol=2e-5, atol=2e-6)
    if inexact:
        np.testing.assert_array_equal(np.asarray(our_grads[1])[~MASK], 0, "no gradient reaches a masked step")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5), our_grads, grads)


@pytest.mark.parametrize("layer", [nn.BatchNorm(momentum=0.3), nn.Sequential(nn.Dense(3), nn.BatchNorm(0.3))])
@pytest.mark.parametrize("padded", [False, True])
def test_batch_statistics_are_those_of_real_steps_of_real_rows(layer, padded, key):
    """In training BatchNorm over a masked batch is BatchNorm over the list of its real steps."""
    rows = np.array([True, True, False, True]) if padded else np.ones(4, bool)
    counted = MASK & rows[:, None]
    params, state = jax.jit(layer.init)(key, (np.nan_to_num(X), MASK))
    given = rows if padded else None

    def ours(params):
        (y, _), after = layer.apply(params, state, (X, MASK), train=True, rows=given)
        return weighed(y[counted]), (y[counted], after)

    def flat(params):
        y, after = layer.apply(params, state, X[counted], train=True)
        return weighed(y), (y, after)

    (_, found), grads = jax.value_and_grad(ours, has_aux=True)(params)
    (_, expected), expected_grads = jax.value_and_grad(flat, has_aux=True)(params)
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # noqa: E731
    jax.tree.map(close, (found, grads), (expected, expected_grads))


def test_every_layer_is_tried_or_takes_no_mask():
    layers = {
        name
        for name, cls in REGISTRY.items()
        if cls.__module__.startswith(("jaxnn.layers", "jaxnn.models")) and not name.startswith("_")
    }
    text = repr([layer for layer, _ in LAYERS])
    assert {name for name in layers if f"{name}(" not in text} <= NO_MASKS
