"""Every public layer sits the exam of `jaxnn.testing`. A new layer adds a row: the layer, an input, options."""

import re

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.layer import REGISTRY
from jaxnn.testing import check_layer


def normal(*shape):
    """Draws of a standard normal, other ones for other shapes."""
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def centred(x):
    """Each row without its mean."""
    return x - x.mean(-1, keepdims=True)


def whole(below, *shape):
    """Whole numbers in [0, below)."""
    return np.random.default_rng(shape).integers(0, below, shape).astype(np.int32)


LENGTHS = np.array([[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]], np.int32)

LAYERS = [
    (nn.Dense(3, "tanh"), normal(3, 4)),
    (nn.Dense(2, use_bias=False, kernel_init="he_normal"), normal(2, 3, 4)),
    (nn.Activation("gelu"), normal(2, 3)),
    (nn.Activation("softmax"), normal(2, 2, 3)),
    (nn.Flatten(), normal(2, 3, 2)),
    (nn.Flatten(), normal(3, 2)),
    (nn.Dropout(0.5), normal(3, 4)),
    (nn.Dropout(0.0), normal(3, 4)),
    (nn.Dropout(0.3, noise_shape=(None, 1, None)), normal(2, 3, 4)),
    (nn.Dropout(0.5, seed=3), normal(3, 4)),
    (nn.DropConnect(nn.Dense(3, "tanh"), 0.4), normal(3, 4)),
    (nn.DropConnect(nn.LSTM(2), 0.3, "recurrent/kernel"), normal(2, 3, 2)),
    (nn.DropConnect(nn.Sequential(nn.Dense(3), nn.BatchNorm(), nn.Dropout(0.2)), 0.3), normal(4, 2)),
    (nn.BatchNorm(), normal(4, 3)),
    (nn.BatchNorm(momentum=0.5, use_scale=False, use_bias=False), normal(3, 2, 2, 3)),
    (nn.Sequential(), normal(2, 3)),
    (nn.Sequential(nn.Dense(3), nn.BatchNorm(), nn.Activation("tanh"), nn.Dropout(0.2), nn.Dense(1)), normal(4, 3)),
    (nn.Residual(nn.Dense(3, "tanh")), normal(2, 3)),
    (nn.Residual(nn.Conv(2, 3)), normal(2, 3, 2)),
    (nn.Embed(5, 3), whole(5, 2, 4)),
    (nn.Embed(4, 2), whole(4, 3)),
    (nn.SimpleRNN(3), normal(3, 4, 2)),
    (nn.SimpleRNN(2, return_sequences=True, activation="softplus"), normal(2, 3, 2)),
    (nn.LSTM(3, dropout=0.2, recurrent_dropout=0.3), (normal(3, 4, 2), LENGTHS)),
    (nn.LSTM(2, return_sequences=True), normal(2, 3, 1)),
    (nn.GRU(3, dropout=0.2, recurrent_dropout=0.3), (normal(3, 4, 2), LENGTHS)),
    (nn.GRU(2, return_sequences=True), normal(2, 3, 1)),
    (nn.Bidirectional(nn.LSTM(2)), normal(3, 4, 2)),
    (nn.Bidirectional(nn.GRU(2), join="add"), (normal(3, 4, 2), LENGTHS)),
    (nn.LearnedPositions(5), normal(2, 3, 2)),
    (nn.LearnedPositions(), normal(3, 2, 1)),
    (nn.Attention(2), normal(2, 3, 4)),
    (nn.Attention(4, kv_heads=2, head_size=2, causal=True, dropout=0.2, positions="rotary"), normal(2, 3, 4)),
    (
        nn.Attention(2, use_bias=False, implementation="xla"),
        {"query": normal(3, 2, 4), "context": normal(3, 4, 2), "mask": LENGTHS},
        {"gradient": False},  # jax.nn.dot_product_attention rounds to float32 inside
    ),
    (nn.Attention(2, use_bias=False), {"query": normal(3, 2, 4), "context": normal(3, 4, 2), "mask": LENGTHS}),
    (nn.Conv(2, (3, 3), activation="tanh"), normal(2, 4, 3, 2)),
    (nn.Conv(4, (3,), strides=2, dilation=2, groups=2, padding="causal"), normal(2, 6, 2)),
    (nn.Conv(2, 2, padding="valid", use_bias=False), normal(2, 2, 3, 2, 1)),
    (nn.Conv(17, (3, 3), padding=((1, 0), 1), strides=(2, 1)), normal(2, 3, 4, 2)),
    (nn.ConvTranspose(2, (3, 3), strides=2), normal(2, 2, 3, 2)),
    (nn.ConvTranspose(2, (2,), strides=3, padding="valid"), normal(2, 3, 1)),
    (nn.DepthwiseConv((3, 3), multiplier=2), normal(2, 3, 3, 2)),
    (nn.DepthwiseConv(2, strides=2, padding="valid"), normal(3, 4, 3)),
    (nn.MaxPool((2, 2)), normal(2, 4, 5, 2)),
    (nn.MaxPool(3, strides=2, padding="same"), normal(2, 5, 2)),
    (nn.AvgPool((2, 2), padding="same"), normal(2, 3, 3, 2)),
    (nn.AvgPool((3,), strides=2, padding=1), normal(2, 6, 2)),
    (nn.GlobalMaxPool(), normal(2, 3, 2, 2)),
    (nn.GlobalMaxPool(), normal(3, 4, 1)),
    (nn.GlobalAvgPool(), normal(2, 3, 2)),
    (nn.GlobalAvgPool(), normal(3, 2, 2, 2)),
    (nn.LayerNorm(), normal(2, 3, 4)),
    (nn.LayerNorm(eps=1e-2, use_scale=False, use_bias=False), normal(3, 4)),
    (nn.RMSNorm(), normal(2, 3, 4)),
    (nn.RMSNorm(use_scale=False), normal(3, 2)),
    (nn.GroupNorm(2), normal(2, 3, 4)),
    (nn.GroupNorm(3, eps=1e-2), normal(3, 6)),
    (nn.Join("average"), (normal(2, 3), -normal(2, 3))),
    (nn.Join("concat"), (normal(2, 3, 1), normal(2, 3, 2), normal(2, 3, 3))),
    (nn.Parallel(nn.Dense(2, "tanh"), nn.Sequential(nn.Dense(3), nn.BatchNorm()), join="concat"), normal(4, 2)),
    (nn.Parallel(nn.Dense(2), nn.Dropout(0.3), join="multiply"), normal(3, 2)),
    (nn.Repeat(nn.Residual(nn.Sequential(nn.Dense(3, "tanh"), nn.BatchNorm(), nn.Dropout(0.2))), 3), normal(4, 3)),
    (nn.Repeat(nn.Dense(2, "tanh"), 2, remat="full"), normal(3, 2)),
    (nn.Remat(nn.Sequential(nn.Dense(3, "tanh"), nn.BatchNorm(), nn.Dropout(0.2)), "dots"), normal(4, 3)),
    (nn.Remat(nn.LSTM(2, return_sequences=True)), (normal(3, 4, 2), LENGTHS)),
    (nn.Reshape((3, -1)), normal(2, 2, 3)),
    (nn.Reshape((2, 2, 1)), normal(3, 4)),
    (nn.Lambda(centred), normal(2, 3), {"json": False}),
    (nn.Lambda(centred), normal(3, 2, 4), {"json": False}),
    (
        nn.Graph(
            ("left", nn.Dense(2, "tanh"), "a"),
            ("right", nn.Dropout(0.4), "b"),
            ("both", nn.Join("add"), ("left", "right")),
            ("end", nn.Dense(1), "both"),
            outputs=("end", "both"),
        ),
        {"a": normal(3, 4), "b": normal(3, 2)},
    ),
    (
        nn.Graph(("norm", nn.BatchNorm(), "x"), ("out", nn.Residual(nn.BatchNorm(use_scale=False)), "norm")),
        normal(4, 3),
    ),
    (nn.Graph(("out", nn.Join("add"), ("a", "b")), outputs="out"), {"a": normal(2, 1, 3), "b": normal(2, 1, 3)}),
    (nn.RandomFlip(), normal(3, 2, 3, 2)),
    (nn.RandomFlip(0.3, axis="height"), normal(4, 3, 2, 1)),
    (nn.RandomCrop(), normal(3, 5, 4, 1)),
    (nn.RandomCrop(1.5, fill="reflect"), normal(2, 3, 3, 2)),
    (nn.RandomRotation(30.0), normal(2, 4, 3, 2)),
    (nn.RandomRotation(90.0, fill="nearest"), normal(3, 3, 3, 1)),
    (nn.RandomTranslation(0.3, 0.4), normal(2, 4, 3, 2)),
    (nn.RandomTranslation(0.1, 0.4, fill="reflect"), normal(3, 3, 3, 1)),
    (nn.RandomZoom(0.3), normal(2, 4, 3, 2)),
    (nn.RandomZoom(0.7, fill="nearest"), normal(3, 3, 3, 1)),
    (nn.GaussianNoise(0.3), normal(2, 3)),
    (nn.GaussianNoise(0.1), normal(2, 3, 2)),
    (nn.TransformerBlock(nn.Attention(2, causal=True, dropout=0.2), hidden=6, dropout=0.2), normal(2, 3, 4)),
    (nn.TransformerBlock(nn.Attention(1), norm=nn.RMSNorm(), use_bias=False), (normal(3, 4, 2), LENGTHS)),
]


