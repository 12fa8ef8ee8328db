"""Models of every kind with weights drawn at random, and rows to answer."""

import importlib.util
from functools import cache

import jax
import numpy as np

import jaxnn as nn
from jaxnn.core.activations import activations
from jaxnn.export.forward import forward

ROWS = 100
TIME = 5


def floats(*shape):
    return np.random.default_rng(1).standard_normal((ROWS, *shape)).astype(np.float32)


def ids(vocab, time=TIME):
    return np.random.default_rng(2).integers(0, vocab, (ROWS, time)).astype(np.int32)


def mask(time=TIME):
    return (np.arange(time) < np.random.default_rng(3).integers(1, time + 1, (ROWS, 1))).astype(np.int32)


def model_of(spec, x, loss="squared_error", **more):
    """A model whose weights nobody trained, drawn without compiling anything."""
    row = jax.tree.map(lambda a: jax.ShapeDtypeStruct((1, *a.shape[1:]), a.dtype), x)
    params, state = jax.eval_shape(spec.init, jax.random.key(0), row)
    rng = np.random.default_rng(0)

    def draw(leaf):
        scale = 1 / np.sqrt(np.prod(leaf.shape[:-1])) if len(leaf.shape) > 1 else 0.3
        return (scale * rng.standard_normal(leaf.shape) + (len(leaf.shape) == 1)).astype(leaf.dtype)

    state = jax.tree.map(lambda leaf: np.abs(draw(leaf)) + np.float32(0.1), state)
    return nn.Model(spec, jax.tree.map(draw, params), state, loss, row=x, **more)


def answers(model, x, **how):
    """What the traced function gives for all rows, compiled: what files are held against."""
    made = forward(model, **how)
    return jax.tree.map(np.asarray, jax.jit(made.function)(made.weights, x))


def named(model, x, rows=None):
    """The inputs by the names that a file has for them."""
    told = forward(model).about["inputs"]
    return {i["name"]: a[:rows] for i, a in zip(told, jax.tree.leaves(x), strict=True)}


def module(path):
    """A file of Python, imported."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


image, steps = floats(6, 6, 2), floats(TIME, 4)
branches = nn.Graph(
    ("hidden", nn.Dense(4, "relu"), "x"), ("again", "hidden", "hidden"), ("sum", nn.Join("add"), ("hidden", "again")),
    ("digit", nn.Dense(3), "sum"), ("ink", nn.Dense(1), "again"), outputs=("digit", "ink"),
)  # fmt: skip
MODELS = {
    "linear_regression": (nn.linear_regression(), floats(4)),
    "logistic_regression": (nn.logistic_regression(), floats(4)),
    "softmax_regression": (nn.softmax_regression(3), floats(4)),
    "mlp": (nn.mlp((8, 8), out=3, dropout=0.5), floats(4)),
    "lenet": (nn.lenet(10), floats(8, 8, 1)),
    "resnet": (nn.resnet(8, 10), floats(8, 8, 3)),
    "rnn": (nn.rnn_classifier(6, 3, "rnn"), steps),
    "lstm": (nn.rnn_classifier(6, 3, "lstm", layers=2, dropout=0.3), steps),
    "lstm with a mask": (nn.rnn_classifier(6, 3, "lstm"), (steps, mask())),
    "gru, both ways": (nn.rnn_classifier(6, 3, "gru", layers=2, bidirectional=True), (steps, mask())),
    "encoder of ids": (nn.transformer_encoder(8, 2, 2, 3, vocab=11), (ids(11), mask())),
    "encoder, rotary": (nn.transformer_encoder(8, 2, 2, 3, positions="rotary", repeat=True), steps),
    "gpt": (nn.gpt(11, TIME, 8, 2, 2, dropout=0.1), ids(11)),
    "gpt, scanned": (nn.gpt(11, TIME, 8, 2, 2, positions="rotary", kv_heads=1, repeat=True, tied=False), ids(11)),
}
LAYERS = {
    "activations": (nn.Parallel(*(nn.Activation(name) for name in activations)), 3 * floats(4)),
    "batch norm": (nn.BatchNorm(), image),
    "layer norm": (nn.LayerNorm(), steps),
    "rms norm": (nn.RMSNorm(eps=1e-3), floats(4)),
    "group norm": (nn.GroupNorm(2), image),
    "conv, strides": (nn.Conv(4, (3, 2), strides=(2, 1), groups=2, activation="gelu"), image),
    "conv, dilated": (nn.Conv(3, (2, 2), dilation=(1, 2), padding=((1, 0), (0, 2)), use_bias=False), image),
    "conv, causal": (nn.Conv(3, 3, padding="causal"), steps),
    "depthwise conv": (nn.DepthwiseConv((3, 3), multiplier=2), image),
    "max pool": (nn.MaxPool((3, 2), strides=(2, 2), padding="same"), image),
    "avg pool": (nn.AvgPool((3, 2), strides=(2, 1), padding="same"), image),
    "global pools": (nn.Parallel(nn.GlobalAvgPool(), nn.GlobalMaxPool()), image),
    "masked pools": (nn.Parallel(nn.GlobalAvgPool(), nn.GlobalMaxPool()), (steps, mask())),
    "reshape": (nn.Sequential(nn.Reshape((2, -1)), nn.Dense(3), nn.Flatten()), floats(4)),
    "simple rnn": (nn.SimpleRNN(3, activation="sigmoid"), (steps, mask())),
    "attention": (nn.Sequential(nn.Attention(2, causal=True, use_bias=False), nn.GlobalAvgPool()), (steps, mask())),
    "residual": (nn.Residual(nn.DropConnect(nn.Dense(4, "tanh"), 0.5)), floats(4)),
    "joins": (nn.Parallel(nn.Dense(3), nn.Dense(3), join="maximum"), floats(4)),
    "random layers": (nn.Sequential(nn.RandomFlip(), nn.RandomCrop(1), nn.GaussianNoise(1.0), nn.Flatten()), image),
    "positions": (nn.Sequential(nn.LearnedPositions(), nn.GlobalMaxPool()), steps),
}
ALONE = {  # layers that have no formula of NumPy
    "conv transpose": (nn.ConvTranspose(3, (3, 2), strides=(2, 3)), image),
    "lambda": (nn.Sequential(nn.Lambda(lambda x: x[:, ::-1] ** 3), nn.Dense(2)), floats(4)),
}
TWO = (branches, floats(4))
"""A model of two outputs."""
ALL = {**MODELS, **LAYERS, **ALONE}


@cache
def made(name):
    """The model of a case, its rows and its answers."""
    spec, x = ALL[name]
    model = model_of(spec, x)
    return model, x, answers(model, x, output="outputs")


def close(found, wanted):
    """Equal but for 1e-5 of the larger of 1 and the number."""
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
