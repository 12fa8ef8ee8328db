"""Hyperparameters as JSON: what goes in comes out, and what is no hyperparameter is one clear error."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.core.names import ACTIVATIONS, INITIALIZERS
from jaxnn.io.values import decode, encode, unread

NUMBERS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text())
FUNCTIONS = st.sampled_from([*ACTIVATIONS.values(), *INITIALIZERS.values()])
TRACED = st.one_of(st.integers(-9, 9), st.lists(st.integers(-9, 9), max_size=3).map(tuple)).map(nn.traced)
STOPS = st.builds(nn.EarlyStopping, st.sampled_from(["loss", "val_loss"]), st.one_of(st.none(), st.integers(0, 9)))
VALUES = st.recursive(
    st.one_of(NUMBERS, FUNCTIONS, TRACED, STOPS),
    lambda inner: st.one_of(st.lists(inner, max_size=3).map(tuple), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=8,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["float", "tuple", "traced", "dict", "spec", "function", "array", "words", "dtype", "shape"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(VALUES)
def test_values_come_back_equal_and_of_the_same_types(value):
    written = json.loads(json.dumps(encode(value), allow_nan=False))
    back = decode(written)
    assert back == value and repr(back) == repr(value)
    assert encode(back) == written and unread(written) is None


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool", "bfloat16", "uint8"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
def test_arrays_come_back(dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(jnp.dtype(dtype))
    back = decode(json.loads(json.dumps(encode(array))))
    assert back.dtype == array.dtype and back.shape == array.shape
    np.testing.assert_array_equal(back, array)


def test_infinite_numbers_come_back_whatever_they_are_held_in():
    for value in (np.inf, -np.inf, np.float64(np.inf), np.float32(-np.inf)):
        written = json.loads(json.dumps(encode(value), allow_nan=False))
        assert decode(written) == value and isinstance(decode(written), float)
    array = np.array([1.0, np.inf, -np.inf])
    np.testing.assert_array_equal(decode(json.loads(json.dumps(encode(array), allow_nan=False))), array)
    assert encode(np.float32(0.1)) == float(np.float32(0.1)) and encode(np.int64(3)) == 3


def test_one_is_not_one_point_nought_and_a_list_is_a_tuple():
    assert [type(decode(encode(v))) for v in (1, 1.0, True, np.True_)] == [int, float, bool, bool]
    assert decode(encode([1, [2.0, "a"]])) == (1, (2.0, "a"))


@settings(deadline=None, max_examples=300)
@given(JSON)
def test_what_is_no_hyperparameter_is_one_clear_error(value):
    try:
        decode(value)
    except ValueError as error:
        assert str(error)


def test_a_value_that_is_too_deep_is_refused():
    value: dict = {"tuple": [1]}
    for _ in range(5000):
        value = {"tuple": [value]}
    with pytest.raises(ValueError, match="too deep"):
        decode(value)


def make(factor):
    def scaled(x):
        return factor * x

    return scaled


class Scale:
    def __init__(self, by):
        self.by = by


def test_functions_of_ones_own_are_compared_by_what_they_do():
    assert encode(make(2)) == encode(make(2)) != encode(make(3))
    assert encode((0.1, make(2))) != encode((0.1, make(3)))
    assert decode(encode(make(2))) == "make.<locals>.scaled" == unread(encode((0.1, {"f": make(2)})))


def test_objects_are_compared_by_what_they_hold_and_not_by_their_address():
    assert encode(Scale(2)) == encode(Scale(2)) != encode(Scale(3))
    assert " at 0x" not in json.dumps(encode(Scale(2)))
    assert unread({"dict": {"digest": 3, "words": "none"}}) is None


def test_a_function_of_ones_own_is_not_taken_for_one_of_the_library():
    def relu(x):
        return x + 1

    relu.__qualname__ = "relu"
    assert encode(jax.nn.relu) == {"function": "relu"} != encode(relu)
    assert decode(encode(jax.nn.relu)) is jax.nn.relu and decode(encode(relu)) == "relu"


def test_digests_are_the_same_in_every_process():
    code = """
from jaxnn.io.values import encode
def make(factor):
    def scaled(x):
        return factor * x
    return scaled
print(encode((make(2), make(3)))["tuple"])
"""
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1] and "digest" in runs[0]
