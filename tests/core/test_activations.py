import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import optimize, special

import jaxnn as nn
from jaxnn.core.activations import ALIASES, activations, step

X = np.linspace(-7.03, 7.01, 71)  # no corner of any of them
S = special.expit(X)
INSIDE = np.abs(X) < 3
T = np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3))
SOFTPLUS = np.log1p(np.exp(X))
DERIVATIVES = {
    "linear": np.ones_like(X),
    "step": np.ones_like(X),
    "sigmoid": S * (1 - S),
    "tanh": 1 / np.cosh(X) ** 2,
    "relu": X > 0,
    "leaky_relu": np.where(X > 0, 1, 0.01),
    "relu6": (X > 0) & (X < 6),
    "elu": np.where(X > 0, 1, np.exp(X)),
    "selu": 1.0507009873554805 * np.where(X > 0, 1, 1.6732632423543772 * np.exp(X)),
    "celu": np.where(X > 0, 1, np.exp(X)),
    "gelu": 0.5 * (1 + T) + 0.5 * X * (1 - T**2) * np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * X**2),
    "gelu_exact": special.ndtr(X) + X * np.exp(-(X**2) / 2) / np.sqrt(2 * np.pi),
    "silu": S * (1 + X * (1 - S)),
    "mish": np.tanh(SOFTPLUS) + X * S / np.cosh(SOFTPLUS) ** 2,
    "softplus": S,
    "squareplus": 0.5 * (1 + X / np.sqrt(X**2 + 4)),
    "soft_sign": 1 / (1 + np.abs(X)) ** 2,
    "log_sigmoid": 1 - S,
    "hard_sigmoid": np.where(INSIDE, 1 / 6, 0),
    "hard_tanh": np.abs(X) < 1,
    "hard_silu": np.where(INSIDE, X / 3 + 0.5, X > 0),
}
SINGLE = [name for name, a in activations.items() if not a.joint]


@pytest.mark.parametrize("name", SINGLE)
def test_the_derivative_is_that_of_calculus(name):
    with jax.enable_x64(True):
        found = activations[name].derivative(jnp.asarray(X))
        np.testing.assert_allclose(found, DERIVATIVES[name], rtol=1e-9, atol=1e-12)
        one = jax.vmap(jax.grad(activations[name].function))(jnp.asarray(X))
        np.testing.assert_allclose(found, one, rtol=1e-9, atol=1e-12)


def test_the_derivative_of_a_softmax_is_its_matrix():
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    p = special.softmax(x, -1)
    with jax.enable_x64(True):
        soft, log = (activations[name].derivative(jnp.asarray(x)) for name in ("softmax", "log_softmax"))
    np.testing.assert_allclose(soft, p[..., None] * np.eye(4) - p[..., None] * p[..., None, :], atol=1e-12)
    np.testing.assert_allclose(log, np.eye(4) - p[..., None, :], atol=1e-12)


@pytest.mark.parametrize("name", activations)
def test_the_range_is_the_least_and_the_greatest_value(name):
    low, high = activations[name].range
    with jax.enable_x64(True):
        wide = jnp.linspace(-2000.0, 2000.0, 200_001)
        values = np.asarray(activations[name](jnp.stack([wide, wide * 0], 1))[:, 0])
        assert (values >= low - 1e-7).all()
        assert (values <= high).all()
        assert values.min() < -15 if low == -np.inf else values.min() == pytest.approx(low, abs=0.05)
        assert values.max() > 15 if high == np.inf else values.max() == pytest.approx(high, abs=0.05)
        if name in ("gelu", "gelu_exact", "silu", "mish", "hard_silu"):
            found = optimize.minimize_scalar(lambda x: float(activations[name](x)), bounds=(-3, 0), method="bounded")
            assert low == pytest.approx(found.fun, abs=2e-8)


def test_a_number_a_whole_number_and_an_array_are_taken():
    assert float(activations["relu"](3)) == float(activations["relu"](3.0)) == 3.0
    assert float(activations["relu"].derivative(3)) == float(activations["relu"].derivative(3.0)) == 1.0
    assert activations["tanh"].derivative(np.zeros((2, 3), np.int32)).tolist() == np.ones((2, 3)).tolist()


def test_the_table_is_at_the_front_door_under_all_usual_names():
    assert nn.activations is activations
    for name, record in activations.items():
        assert (record.name, bool(record.source)) == (name, True)
    for alias, name in ALIASES.items():
        assert activations[alias] is activations[name]
    with pytest.raises(ValueError, match="no activation is named 'sigmoyd'; write 'sigmoid', or choose one of linear"):
        activations["sigmoyd"]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_a_step_is_heavisides_and_its_gradient_that_of_the_identity(dtype):
    x = jnp.array([-2.0, -1e-6, -0.0, 0.0, 1e-6, 5.0], dtype)
    np.testing.assert_array_equal(np.float32(step(x)), np.heaviside(np.float32(x), 1))
    slope = jax.grad(lambda x: (step(x) * jnp.arange(6, dtype=dtype)).sum())(x)
    assert step(x).dtype == slope.dtype == dtype
    np.testing.assert_array_equal(np.float32(slope), np.arange(6))


def test_a_step_under_the_half_squared_error_is_rosenblatts_rule():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    y = (x @ np.array([1.0, -2.0, 0.5]) > 0.2).astype(np.float32)
    trial = nn.Trial(nn.Dense(1, "step", kernel_init="zeros"), "half_squared_error", optax.sgd(0.5))
    run = nn.fit(trial, (x, y), epochs=10, batch_size=1, shuffle=False, progress=False)
    w, b = np.zeros(3), 0.0
    for _ in range(10):
        for row, label in zip(x, y, strict=True):
            error = label - (row @ w + b >= 0)
            w, b = w + 0.5 * error * row, b + 0.5 * error
    np.testing.assert_allclose(run.params["kernel"][:, 0], w, rtol=1e-5)
    np.testing.assert_allclose(run.params["bias"], [b], rtol=1e-5)
    assert (run.predict(x) == y).mean() > 0.95
