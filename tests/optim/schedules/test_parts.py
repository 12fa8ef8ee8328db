"""What schedules are made of, against NumPy and exact fractions."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.optim.rates import as_float
from jaxnn.optim.schedules.parts import between, half_wave, power, progress, whole


@pytest.mark.parametrize(("begin", "steps"), [(0, 10), (3, 8), (5.0, 0.5), (7, 1)])
def test_progress_is_numpys_interpolation(begin, steps):
    counts = np.arange(20)
    ours = [float(progress(count, begin, steps)) for count in counts]
    np.testing.assert_allclose(ours, np.interp(counts, [begin, begin + steps], [0, 1]), rtol=1e-6)


def test_progress_through_no_steps_and_before_the_start():
    assert float(progress(5, 2, 0)) == 0.0 and np.isfinite(jax.grad(lambda s: progress(5.0, 2.0, s))(0.0))
    assert float(progress(1, -5, 2)) == 0.5, "a stretch that begins before step 0 begins at 0"


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 3.0])
def test_power_is_numpys_and_has_a_finite_slope(exponent):
    bases = np.float32([0, 1e-6, 0.3, 1])
    np.testing.assert_allclose(power(jnp.asarray(bases), exponent), bases**exponent, rtol=1e-6)
    assert np.isfinite(jax.vmap(jax.grad(power), (0, None))(jnp.asarray(bases), exponent)).all()
    assert np.isfinite(jax.vmap(jax.grad(power, 1), (0, None))(jnp.asarray(bases), exponent)).all()


def test_whole_steps_of_every_percentage():
    for hundredths in range(101):
        for steps in (7, 100, 1000, 12345):
            exact = Fraction(hundredths, 100) * steps
            got = float(whole(as_float(hundredths / 100) * steps))
            assert got == exact // 1, f"{hundredths} percent of {steps} steps"


def test_between_and_half_wave():
    assert between(2.0, 6.0, 0.25) == 3.0
    shares = np.linspace(0, 1, 9, dtype=np.float32)
    np.testing.assert_allclose(half_wave(jnp.asarray(shares)), np.cos(np.pi * shares / 2) ** 2, atol=1e-6)
