"""A branch and a choice give the same, alone and under vmap, and gradients pass through both."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.core.branch import when
from jaxnn.core.platforms import written_for

STATE = {"count": jnp.int32(3), "weights": jnp.array([1.0, 2.0]), "key": jax.random.key(0, impl="threefry2x32")}


def change(state, scale):
    weights = jnp.log(state["weights"]) * scale
    return {"count": state["count"] + 1, "weights": weights, "key": jax.random.fold_in(state["key"], 1)}, scale


@pytest.fixture(params=["cpu", "gpu", None], autouse=True)
def platform(request):
    with written_for(request.param):
        yield request.param


def test_it_changes_all_or_nothing():
    after, _ = jax.jit(lambda go: when(go, change, STATE, jnp.float32(2.0)))(True)
    assert int(after["count"]) == 4
    np.testing.assert_allclose(after["weights"], 2 * np.log([1.0, 2.0]))
    assert (jax.random.key_data(after["key"]) == jax.random.key_data(jax.random.fold_in(STATE["key"], 1))).all()
    same, _ = jax.jit(lambda go: when(go, change, STATE, jnp.float32(2.0)))(False)
    assert int(same["count"]) == 3 and same["weights"].tolist() == [1.0, 2.0]
    assert (jax.random.key_data(same["key"]) == jax.random.key_data(STATE["key"])).all()


def test_members_choose_for_themselves_and_gradients_pass():
    def total(scale, go):
        return when(go, change, STATE, scale)[0]["weights"].sum()

    go, scale = jnp.array([True, False, True]), jnp.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(jax.vmap(total)(scale, go), [np.log(2), 3.0, 3 * np.log(2)], rtol=1e-6)
    np.testing.assert_allclose(jax.vmap(jax.grad(total))(scale, go), [np.log(2), 0.0, np.log(2)], rtol=1e-6)


def test_on_a_cpu_the_change_is_not_computed_in_vain(platform):
    text = str(jax.make_jaxpr(lambda go, scale: when(go, change, STATE, scale))(True, 1.0))
    assert ("cond[" in text) == (platform != "gpu")
