"""Rows out of the bytes of a request."""

import json

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jaxnn.serve.reading import Refused, Rows, count_of, joined

PAIR = (jax.ShapeDtypeStruct((1, 2), np.float32), jax.ShapeDtypeStruct((1,), np.int32))


def body(instances):
    return json.dumps({"instances": instances}).encode()


@given(arrays.arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-1e3, 1e3, width=32)))
def test_what_is_sent_arrives(x):
    read = Rows(jax.ShapeDtypeStruct((1, 3), np.float32)).read(body(x.tolist()))
    assert read.dtype == np.float32 and (read == x).all()


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(sent):
    rows = Rows(jax.ShapeDtypeStruct((1, 3), np.float32))
    with pytest.raises(Refused):
        rows.read(sent)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(
    VALUES, st.sampled_from([None, PAIR, {"a": PAIR[0]}, PAIR[0]]), st.sampled_from([None, ("a", "b")]), st.booleans()
)
def test_any_value_is_read_or_refused(value, row, features, prepared):
    try:
        found = Rows(row, features, prepared).read(body(value))
    except Refused as error:
        assert "; send " in str(error)
    else:
        assert 1 <= count_of(found) <= 3


def test_several_inputs_by_place():
    x, n = Rows(PAIR).read(body([[[1, 2], [3, 4]], [5, 6]]))
    assert x.tolist() == [[1, 2], [3, 4]] and n.tolist() == [5, 6] and n.dtype == np.int32


@pytest.mark.parametrize(
    ("instances", "message"),
    [
        ([[[1, 2]], [1.5]], r"instances\[1\] are whole numbers"),
        ([[[1, 2]], [2**40]], r"instances\[1\] are whole numbers"),
        ([[[1, 2]]], "no list of the 2 inputs"),
        ([[[1, 2]], [1, 2]], "different numbers of rows"),
        ([[[1, 2, 3]], [1]], r"instances\[0\] have the shape \(rows, 2\), got \(1, 3\)"),
    ],
)
def test_what_does_not_fit_is_named_by_its_place(instances, message):
    with pytest.raises(Refused, match=message):
        Rows(PAIR).read(body(instances))


def test_the_example_of_a_request_is_one():
    for rows in (Rows(PAIR), Rows({"a": PAIR[0]}), Rows(None), Rows(PAIR[0], ("u", "v"))):
        assert count_of(rows.read(json.dumps(rows.example).encode())) == 1


def test_too_many_rows_are_another_status():
    with pytest.raises(Refused, match="1 to 2 rows, got 3") as refused:
        Rows(PAIR[0], most=2).read(body([[1, 2]] * 3))
    assert refused.value.status == 413


def test_requests_are_joined_in_order():
    assert joined([[{"a": 1}], [{"a": 2}, {"a": 3}]]) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert joined([np.ones((1, 2)), np.zeros((2, 2))]).tolist() == [[1, 1], [0, 0], [0, 0]]
