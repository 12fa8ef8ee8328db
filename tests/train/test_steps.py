"""Steps one after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.train.steps import through


def body(carry, x):
    return carry * 0.5 + x["a"], {"seen": carry + x["a"].sum(), "x": x["a"]}


@pytest.mark.parametrize("limit", [0, 1, 3, 5])
def test_the_first_steps_are_those_of_a_scan(limit):
    xs = {"a": jnp.arange(10.0).reshape(5, 2)}
    carry, seen = jax.jit(lambda n: through(body, jnp.ones(2), xs, n))(jnp.int32(limit))
    theirs, all_seen = jax.lax.scan(body, jnp.ones(2), {"a": xs["a"][:limit]})
    np.testing.assert_array_equal(carry, theirs)
    for name in seen:
        np.testing.assert_array_equal(seen[name][:limit], all_seen[name])
        assert not np.any(seen[name][limit:])


def test_without_a_limit_gradients_pass():
    slope = jax.grad(lambda c: through(body, c, {"a": jnp.ones((3, 2))})[0].sum())(jnp.ones(2))
    np.testing.assert_allclose(slope, 0.125)
