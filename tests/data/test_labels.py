"""Class names of any kind: numbers in, names out."""

import datetime
import enum

import jax.numpy as jnp
import numpy as np
import pandas
import polars
import pytest
from sklearn.preprocessing import LabelEncoder

from jaxnn.data.labels import given_back, read


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


TEXT = ["dog", "cat", "dog", "ant"]


@pytest.mark.parametrize(
    "y",
    [
        TEXT, tuple(TEXT), np.array(TEXT), np.array(TEXT, object), pandas.Series(TEXT, index=[7, 7, 1, 0]),
        pandas.Series(TEXT, dtype="string"), pandas.DataFrame({"y": TEXT}), polars.Series(TEXT), pandas.Index(TEXT),
        polars.DataFrame({"y": TEXT}), polars.Series(TEXT, dtype=polars.Categorical),
        np.array(TEXT, np.dtypes.StringDType()),
    ],
)  # fmt: skip
def test_text_is_coded_as_scikit_learn_does(y):
    encoder = LabelEncoder().fit(TEXT)
    found = read(y)
    assert found.classes == tuple(encoder.classes_)
    assert found.y.dtype == np.int32
    np.testing.assert_array_equal(found.y, encoder.transform(TEXT))
    back = given_back(found.classes, found.y)
    assert back.dtype.kind == "U" and back.tolist() == TEXT


def test_a_categorical_keeps_its_order_and_what_is_there():
    y = pandas.Categorical(["low", "high", "low"], categories=["low", "mid", "high"])
    for form in (y, pandas.Series(y), pandas.DataFrame({"y": y})):
        assert read(form).classes == ("low", "high")
    found = read(pandas.Categorical([5, 2, 5]))
    assert found.classes == (2, 5) and given_back(found.classes, found.y).tolist() == [5, 2, 5]


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        ([Colour.RED, Colour.BLUE], (Colour.RED, Colour.BLUE)),
        (["b", 1, "b"], ("b", 1)),
        (
            [datetime.date(2024, 1, 2), datetime.date(2023, 1, 2)],
            (datetime.date(2023, 1, 2), datetime.date(2024, 1, 2)),
        ),
    ],
)
def test_anything_that_can_be_looked_up_is_a_class_name(y, classes):
    found = read(np.array([*y, None], object)[:-1])
    assert found.classes == classes
    assert given_back(found.classes, found.y).tolist() == y


def test_truth_values_are_names_where_the_task_is_classes():
    for task in ("classes", "binary", "sign"):
        found = read([True, False, True], task=task)
        assert found.classes == (False, True) and found.y.tolist() == [1, 0, 1]
        assert given_back(found.classes, np.array([1, 0])).tolist() == [True, False]
    assert read(pandas.Series([True, False], dtype="boolean"), task="binary").classes == (False, True)
    for task in (None, "values"):
        assert read([True, False], task=task).classes is None
    assert read(np.ones((2, 3), bool), task="binary").classes is None  # several labels a row


@pytest.mark.parametrize(
    "y", [[0, 1, 2], np.array([0.5, 1]), pandas.Series([3, 4], dtype="Int64"), polars.Series([1, 2])]
)
def test_numbers_stay_numbers(y):
    found = read(y, task="classes")
    assert found.classes is None and np.array_equal(found.y, np.array(y, float))
    assert found.y.dtype.kind == ("f" if isinstance(y, np.ndarray) else "i")
    assert read(pandas.DataFrame({"a": [1, 2], "b": [3, 4]})).y.shape == (2, 2)
    assert read(pandas.DataFrame({"a": [1, 2]})).y.shape == (2, 1)


def test_known_classes_are_looked_up():
    known = read(TEXT).classes
    assert read(["dog", "ant"], known=known).y.tolist() == [2, 0]
    assert read([True], known=(False, True)).y.tolist() == [1]
    assert read([5, 2], known=(2, 5)).y.tolist() == [1, 0] == read(jnp.array([5, 2]), known=(2, 5)).y.tolist()
    with pytest.raises(ValueError, match="holds 'cow' in row 2, which is none of the classes ant, cat, dog"):
        read(["dog", "cow"], "the validation data", known=known)


def test_names_of_a_data_set_whose_targets_are_numbers():
    known = ("orange", "blue")  # in their own order
    assert read([0, 1], known=known, named=False).classes is None
    found = read(["blue", "orange"], known=known, named=False)
    assert found.y.tolist() == [1, 0] and found.classes == known


def test_names_in_more_than_one_dimension():
    found = read([["N", "V"], ["V", "V"]])
    assert found.y.tolist() == [[0, 1], [1, 1]] and found.classes == ("N", "V")
    assert given_back(found.classes, found.y).tolist() == [["N", "V"], ["V", "V"]]


@pytest.mark.parametrize(
    ("y", "task", "words"),
    [
        (["a", None, "b"], None, "no value in 1 rows, the first of them row 2"),
        (pandas.Series(["a", None]), None, "no value in 1 rows"),
        (pandas.Series([1, None], dtype="Int64"), None, "no value in 1 rows"),
        (polars.Series([1, None]), None, "no value in 1 rows"),
        (np.ma.masked_array([1, 2], mask=[0, 1]), None, "no value in 1 rows, the first of them row 2"),
        (["a", "a"], None, r"one class only \('a'\)"),
        (["a", "b"], "values", "holds 'a' and the loss takes numbers"),
        (["a", "b", "c"], "binary", r"holds 3 classes \(a, b, c\) and this loss takes two"),
        (["a", "b", "c"], "sign", "3 classes"),
        (np.array(["2024-01-01"], "datetime64[D]"), None, "holds dates"),
        (pandas.Series(pandas.to_datetime(["2024-01-01"])), None, "holds dates"),
        ([[1], [2, 3]], None, "different lengths"),
    ],
)
def test_targets_that_cannot_be_used(y, task, words):
    with pytest.raises(ValueError, match=words):
        read(y, task=task)
