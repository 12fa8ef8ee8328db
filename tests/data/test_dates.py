"""Dates written as text, against pandas."""

import numpy as np
import pandas
import pytest

from jaxnn.data import dates
from jaxnn.data.frames import Column


def text(*values):
    found = np.empty(len(values), object)
    found[:] = values
    return Column("text", found)


@pytest.mark.parametrize(
    "values",
    [
        ("2024-02-29", "1969-07-20"),
        ("2024-02-29 23:59", "2024-02-29T23:59:30.25", None),
        ("2024-02-29T12:00:00Z", "2024-02-29T12:00:00+05:30", "2024-02-29 12:00-0800"),
    ],
)
def test_iso_dates_are_those_of_pandas(values):
    found = dates.read(text(*values))
    stamps = [pandas.NaT if v is None else pandas.Timestamp(v) for v in values]
    stamps = [s if s is pandas.NaT or s.tzinfo else s.tz_localize("UTC") for s in stamps]
    expected = [(s - pandas.Timestamp(0, tz="UTC")) / pandas.Timedelta(days=1) for s in stamps]
    assert found.kind == "date"
    np.testing.assert_allclose(found.values, expected, rtol=1e-14)


@pytest.mark.parametrize(
    "odd", ["soon", "2024", "20240229", "03/04/2024", "2023-02-29", "2024-13-01", "2024-02-29 25:00"]
)
def test_one_odd_value_leaves_the_column_as_text(odd):
    column = text("2024-02-29", odd)
    assert dates.read(column) is column


def test_other_columns_stay_as_they_are():
    numbers = Column("number", np.ones(2))
    empty = text(None, None)
    assert dates.read(numbers) is numbers and dates.read(empty) is empty
    assert dates.read(text("2024-02-29"), wanted=False).kind == "text"


def test_words_of_categories():
    assert (
        dates.word("date", 19782.75) == "2024-02-29T18:00:00" == str(pandas.Timestamp("2024-02-29 18:00").isoformat())
    )
    assert dates.word("truth", 0.0) == "False" and dates.word("text", "a") == "a" and dates.word("number", 0.5) == "0.5"
