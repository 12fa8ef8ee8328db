"""Every model sits the exam of a layer. A new one adds a row: call, arguments, input, output shape, options."""

import inspect

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.layer import is_spec
from jaxnn.testing import check_layer


def normal(*shape):
    """Draws of a standard normal, other ones for other shapes."""
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


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


@pytest.mark.parametrize("make", {row[0] for row in MODELS}, ids=lambda f: f.__name__)
def test_a_model_is_a_spec_and_equal_calls_make_equal_models(make):
    arguments = next(row[1] for row in MODELS if row[0] is make)
    assert is_spec(make(**arguments))
    assert make(**arguments) == make(**arguments)
