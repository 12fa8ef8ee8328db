"""Constant, polynomial, linear, exponential, inverse square root and cosine: cases with known values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

S = nn.schedules


def values(schedule, counts):
    return np.array([jax.jit(schedule)(count) for count in counts])


def test_a_constant_is_constant():
    np.testing.assert_array_equal(values(S.constant(10), range(15)), 10)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (dict(init_value=10.0, end_value=20.0, power=1, transition_steps=10), [*range(10, 20)] + [20] * 5),
        (
            dict(init_value=25.0, end_value=10.0, power=2, transition_steps=10),
            [10 + 15 * (1 - n / 10) ** 2 for n in range(10)] + [10] * 5,
        ),
        (
            dict(init_value=30.0, end_value=10.0, power=2, transition_steps=10, transition_begin=4),
            [30] * 4 + [10 + 20 * (1 - n / 10) ** 2 for n in range(10)] + [10] * 6,
        ),
        (dict(init_value=2.0, end_value=1.0, power=1, transition_steps=0), [2] * 5),
        (dict(init_value=2.0, end_value=1.0, power=1, transition_steps=-1), [2] * 5),
        (dict(init_value=2.0, end_value=0.0, power=1, transition_steps=4, transition_begin=-3), [2, 1.5, 1, 0.5, 0]),
    ],
)
def test_polynomials(arguments, expected):
    np.testing.assert_allclose(values(S.polynomial(**arguments), range(len(expected))), expected, rtol=1e-6)
    if arguments.pop("power") == 1:
        np.testing.assert_allclose(values(S.linear(**arguments), range(len(expected))), expected, rtol=1e-6)


@pytest.mark.parametrize("staircase", [False, True])
@pytest.mark.parametrize("begin", [0, 5])
@pytest.mark.parametrize(("rate", "end"), [(2.0, None), (0.2, 0.1), (1.0, 0.1), (2.0, 3.0), (0.5, None)])
def test_exponentials(staircase, begin, rate, end):
    schedule = S.exponential(1.0, 2, rate, transition_begin=begin, staircase=staircase, end_value=end)
    powers = np.floor(np.arange(15) / 2) if staircase else np.arange(15) / 2
    expected = np.array([1.0] * begin + list(rate**powers))
    if end is not None:
        expected = np.maximum(expected, end) if rate < 1 else np.minimum(expected, end)
    np.testing.assert_allclose(values(schedule, range(15 + begin)), expected, rtol=1e-5)


@pytest.mark.parametrize(("steps", "rate"), [(-1, 0.5), (0, 0.5), (2, 0.0)])
def test_exponentials_without_length_or_rate_stay(steps, rate):
    np.testing.assert_array_equal(values(S.exponential(1.0, steps, rate), range(5)), 1.0)
    together = jax.vmap(lambda s, r: S.exponential(1.0, s, r)(jnp.arange(5)))(
        jnp.array([steps, 1]), jnp.array([rate, 0.5])
    )
    np.testing.assert_allclose(together, [[1] * 5, 0.5 ** np.arange(5)])


def test_inverse_square_root_is_its_formula():
    t = np.arange(1000)
    expected = 0.3 * np.sqrt(50 / (50 + np.maximum(t - 10, 0)))
    np.testing.assert_allclose(S.inverse_sqrt(0.3, 50, transition_begin=10)(jnp.asarray(t)), expected, rtol=1e-6)


@pytest.mark.parametrize(("steps", "alpha", "exponent"), [(10, 0.0, 1.0), (5, 0.0, 1.0), (5, 0.1, 1.0), (5, 0.0, 2.0)])
def test_cosines(steps, alpha, exponent):
    t = np.minimum(np.arange(12), steps)
    wave = (0.5 + 0.5 * np.cos(np.pi * t / steps)) ** exponent
    np.testing.assert_allclose(
        values(S.cosine(0.1, steps, alpha, exponent), range(12)), 0.1 * ((1 - alpha) * wave + alpha), atol=1e-7
    )


def test_an_exponent_bends_the_cosine():
    expected = [0.1, 0.09516553580760956, 0.025, 0.0021446612663567066, 0.0]
    schedule = S.cosine(0.1, 100, alpha=0.0, exponent=2)
    np.testing.assert_allclose(schedule(np.array([0, 10, 50, 75, 100])), expected, rtol=1e-6, atol=1e-8)


def test_lengths_beyond_32_bits():
    np.testing.assert_allclose(S.cosine(1000.0, decay_steps=10**10)(10**9), 975.52826, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: S.cosine(0.1, 0), r"decay_steps must be above 0, got 0; write cosine\("),
        (lambda: S.cosine(0.1, 10, exponent=-1), "exponent must be 0 or more"),
        (lambda: S.polynomial(0.1, 0.0, -1, 10), "power must be 0 or more"),
        (lambda: S.inverse_sqrt(0.1, 0), "transition_steps must be above 0"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
