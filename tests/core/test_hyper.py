"""Hyperparameters: what is traced, what is structure, and both put together again."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.hyper import concrete, is_traced, join, split


class Pair(NamedTuple):
    low: float
    size: int


def structure(value):
    return split({"a": value})[1]


@pytest.mark.parametrize(
    ("value", "numbers"),
    [
        (0.5, [0.5]),
        (np.float32(0.5), [0.5]),
        (np.float64(0.25), [0.25]),
        (jnp.float32(2.0), [2.0]),
        ([0.1, 3, 0.2], [0.1, 0.2]),
        ({"deep": (0.1, [0.2])}, [0.1, 0.2]),
        (nn.traced(3), [3]),
        (nn.traced([3, 4]), [3, 4]),
        ((1, nn.traced(7), "a"), [7]),
        (nn.EarlyStopping("val_loss", patience=4, min_delta=0.5), [4, 0.5]),
        ([nn.EarlyStopping(patience=1, min_delta=0.0), 0.5], [1, 0, 0.5]),
        (3, []), (True, []), (None, []), ("relu", []), (np.int64(3), []), ([8, 8], []), (jnp.tanh, []), ((), []),
    ],
)  # fmt: skip
def test_floats_and_what_is_marked_are_traced_and_nothing_else(value, numbers):
    inside, _ = split({"a": value})
    assert list(inside) == (["a"] if numbers else [])
    found = inside.get("a", ())
    np.testing.assert_array_equal([float(v) for v in found], np.float32(numbers))
    assert all(isinstance(v, np.ndarray) and v.shape == () for v in found)


def test_arrays_of_floats_ride_inside_whole():
    inside, fixed = split({"a": np.arange(3.0), "b": jnp.ones((2, 2), jnp.bfloat16)})
    assert [v.shape for v in (*inside["a"], *inside["b"])] == [(3,), (2, 2)]
    assert {str(v.dtype) for v in (*inside["a"], *inside["b"])} == {"float32"}
    assert fixed == split({"a": np.zeros(3), "b": np.zeros((2, 2))})[1]


def test_dtypes_are_the_default_ones():
    value = (0.1, nn.traced(3))
    assert [str(v.dtype) for v in split({"a": value})[0]["a"]] == ["float32", "int32"]
    with jax.enable_x64(True):
        assert [str(v.dtype) for v in split({"a": value})[0]["a"]] == ["float64", "int64"]


def test_true_one_and_one_point_zero_are_three_structures():
    kinds = [structure(v) for v in (True, 1, 1.0, "1", None, False, 0)]
    assert len({hash(k) for k in kinds}) >= 6 and len(set(kinds)) == 7
    assert structure(np.int64(1)) == structure(1) and structure(np.bool_(True)) == structure(True)
    assert structure(0.1) == structure(0.2) and structure([0.1]) == structure((0.3,))
    assert structure([8, 8]) == structure((8, 8)) != structure([8, 9])
    assert structure((1, True)) != structure((True, 1))


def test_an_early_stopping_is_a_value_whose_names_are_structure():
    one, other = nn.EarlyStopping("val_loss", patience=3), nn.EarlyStopping("val_loss", patience=9, min_delta=0.1)
    assert structure(one) == structure(other)
    assert structure(one) != structure(nn.EarlyStopping("loss", patience=3))
    assert structure(one) != structure(nn.EarlyStopping("val_loss", patience=3, mode="max"))
    assert structure(one) != structure(nn.EarlyStopping("val_loss", patience=None))


@pytest.mark.parametrize(
    "value",
    [0.5, 3, True, None, "relu", (8, 0.5, (True, "x")), {"b": 0.5, "a": 2}, Pair(0.5, 3), nn.EarlyStopping(patience=3)],
)
def test_join_gives_the_value_again_in_python_numbers(value):
    inside, fixed = split({"a": value, "z": 0.25})
    again = join(fixed, concrete(inside))
    assert again == {"a": value, "z": 0.25}
    assert type(again["a"]) is type(value)
    kinds = [type(leaf) for leaf in jax.tree.leaves(again["a"])]
    assert not any(issubclass(kind, np.generic | np.ndarray) for kind in kinds)


def test_lists_come_back_as_tuples_and_traced_ones_as_their_numbers():
    inside, fixed = split({"hidden": [8, [4, 2]], "warm": nn.traced([3, 4]), "lr": np.float32(0.5)})
    assert join(fixed, concrete(inside)) == {"hidden": (8, (4, 2)), "warm": (3, 4), "lr": 0.5}


def test_concrete_leaves_arrays_and_tracers():
    array = np.arange(2.0)
    assert concrete({"a": (array, np.float32(1.5), np.array(2.5))})["a"][0] is array
    assert concrete({"a": (np.array(2.5),)}) == {"a": (2.5,)}
    seen = []
    jax.make_jaxpr(lambda v: seen.append(concrete({"a": (v,)})["a"][0] is v))(0.5)
    assert seen == [True]


def test_tracers_pass():
    @jax.jit
    def double(lr, steps):
        inside, fixed = split({"lr": lr, "steps": nn.traced(steps), "both": (lr, 3)})
        back = join(fixed, inside)
        assert back["both"][1] == 3
        return back["lr"] + back["both"][0], back["steps"]

    assert [float(v) for v in double(0.5, 3)] == [1.0, 3.0]


def test_names_are_sorted_and_a_structure_says_whether_it_is_fixed():
    inside, fixed = split({"b": 1.0, "a": (2, 3), "c": (1, 0.5)})
    assert [s.name for s in fixed] == ["a", "b", "c"] and list(inside) == ["b", "c"]
    assert [s.is_fixed for s in fixed] == [True, False, False]
    assert repr(fixed[1].leaves) == "(*,)"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "the hyperparameter lr holds NaN; write a number, as in lr=1e-3"),
        ([0.1, np.nan], "the hyperparameter lr holds NaN"),
        (np.array([1.0, np.nan]), "the hyperparameter lr holds NaN"),
        (nn.traced("3"), "the hyperparameter lr is '3', no number; write lr=nn.traced"),
        (np.arange(3), "the hyperparameter lr is array.*cannot be structure.*lr=nn.traced"),
        (1e40, r"the hyperparameter lr holds 1e\+40, which float32 cannot hold; write a smaller number"),
        (np.array([1.0, -1e39]), r"holds -1e\+39, which float32 cannot hold"),
        (nn.traced([3, 2**31]), "holds 2147483648, which int32 cannot hold"),
        (nn.static([0.1, float("nan")]), "the hyperparameter lr holds NaN"),
        (nn.static(1j), "the hyperparameter lr is 1j, a complex; write a float, lr=0.1"),
        (1j, "the hyperparameter lr is 1j, a complex"),
        (iter([0.1]), "the hyperparameter lr is a list_iterator; write the list of its values"),
        ({1, 2}, "cannot be structure; write a number, a string, a tuple or a function"),
    ],
)
def test_what_cannot_be_a_hyperparameter_is_refused_by_name(value, message):
    with pytest.raises(ValueError, match=message):
        split({"batch": 3, "lr": value})


def test_the_largest_numbers_pass_and_nothing_warns():
    top = float(np.finfo(np.float32).max)
    assert split({"a": (top, -top, nn.traced(2**31 - 1), 0.0)})[0]["a"] == (top, -top, 2**31 - 1, 0)
    with jax.enable_x64(True):
        assert split({"a": (1e40, nn.traced(2**31))})[0]["a"] == (1e40, 2**31)


def test_marks_cannot_be_changed_and_a_static_value_is_plain():
    for mark in (nn.traced(3), nn.static(0.5)):
        with pytest.raises(AttributeError):
            mark.values = 4
    assert join(structure(nn.static([0.5, np.arange(2)])), {}) == {"a": (0.5, (0, 1))}
    assert not split({"a": nn.static(jnp.ones(2))})[0]


def test_infinity_is_a_number():
    assert float(split({"a": float("inf")})[0]["a"][0]) == np.inf


@pytest.mark.parametrize(
    ("value", "answer"),
    [(0.1, True), (3, False), (True, False), ("a", False), (None, False), (nn.traced(3), True), (np.ones(2), True),
     (np.arange(2), False), (jnp.ones(2), True), (np.float32(1), True), (np.int32(1), False), ([0.1], False)],
)  # fmt: skip
def test_is_traced(value, answer):
    assert is_traced(value) is answer or is_traced(value) == answer
