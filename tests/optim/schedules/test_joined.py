"""Schedules one after the other, and in epochs: cases with known values."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

S = nn.schedules


def test_each_schedule_counts_from_its_own_start():
    joined = S.join([S.constant(1.0), S.constant(2.0), S.linear(1.0, 0.0, 2)], [3, 6])
    np.testing.assert_array_equal(joined(np.arange(10)), [1, 1, 1, 2, 2, 2, 1, 0.5, 0, 0])


def test_one_schedule_needs_no_boundary():
    np.testing.assert_array_equal(S.join([S.constant(1.0)], [])(np.arange(3)), 1.0)


def test_lengths_in_epochs():
    falling = S.in_epochs(S.linear(1.0, 0.0, 4), steps_per_epoch=5)
    np.testing.assert_allclose(falling(np.arange(25)), np.maximum(1 - np.arange(25) / 20, 0), atol=1e-7)
    stairs = S.in_epochs(S.linear(1.0, 0.0, 4), steps_per_epoch=5, staircase=True)
    np.testing.assert_allclose(stairs(jnp.arange(25)), np.repeat([1, 0.75, 0.5, 0.25, 0], 5))


def test_a_schedule_in_epochs_is_the_one_in_steps():
    epochs = S.in_epochs(S.warmup_cosine(0.0, 0.1, 2, 10), steps_per_epoch=30)
    np.testing.assert_allclose(epochs(np.arange(400)), S.warmup_cosine(0.0, 0.1, 60, 300)(np.arange(400)), atol=1e-7)


def test_bad_calls_say_what_to_write():
    with pytest.raises(ValueError, match=r"2 schedules need 1 boundaries, got 2; write join\("):
        S.join([S.constant(1.0)] * 2, [1, 2])
    with pytest.raises(ValueError, match="steps_per_epoch must be above 0"):
        S.in_epochs(S.constant(1.0), 0)
