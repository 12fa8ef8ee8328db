"""Dates that are written as text, read where every value is written as ISO 8601 says."""

import datetime
import re
from typing import Any

import numpy as np

from jaxnn.data import frames
from jaxnn.data.frames import Column

FORM = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?")


def read(column: Column, wanted: bool = True) -> Column:
    """A text column as dates if each of its values is one, else as it is.

    Args:
        column: of any kind.
        wanted: False leaves it as it is.

    Example:
        >>> text = np.array(["1970-01-02", None, "1970-01-01 12:00"], dtype=object)
        >>> read(Column("text", text)).values.tolist()
        [1.0, nan, 0.5]
    """
    if column.kind != "text" or not wanted:
        return column
    present = [value for value in column.values if value is not None]
    if not present or not all(map(FORM.fullmatch, present)):
        return column
    try:
        read_once = {value: frames.days(datetime.datetime.fromisoformat(value)) for value in set(present)}
    except ValueError:  # such as the 31st of February
        return column
    return Column("date", np.array([np.nan if value is None else read_once[value] for value in column.values]))


def word(kind: str, value: Any) -> str:
    """A value of a column of some kind as the text of a category.

    Example:
        >>> word("number", 8001.0), word("truth", 1.0), word("date", 1.0)
        ('8001', 'True', '1970-01-02')
    """
    if kind == "truth":
        return str(bool(value))
    if kind == "date":
        return str(np.datetime64(0, "s") + np.timedelta64(round(value * 86_400), "s")).replace("T00:00:00", "")
    return frames.word(value)
