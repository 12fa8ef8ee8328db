"""Weights from elsewhere, leaf by leaf."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.train.taken import Taken, take_over

WANTED = {"dense_0": {"kernel": jnp.zeros((3, 2)), "bias": jnp.zeros(2)}, "dense_1": {"kernel": jnp.zeros((2, 1))}}


def test_leaves_of_the_same_path_and_shape_are_taken_over():
    given = {
        "dense_0": {"kernel": np.full((3, 2), 7.0), "bias": np.ones(3)},
        "dense_1": {"kernel": np.full((2, 1), 5)},
        "head": {"kernel": np.ones((3, 2))},
    }
    leaves, taken = take_over(WANTED, given)
    assert sorted(leaves) == ["dense_0/kernel", "dense_1/kernel"]
    assert (leaves["dense_0/kernel"] == 7).all() and (leaves["dense_1/kernel"] == 5).all()
    assert {a.dtype for a in leaves.values()} == {np.dtype(np.float32)}
    assert set(taken.over) == set(leaves) and taken.anew == ("dense_0/bias",)
    assert set(taken.unused) == {"dense_0/bias", "head/kernel"}


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 1), (), (1,)])
def test_other_shapes_find_no_place(shape):
    leaves, taken = take_over({"a": np.zeros(3), "b": np.zeros(1)}, {"a": np.ones(shape), "b": np.ones(1)})
    assert sorted(leaves) == ["b"] and taken == (("b",), ("a",), ("a",))


def test_shapes_alone_are_enough_of_what_is_wanted():
    wanted = jax.eval_shape(lambda: WANTED)
    leaves, taken = take_over(wanted, WANTED)
    assert len(leaves) == 3 and taken.anew == () == taken.unused
    assert repr(taken) == "taken over: dense_0/bias, dense_0/kernel, dense_1/kernel"


def test_what_happened_reads_as_a_sentence():
    assert repr(Taken(("a",), (), ("b", "c"))) == "taken over: a; given and not used: b, c"


def test_weights_without_a_place_are_refused_with_what_there_is():
    with pytest.raises(ValueError, match=r"given are kernel \(3, 2\), wanted dense_0/bias \(2,\).*start=run.params"):
        take_over(WANTED, {"kernel": np.ones((3, 2))})
    with pytest.raises(ValueError, match="given are none"):
        take_over(WANTED, {})
    many = {f"k{i}": np.ones(1) for i in range(9)}
    with pytest.raises(ValueError, match="k5") as caught:
        take_over(WANTED, many)
    assert "k6" not in str(caught.value)
