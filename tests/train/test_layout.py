"""The plainest layout: one member after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.grid.plan import Plan
from jaxnn.train.layout import Alone


def test_members_stand_as_they_come():
    assert Alone().arrange(4).tolist() == [0, 1, 2, 3]
    assert Alone().beside is None and Alone().chunk is None
    assert hash(Alone()) == hash(Alone()) and Alone() == Alone() != Alone(jax.devices()[0])


@pytest.mark.parametrize("layout", [Alone(), Plan(width=1), Plan(width=3), Plan(width=2)])
def test_a_function_of_one_member_becomes_one_of_all(layout):
    """Whatever the layout, members are dealt out, worked on and put back in order."""
    count = 3
    places = layout.arrange(count)
    own = (np.arange(3.0, dtype=np.float32)[places], {"a": np.arange(6.0, dtype=np.float32).reshape(3, 2)[places]})
    shared = jnp.float32(10)
    out = layout.lay(lambda own, shared: (own[0] + shared, own[1]["a"].sum() * own[0]))(layout.place(own, True), shared)
    back = np.unique(places, return_index=True)[1]
    np.testing.assert_array_equal(np.asarray(out[0])[back], [10, 11, 12])
    np.testing.assert_array_equal(np.asarray(out[1])[back], [0, 5, 18])


def test_place_puts_on_the_device_that_is_named():
    device = jax.devices()[0]
    for layout in (Alone(), Alone(device)):
        placed = layout.place({"a": np.ones(2)}, by_member=True)
        assert isinstance(placed["a"], jax.Array) and placed["a"].devices() == {device}
    assert Alone(device).place(np.ones(2)).committed and not Alone().place(np.ones(2)).committed
