"""Jumps and glides: cases with known values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn

S = nn.schedules


@pytest.mark.parametrize("init", [0.1, -0.1])
def test_jumps(init):
    schedule = S.piecewise(init, {3: 2.0, 6: 0.5})
    np.testing.assert_allclose(schedule(np.arange(10)), init * np.array([1, 1, 1, 2, 2, 2, 1, 1, 1, 1]), rtol=1e-6)


@pytest.mark.parametrize(
    ("kind", "init", "jumps", "expected"),
    [
        (
            "linear",
            200.0,
            {5: 1.5, 10: 0.25},
            [200, 220, 240, 260, 280, 300, 255, 210, 165, 120, 75, 75, 75],
        ),
        ("cosine", 400.0, {5: 1.2, 3: 0.6, 7: 1.0}, [400, 360, 280, 240, 264, 288, 288, 288, 288]),
        ("linear", 13.0, {}, [13] * 5),
        ("cosine", 17.0, None, [17] * 3),
        ("linear", 13.0, {0: 2.0, 5: 3.0}, [26, 36.4, 46.8, 57.2, 67.6, 78, 78]),
    ],
)
def test_glides(kind, init, jumps, expected):
    schedule = S.piecewise_interpolate(kind, init, jumps)
    np.testing.assert_allclose(schedule(np.arange(len(expected))), expected, rtol=1e-6)
    if jumps:
        pair = (jnp.array(list(jumps)), jnp.array(list(jumps.values())))
        np.testing.assert_allclose(
            S.piecewise_interpolate(kind, init, pair)(np.arange(len(expected))), expected, rtol=1e-6
        )


def test_steps_may_be_half_ones_where_counts_are_epochs():
    np.testing.assert_allclose(
        S.piecewise_interpolate("linear", 1.0, {0.5: 0.0})(np.array([0, 0.25, 0.5])), [1, 0.5, 0]
    )


def test_the_order_of_traced_steps_is_found_inside():
    def at(steps):
        return S.piecewise_interpolate("linear", 1.0, (steps, jnp.array([0.5, 0.1])))(jnp.arange(20))

    steps = jnp.array([[4, 12], [12, 4]])
    together = jax.vmap(at)(steps)
    for i, pairs in enumerate(({4: 0.5, 12: 0.1}, {12: 0.5, 4: 0.1})):
        np.testing.assert_allclose(together[i], S.piecewise_interpolate("linear", 1.0, pairs)(np.arange(20)), rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: S.piecewise(1.0, {3: -2.0}), r"a factor must be 0 or more, got -2\.0; write piecewise\("),
        (lambda: S.piecewise_interpolate("linear", 13.0, {5: -3}), "a factor must be 0 or more"),
        (lambda: S.piecewise_interpolate("linar", 13.0), 'must be "linear" or "cosine", got \'linar\''),
        (lambda: S.piecewise_interpolate(None, 13.0, {}), 'must be "linear" or "cosine"'),
        (lambda: S.piecewise(1.0, ([1, 2], [0.5])), "2 steps and 1 factors"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
