"""What is made before it is asked for."""

import threading
import time

import jax
import jax.numpy as jnp
import pytest

from jaxnn.core.ahead import Ahead


def test_pieces_come_in_order_and_one_is_on_its_way():
    made, allowed = [], threading.Event()

    def make():
        made.append(len(made))
        return made[-1] + 1 if len(made) < 6 else None

    ahead = Ahead(make, depth=2)
    assert ahead.get() == 1
    deadline = time.monotonic() + 10
    while len(made) < 3 and time.monotonic() < deadline:
        allowed.wait(0.01)
    assert len(made) == 3  # two more than were asked for, and no third
    assert [ahead.get() for _ in range(5)] == [2, 3, 4, 5, None]


def test_after_the_end_it_asks_again():
    more = [None, 2]
    ahead = Ahead(lambda: more.pop(0) if more else None)
    assert ahead.get() is None
    assert ahead.get() == 2


def test_an_error_comes_to_whoever_asks():
    def broken():
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        Ahead(broken, depth=3).get()


def test_settings_of_the_thread_that_asks_hold():
    with jax.enable_x64(True):
        ahead = Ahead(lambda: jnp.zeros(1).dtype)
        assert ahead.get() == jnp.float64
    assert Ahead(lambda: jnp.zeros(1).dtype).get() == jnp.float32
