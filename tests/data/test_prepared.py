"""One column: what is learned of it, and what it becomes."""

import numpy as np
import pytest

from jaxnn.data.frames import Column, column
from jaxnn.data.preparation import Preparation
from jaxnn.data.prepared import Prepared, apply, from_plain, learn, useless


def text(values):
    return column(np.array([*values, None], object)[:-1], "a")


@pytest.mark.parametrize(
    ("values", "most", "words"),
    [
        ([None, None], 9, "all its values are missing"),
        ([f"v{i}" for i in range(20)], 9, None),
        ([f"v{i}" for i in range(21)], 9, "21 different texts in 21 rows; dates are read"),
        ([f"v{i % 40}" for i in range(80)], 100, None),
        ([f"v{i % 41}" for i in range(80)], 100, "41 different texts in 80 rows"),
        ([f"v{i % 101}" for i in range(1000)], 100, "101 different texts"),
        ([str(i) for i in range(30)], 9, "30 rows, all of them numbers"),
        ([*map(str, range(30)), "n/a"], 9, "all but 1 are numbers; leave 'n/a' empty"),
    ],
)
def test_when_there_is_nothing_to_learn(values, most, words):
    found = useless(text(values), most)
    assert found is None if words is None else words in found


def test_a_constant_becomes_zero_and_its_scale_is_one():
    learned = learn("a", Column("number", np.array([3.0, 3.0, np.nan])), "the data", Preparation())
    assert learned == Prepared("a", "number", 3.0, 3.0, 1.0, True)
    assert apply(learned, Column("number", np.array([3.0, np.nan, 5.0])), "x").tolist() == [[0, 0], [0, 1], [2, 0]]


def test_gaps_in_a_column_that_had_none_are_filled_without_a_mark():
    learned = learn("a", Column("number", np.array([1.0, 2.0, 9.0])), "the data", Preparation(scale=False))
    assert learned.names == ("a",)
    assert apply(learned, Column("number", np.array([np.nan])), "x").tolist() == [[2.0]]
    letters = learn("a", text("ab"), "the data", Preparation())
    assert apply(letters, text([None, "b"]), "x").tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_truth_values_may_come_as_numbers():
    learned = learn("a", column(np.array([True, False]), "a"), "the data", Preparation(scale=False))
    assert apply(learned, column(np.array([1, 0]), "a"), "x").tolist() == [[1.0], [0.0]]
    with pytest.raises(ValueError, match="held truths in training and holds text"):
        apply(learned, text(["yes"]), "x")


def test_plain_data_are_checked():
    learned = Prepared("a", "text", categories=("x", None))
    assert from_plain(learned._asdict() | {"categories": ["x", None]}) == learned
    with pytest.raises(ValueError, match="no column of a Preparation"):
        from_plain(learned._asdict() | {"scale": float("inf")})


def test_what_nothing_was_learned_of_is_left_as_it_is():
    values = np.array([2.0, np.nan, -1.0])
    assert apply(Prepared("a", "number"), Column("number", values), "x").tolist() == [[2.0], [0.0], [-1.0]]
    assert Prepared("a", "number").names == ("a",) and Prepared("a", "nothing").names == ()
