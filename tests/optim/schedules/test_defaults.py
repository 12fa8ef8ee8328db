"""What is left out of a call is what Optax takes for it."""

import inspect

import jax
import jax.numpy as jnp
import optax
import pytest

from jaxnn.optim import schedules as S

PEERS = {
    "cosine": optax.cosine_decay_schedule,
    "exponential": optax.exponential_decay,
    "linear": optax.linear_schedule,
    "linear_one_cycle": optax.linear_onecycle_schedule,
    "one_cycle": optax.cosine_onecycle_schedule,
    "piecewise": optax.piecewise_constant_schedule,
    "piecewise_interpolate": optax.piecewise_interpolate_schedule,
    "polynomial": optax.polynomial_schedule,
    "warmup_cosine": optax.warmup_cosine_decay_schedule,
    "warmup_exponential": optax.warmup_exponential_decay_schedule,
}


def defaults(function):
    return {p.name: p.default for p in inspect.signature(function).parameters.values() if p.default is not p.empty}


@pytest.mark.parametrize("name", PEERS)
def test_the_defaults_are_those_of_optax(name):
    assert defaults(getattr(S, name)) == defaults(PEERS[name])


def test_the_defaults_of_restarts_are_those_of_keras(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    theirs = defaults(keras.optimizers.schedules.CosineDecayRestarts.__init__)
    assert defaults(S.cosine_restarts) == {name: theirs[name] for name in ("t_mul", "m_mul", "alpha")}


def test_a_cycle_goes_up_and_down_in_halves_of_the_same_height():
    wave = S.cyclic(0.0, 1.0, 8)(jnp.arange(17))
    assert wave.tolist() == [0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25] * 2 + [0]


@pytest.mark.parametrize("count", [0, 1, 5, 10, 25])
@pytest.mark.parametrize(("rate", "steps"), [(0.0, 10.0), (0.5, 0.0), (1.0, 10.0)])
def test_where_an_exponential_stands_still_its_gradients_are_finite(rate, steps, count):
    by = jax.grad(lambda rate, steps, value: S.exponential(value, steps, rate)(count), (0, 1, 2))
    slopes = by(jnp.float32(rate), jnp.float32(steps), jnp.float32(0.3))
    assert all(jnp.isfinite(slope) for slope in slopes)
    assert float(slopes[2]) == 1.0


def test_an_exponential_of_rate_zero_stays_whatever_its_end_and_steps_may_be_less_than_one():
    assert float(S.exponential(0.25, 10, 0.0, end_value=0.5)(20)) == 0.25
    assert float(optax.exponential_decay(0.25, 10, 0.0, end_value=0.5)(20)) == 0.25
    assert float(S.exponential(1.0, 0.5, 0.5)(1)) == 0.25
