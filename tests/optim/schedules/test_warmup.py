"""Warm-ups: cases with known values."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

S = nn.schedules
T = np.arange(1000)


@pytest.mark.parametrize(("init", "peak", "end"), [(10, 0.5, 1e-4), (5, 3, 0.0)])
def test_limits_of_the_cosine(init, peak, end):
    schedule = S.warmup_cosine(init, peak, warmup_steps=100, decay_steps=1000, end_value=end)
    np.testing.assert_allclose(schedule(0), init)
    np.testing.assert_allclose(schedule(100), peak)
    np.testing.assert_allclose(schedule(1000), end, rtol=1e-3)


def test_an_exponent_bends_the_cosine():
    schedule = S.warmup_cosine(0.2, 1.21, warmup_steps=50, decay_steps=100, end_value=-3.0, exponent=2)
    expected = [0.2, 0.402, 1.21, -1.947500228881836, -3.0]
    np.testing.assert_allclose(schedule(np.array([0, 10, 50, 75, 100])), expected, rtol=1e-6)


def test_a_peak_of_zero_stays_zero():
    schedule = S.warmup_cosine(0.2, 0, warmup_steps=50, decay_steps=100, end_value=-3.0, exponent=2)
    np.testing.assert_allclose(schedule(np.array([0, 10, 50, 75, 100])), [0.2, 0.16, 0, 0, 0], rtol=1e-6)


def test_the_cosine_rises_then_falls_and_a_larger_exponent_lies_below():
    flat, steep = (S.warmup_cosine(0.0, 1.0, 5, 25, end_value=0.1, exponent=e)(np.arange(26)) for e in (1.0, 2.0))
    assert (np.diff(flat[:6]) > 0).all()
    assert float(flat[5]) == 1.0
    assert (np.diff(flat[5:]) <= 0).all()
    assert float(flat[25]) == pytest.approx(0.1)
    assert (steep[5:] <= flat[5:]).all()


def test_lines_are_those_of_interpolation():
    schedule = S.warmup_linear(0.1, 1.0, warmup_steps=200, decay_steps=700, end_value=0.2)
    np.testing.assert_allclose(schedule(T), np.interp(T, [0, 200, 700], [0.1, 1.0, 0.2]), rtol=1e-5)
    np.testing.assert_allclose(S.warmup_constant(0.1, 1.0, 200)(T), np.interp(T, [0, 200], [0.1, 1.0]), rtol=1e-5)


def test_the_inverse_root_is_that_of_the_transformer():
    width, warm = 512, 100
    vaswani = width**-0.5 * np.minimum((T + 1e-30) ** -0.5, T * warm**-1.5)
    peak = width**-0.5 * warm**-0.5
    np.testing.assert_allclose(S.warmup_inverse_sqrt(0.0, peak, warm)(T), vaswani, rtol=1e-5)
    slower = S.warmup_inverse_sqrt(0.0, 1.0, 10, transition_steps=1000)(T)[10:]
    np.testing.assert_allclose(slower, 1 / np.sqrt(1 + (T[10:] - 10) / 1000), rtol=1e-6)


def test_without_a_warm_up_they_begin_at_the_peak():
    for schedule in (
        S.warmup_cosine(0.0, 1.0, 0, 100),
        S.warmup_linear(0.0, 1.0, 0, 100),
        S.warmup_exponential(0.0, 1.0, 0, 10, 0.5),
    ):
        assert float(schedule(0)) == 1.0
        assert jnp.isfinite(schedule(jnp.arange(5))).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: S.warmup_cosine(0.2, 1.2, 10, 10), "must be above warmup_steps = 10, got 10; write warmup_cosine"),
        (lambda: S.warmup_linear(0.2, 1.2, 10, 9), "must be above warmup_steps = 10, got 9; write warmup_linear"),
        (lambda: S.warmup_cosine(0.2, 1.2, 10, 20, exponent=-1), "exponent must be 0 or more"),
        (lambda: S.warmup_inverse_sqrt(0.0, 1.0, 0), "warmup_steps must be above 0"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
