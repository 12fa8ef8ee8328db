"""The coordinates of a descent: logarithms from the start on, and bounds."""

import math

import jax.numpy as jnp
import numpy as np

import jaxnn as nn
from jaxnn.search.coordinates import Coordinates, points_of

BASE = {"lr": (jnp.array([0.1, 0.7], jnp.float32),), "rate": (jnp.array([0.5, 0.2], jnp.float32),)}
WHERE = Coordinates(("lr", "rate"), frozenset(["lr"]), {"lr": (0.05, math.inf), "rate": (0.0, 0.9)})


def test_the_start_is_itself_to_the_bit():
    here = WHERE.start(BASE)
    assert not here["lr"][0].any()
    for name, numbers in WHERE.numbers(here, BASE).items():
        np.testing.assert_array_equal(numbers[0], BASE[name][0])


def test_a_step_in_the_logarithm_multiplies():
    numbers = WHERE.numbers({"lr": (jnp.log(jnp.array([2.0, 0.5])),), "rate": (jnp.array([0.1, 0.3]),)}, BASE)
    np.testing.assert_allclose(numbers["lr"][0], [0.2, 0.35], rtol=1e-6)
    np.testing.assert_allclose(numbers["rate"][0], [0.1, 0.3])


def test_bounds_hold_in_the_numbers():
    far = {"lr": (jnp.array([-3.0, 3.0]),), "rate": (jnp.array([-1.0, 2.0]),)}
    numbers = WHERE.numbers(WHERE.bounded(far, BASE), BASE)
    np.testing.assert_allclose(numbers["lr"][0], [0.05, 0.7 * math.e**3], rtol=1e-6)
    np.testing.assert_allclose(numbers["rate"][0], [0.0, 0.9], rtol=1e-6)


def test_slopes_are_those_of_the_numbers():
    gradient = {"lr": (jnp.array([0.2, 1.4]),), "rate": (jnp.array([3.0, 4.0]),)}
    slopes = WHERE.slopes(gradient, BASE)
    np.testing.assert_allclose(slopes["lr"][0], [2.0, 2.0], rtol=1e-6)
    np.testing.assert_allclose(slopes["rate"][0], [3.0, 4.0])


def test_starts_are_a_dict_a_space_or_a_list():
    assert points_of({"lr": 0.1}, 1, 0) == ([{"lr": 0.1}], {})
    assert len(points_of(nn.space.random(3, lr=nn.space.log(1e-3, 1.0)), 1, 0)[0]) == 3
    assert points_of([{"lr": 0.1}, {"lr": 0.2}], 2, 0)[0][1] == {"lr": 0.2}
    points, ranges = points_of({"lr": nn.space.log(1e-3, 1.0), "l2": np.ones(3)}, 8, 0)
    assert ranges == {"lr": (1e-3, 1.0)}
    assert len({p["lr"] for p in points}) == 8
    assert all(p["l2"].shape == (3,) for p in points)
