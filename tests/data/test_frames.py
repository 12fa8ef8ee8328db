"""Columns of tables, whatever holds them."""

import datetime
from decimal import Decimal

import numpy as np
import pandas
import polars
import pytest

from jaxnn.data import frames

EPOCH = pandas.Timestamp(0)


def days(series):
    return ((series - EPOCH) / pandas.Timedelta(days=1)).to_numpy()


@pytest.mark.parametrize("library", [pandas, polars])
def test_frames_and_series_are_recognised(library):
    frame = library.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert frames.is_frame(frame) and frames.is_series(frame["a"])
    assert not frames.is_frame(frame["a"]) and not frames.is_series(frame)
    assert frames.names(frame) == ("a", "b")
    assert list(frames.take(frame, np.array([1]))["a"]) == [2]
    assert frames.names(frames.select(frame, ("b", "a"))) == ("b", "a")
    with pytest.raises(ValueError, match=r"lacks 1 of the 1 columns .*\(c\); the columns are a, b"):
        frames.select(frame, ("c",))


@pytest.mark.parametrize("value", [np.ones((2, 2)), [[1]], {"a": [1]}, None, "DataFrame", pandas.DataFrame])
def test_other_things_are_no_frames(value):
    assert not frames.is_frame(value)


DATE = pandas.Series(pandas.to_datetime(["2024-02-29 00:00", None, "1969-12-31 12:00"]))


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (np.array([1, 2], np.uint8), "number", [1, 2]),
        (np.array([1.5, np.nan], np.float32), "number", [1.5, np.nan]),
        (np.array([True, False]), "truth", [1, 0]),
        (np.array(["2024-01-02", "NaT"], "datetime64[D]"), "date", [19724, np.nan]),
        (np.array([36, 12], "timedelta64[h]"), "number", [1.5, 0.5]),
        (np.array(["a", "b"]), "text", ["a", "b"]),
        (np.array([1, None, Decimal("2.5")], object), "number", [1, np.nan, 2.5]),
        (np.array([True, None, float("nan")], object), "truth", [1, np.nan, np.nan]),
        (np.array([datetime.date(1970, 1, 3), None], object), "date", [2, np.nan]),
        (np.array([datetime.timedelta(days=2), None], object), "number", [2, np.nan]),
        (np.array(["a", 3, 3.0, None], object), "text", ["a", "3", "3", None]),
        (np.array([None, None], object), "number", [np.nan, np.nan]),
        (np.ma.masked_array([1, 2], mask=[False, True]), "number", [1, np.nan]),
        (pandas.Series([1, None], dtype="Int64"), "number", [1, np.nan]),
        (pandas.Series([1.5, None], dtype="Float32"), "number", [1.5, np.nan]),
        (pandas.Series([True, None], dtype="boolean"), "truth", [1, np.nan]),
        (pandas.Series([True, None], dtype=object), "truth", [1, np.nan]),
        (pandas.Series(["a", None], dtype="string"), "text", ["a", None]),
        (pandas.Series(["a", None], dtype="category"), "text", ["a", None]),
        (pandas.Series([5, 6, None], dtype="category"), "text", ["5", "6", None]),
        (pandas.Series([1, None], dtype="int64[pyarrow]"), "number", [1, np.nan]),
        (pandas.Series([datetime.date(1970, 1, 3), None], dtype="date32[pyarrow]"), "date", [2, np.nan]),
        (pandas.Series([0.0, 1.5, 0.0], dtype="Sparse[float]"), "number", [0, 1.5, 0]),
        (DATE, "date", days(DATE)),
        (DATE.astype("timestamp[us][pyarrow]"), "date", days(DATE)),
        (DATE.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo"), "date", days(DATE)),
        (DATE.dt.tz_localize("Asia/Tokyo"), "date", days(DATE) - 9 / 24),
        (polars.Series([1, None]), "number", [1, np.nan]),
        (polars.Series([1.5, None, float("nan")]), "number", [1.5, np.nan, np.nan]),
        (polars.Series([True, None]), "truth", [1, np.nan]),
        (polars.Series(["a", None]), "text", ["a", None]),
        (polars.Series(["a", None], dtype=polars.Categorical), "text", ["a", None]),
        (polars.Series(["a", None], dtype=polars.Enum(["b", "a"])), "text", ["a", None]),
        (polars.Series([datetime.date(1970, 1, 3), None]), "date", [2, np.nan]),
        (polars.Series([datetime.datetime(1970, 1, 3, 12), None]), "date", [2.5, np.nan]),
        (polars.Series([Decimal("2.5"), None]), "number", [2.5, np.nan]),
        (polars.Series([datetime.timedelta(hours=12), None]), "number", [0.5, np.nan]),
        (polars.Series([None, None]), "number", [np.nan, np.nan]),
    ],
)
def test_a_column_of_any_dtype(values, kind, expected):
    found = frames.column(values, "a")
    assert found.kind == kind
    if kind == "text":
        assert found.values.tolist() == expected
        assert found.missing.tolist() == [value is None for value in expected]
    else:
        assert found.values.dtype == np.float64
        np.testing.assert_allclose(found.values, np.array(expected, float), rtol=1e-15)
        np.testing.assert_array_equal(found.missing, np.isnan(np.array(expected, float)))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[1], [2, 3]], object), "column 'a' of the data holds list values"),
        (pandas.Series([{"b": 1}]), "holds dict values"),
        (polars.Series([[1], [2]]), "holds Series values"),
        (np.array([1j]), "is complex"),
    ],
)
def test_what_is_no_value_is_told(values, words):
    with pytest.raises(ValueError, match=words):
        frames.column(values, "a")


def test_a_matrix_of_plain_numbers_keeps_whole_numbers():
    whole = pandas.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert frames.matrix(whole).dtype == np.int64 and frames.matrix(whole).tolist() == [[1, 3], [2, 4]]
    assert frames.matrix(whole.assign(a=[0.5, 1])).dtype == np.float64
    assert frames.matrix(polars.from_pandas(whole)).dtype == np.int64
    for change, words in (({"a": ["x", "y"]}, "'a' of the data holds text"), ({"b": [1, None]}, "no value in row 2"),
                          ({"b": pandas.NaT}, "'b' of the data holds dates")):  # fmt: skip
        with pytest.raises(ValueError, match=rf"{words}; write prepare=nn.data.Preparation\(\)"):
            frames.matrix(whole.assign(**change))


def test_names_that_stand_there_twice_and_tables_that_are_none():
    with pytest.raises(ValueError, match="names a column 'a' twice"):
        frames.names(pandas.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(ValueError, match="is no table"):
        frames.columns(np.ones(3))
    assert list(frames.columns([[1, "a"]])) == ["x0", "x1"]
    assert frames.listed("abc", 2) == "a, b and 1 more"
