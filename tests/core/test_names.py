import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.core.activations import ALIASES
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS, activation, initializer, name_of

X = np.linspace(-4, 4, 33, dtype=np.float64)
SIGMOID = 1 / (1 + np.exp(-X))
ERF = np.vectorize(math.erf)
SOFT = np.exp(X) / np.exp(X).sum()
FORMULAS = {
    "linear": X,
    "relu": np.maximum(0, X),
    "sigmoid": SIGMOID,
    "tanh": np.tanh(X),
    "softmax": SOFT,
    "log_softmax": np.log(SOFT),
    "step": np.heaviside(X, 1),
    "gelu_exact": 0.5 * X * (1 + ERF(X / np.sqrt(2))),
    "gelu": 0.5 * X * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3))),
    "silu": X * SIGMOID,
    "elu": np.where(X > 0, X, np.expm1(X)),
    "selu": 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * np.expm1(X)),
    "celu": np.where(X > 0, X, np.expm1(X)),
    "leaky_relu": np.where(X > 0, X, 0.01 * X),
    "relu6": np.clip(X, 0, 6),
    "softplus": np.log1p(np.exp(X)),
    "soft_sign": X / (1 + np.abs(X)),
    "log_sigmoid": np.log(SIGMOID),
    "hard_sigmoid": np.clip(X / 6 + 0.5, 0, 1),
    "hard_tanh": np.clip(X, -1, 1),
    "hard_silu": X * np.clip(X / 6 + 0.5, 0, 1),
    "mish": X * np.tanh(np.log1p(np.exp(X))),
    "squareplus": (X + np.sqrt(X**2 + 4)) / 2,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_their_formulas(name):
    np.testing.assert_allclose(activation(name)(jnp.asarray(X, jnp.float32)), FORMULAS[name], rtol=2e-6, atol=2e-6)


def test_none_is_the_identity_and_a_function_is_itself():
    assert float(activation(None)(-2.0)) == -2.0
    assert activation(jnp.sin) is jnp.sin
    assert initializer(jax.nn.initializers.zeros) is jax.nn.initializers.zeros


# name -> variance of a kernel (fan_in 300, fan_out 200) and the largest value of a uniform draw, or None
SHAPE = (300, 200)
MOMENTS = {
    "normal": (0.01**2, None),
    "uniform": (0.01**2 / 12, 0.01),
    "glorot_uniform": (2 / 500, math.sqrt(6 / 500)),
    "glorot_normal": (2 / 500, None),
    "he_uniform": (2 / 300, math.sqrt(6 / 300)),
    "he_normal": (2 / 300, None),
    "lecun_uniform": (1 / 300, math.sqrt(3 / 300)),
    "lecun_normal": (1 / 300, None),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_initialisers_have_the_variance_of_their_papers(name, key):
    kernel = np.asarray(initializer(name)(key, SHAPE, jnp.float32), np.float64)
    variance, largest = MOMENTS[name]
    assert kernel.var() == pytest.approx(variance, rel=0.03)
    if largest is not None:
        assert 0.99 * largest < np.abs(kernel).max() <= largest * (1 + 1e-6)
    if name != "uniform":
        assert abs(kernel.mean()) < 4 * math.sqrt(variance / kernel.size)


def test_the_other_initialisers(key):
    assert set(INITIALIZERS) == {*MOMENTS, "zeros", "ones", "orthogonal"}
    assert not initializer("zeros")(key, (2, 3), jnp.float32).any()
    assert (initializer("ones")(key, (2, 3), jnp.float32) == 1).all()
    square = np.asarray(initializer("orthogonal")(key, (5, 5), jnp.float32))
    np.testing.assert_allclose(square @ square.T, np.eye(5), atol=1e-5)


@pytest.mark.parametrize(("look", "what"), [(activation, "activation"), (initializer, "initialiser")])
def test_an_unknown_name_is_told_with_those_there_are(look, what):
    with pytest.raises(ValueError, match=f"no {what} is named 'qqq'; choose one of .*, or pass a function"):
        look("qqq")


def test_an_unknown_name_is_told_with_the_closest():
    with pytest.raises(ValueError, match="no activation is named 'Leaky-ReLU'; write 'leaky_relu', or choose one of"):
        activation("Leaky-ReLU")
    with pytest.raises(ValueError, match="no initialiser is named 'he_uniforms'; write 'he_uniform', or choose"):
        initializer("he_uniforms")


@pytest.mark.parametrize("name", [3, ["relu"]])
def test_what_is_no_name_is_told_too(name):
    with pytest.raises(ValueError, match=r"no activation is named (3|\[.relu.\]); .*choose one of linear, step"):
        activation(name)


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_another_usual_name_finds_the_same_function(alias, name):
    assert activation(alias) is ACTIVATIONS[name]
    assert alias not in ACTIVATIONS


@pytest.mark.parametrize("name", [*ACTIVATIONS, *INITIALIZERS])
def test_the_way_back_from_a_function(name):
    assert name_of((ACTIVATIONS | INITIALIZERS)[name]) == name


def test_a_foreign_function_has_no_name():
    assert name_of(jnp.sin) is None
    assert not set(ACTIVATIONS) & set(INITIALIZERS)
