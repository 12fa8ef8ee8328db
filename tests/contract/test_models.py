"""Every model sits the exam of a layer. A new one adds a row: call, arguments, input, output shape, options."""

import inspect

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.layer import REGISTRY, is_spec
from jaxnn.testing import check_layer


def normal(*shape):
    """Draws of a standard normal, other ones for other shapes."""
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def whole(below, *shape):
    """Whole numbers in [0, below)."""
    return np.random.default_rng(shape).integers(0, below, shape).astype(np.int32)


SIZES = {"vocab": 5, "context": 4, "width": 4, "heads": 2, "hidden": 6, "init_std": 0.5, "eps": 0.1}

MODELS = [
    (nn.linear_regression, {}, normal(3, 4), (3, 1)),
    (nn.linear_regression, {"out": 2}, normal(3, 4), (3, 2)),
    (nn.logistic_regression, {}, normal(3, 4), (3, 1)),
    (nn.softmax_regression, {"classes": 3}, normal(3, 4), (3, 3)),
    (nn.perceptron, {}, normal(3, 4), (3, 1)),
    (nn.mlp, {"hidden": (4, 3), "out": 2, "activation": "tanh"}, normal(3, 2, 2), (3, 2)),
    (
        nn.mlp,
        {"hidden": (4,), "out": 2, "activation": "tanh", "dropout": 0.3, "batch_norm": True},
        normal(4, 3),
        (4, 2),
    ),
    (nn.mlp, {"hidden": (), "out": 2}, normal(3, 4), (3, 2)),
    (nn.rnn_classifier, {"units": 2, "out": 3, "layers": 2, "dropout": 0.2}, normal(3, 4, 2), (3, 3)),
    (nn.rnn_classifier, {"units": 2, "out": 1, "cell": "gru", "bidirectional": True}, normal(3, 4, 2), (3, 1)),
    (
        nn.transformer_encoder,
        {"width": 4, "heads": 2, "layers": 1, "out": 3, "dropout": 0.2, "hidden": 6, "eps": 0.1},
        normal(3, 4, 2),
        (3, 3),
    ),
    (
        nn.transformer_encoder,
        {"width": 4, "heads": 1, "layers": 2, "out": 2, "vocab": 5, "positions": "rotary", "repeat": True, "eps": 0.1},
        whole(5, 3, 4),
        (3, 2),
    ),
    (nn.gpt, {**SIZES, "layers": 1, "dropout": 0.2}, whole(5, 2, 4), (2, 4, 5)),
    (nn.gpt, {**SIZES, "layers": 2, "positions": "rotary", "repeat": True, "tied": False}, whole(5, 2, 3), (2, 3, 5)),
    (
        nn.lenet,
        {"out": 2, "filters": (2,), "hidden": (3,), "kernel_size": 3, "activation": "tanh", "dropout": 0.2},
        normal(3, 4, 4, 1),
        (3, 2),
    ),
    (nn.resnet, {"depth": 8, "out": 2, "activation": "tanh"}, normal(4, 4, 4, 1), (4, 2)),
]


@pytest.mark.parametrize(("make", "arguments", "x", "shape", "options"), [(*row, {})[:5] for row in MODELS])
def test_exam_of(make, arguments, x, shape, options):
    model = make(**arguments)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    assert jax.eval_shape(model.apply, params, state, x)[0].shape == shape
    check_layer(model, x, **options)


def test_every_public_model_has_a_row():
    public = {
        name: f for name, f in vars(nn).items() if inspect.isfunction(f) and f.__module__.startswith("jaxnn.models")
    }
    missing = set(public) - {row[0].__name__ for row in MODELS}
    assert not missing, f"{sorted(missing)} have no row in MODELS"
    specs = {name for name, cls in REGISTRY.items() if cls.__module__.startswith("jaxnn.models")}
    made = {type(make(**arguments)).__name__ for make, arguments, *_ in MODELS}
    assert specs <= made, f"{sorted(specs - made)} are made by no row in MODELS"


@pytest.mark.parametrize("make", dict.fromkeys(row[0] for row in MODELS), ids=lambda f: f.__name__)
def test_a_model_is_a_spec_and_equal_calls_make_equal_models(make):
    arguments = next(row[1] for row in MODELS if row[0] is make)
    assert is_spec(make(**arguments))
    assert make(**arguments) == make(**arguments)