@pytest.mark.parametrize(("layer", "x", "options"), [(*row, {})[:3] for row in LAYERS], ids=lambda v: _name(v))
def test_exam_of(layer, x, options):
    check_layer(layer, x, strict=True, **options)


def test_every_public_layer_has_a_row():
    layers = {name for name, cls in REGISTRY.items() if cls.__module__.startswith("jaxnn.layers")}
    hidden = {name for name in layers if getattr(nn, name, None) is not REGISTRY[name] and not name.startswith("_")}
    assert not hidden, f"{sorted(hidden)} cannot be reached from jaxnn: add them to jaxnn/__init__.py"
    missing = {name for name in layers if not name.startswith("_")} - {type(row[0]).__name__ for row in LAYERS}
    assert not missing, f"{sorted(missing)} have no row in LAYERS"


def test_every_layer_has_rows_of_several_shapes():
    shapes: dict = {}
    for layer, x, *_ in LAYERS:
        shapes.setdefault(type(layer).__name__, set()).add(str([a.shape for a in jax.tree.leaves(x)]))
    single = sorted(name for name, found in shapes.items() if len(found) < 2)
    assert not single, f"{single} sit the exam with inputs of one shape only"


def _name(value):
    """The call that makes a layer, with functions by their names: the same in every process."""
    text = repr(value) if type(value).__name__ in REGISTRY else getattr(value, "shape", "")
    return re.sub(r"<function (\S+) at 0x\w+>", r"\1", text) if isinstance(text, str) else text
