"""Tables of pandas and polars, recognised without importing either, column by column as numbers, dates and text."""

import datetime
import numbers
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

KINDS = ("number", "truth", "date", "text")
DAY = 86_400_000_000
"""In microseconds."""


class Column(NamedTuple):
    """One column of a table.

    Args:
        kind: ``"number"``, ``"truth"``, ``"date"`` or ``"text"``.
        values: ``(rows,)``: float64 with NaN where a value is missing, dates in days since 1970-01-01 UTC; of a text
            objects, `str` or None.

    Example:
        >>> column(np.array(["2024-01-02", "NaT"], "datetime64[D]"), "day")
        Column(kind='date', values=array([19724.,    nan]))
    """

    kind: str
    values: np.ndarray

    @property
    def missing(self) -> np.ndarray:
        """Which values are missing, ``(rows,)`` bool."""
        if self.kind == "text":
            return np.array([value is None for value in self.values], bool)
        return np.isnan(self.values)


def is_frame(value: Any) -> bool:
    """Whether this is a DataFrame of pandas or polars.

    Example:
        >>> is_frame(np.ones((2, 2)))
        False
    """
    return _of_a_table(value, "DataFrame")


def is_series(value: Any) -> bool:
    """Whether this is one column of such a table: a Series, a Categorical or an Index."""
    return _of_a_table(value, "Series", "Categorical", "Index", "ExtensionArray")


def _of_a_table(value: Any, *names: str) -> bool:
    return any(c.__name__ in names and c.__module__.split(".")[0] in ("pandas", "polars") for c in type(value).__mro__)


def names(frame: Any, what: str = "the data") -> tuple[str, ...]:
    """The names of the columns, as text.

    Raises:
        ValueError: if two are the same.
    """
    found = [str(name) for name in frame.columns]
    twice = next((name for name in found if found.count(name) > 1), None) if len({*found}) < len(found) else None
    if twice is not None:
        raise ValueError(f"x of {what} names a column {twice!r} twice; rename one")
    return tuple(found)


def series(frame: Any, name: str) -> Any:
    """One column of a table as it stands there."""
    place = names(frame).index(name)
    return frame.iloc[:, place] if hasattr(frame, "iloc") else frame.to_series(place)


def take(frame: Any, rows: Any) -> Any:
    """Some of the rows of a table, or of an array, by number."""
    if hasattr(frame, "iloc"):
        return frame.iloc[np.asarray(rows)]
    return (frame.tocsr() if hasattr(frame, "tocsr") else frame)[np.asarray(rows)]


def select(frame: Any, wanted: tuple[str, ...], what: str = "the data") -> Any:
    """The columns of these names, in this order; others are left out.

    Raises:
        ValueError: for a column that is not there, with those that are.
    """
    there = names(frame, what)
    lacking = [name for name in wanted if name not in there]
    if lacking:
        raise ValueError(
            f"{what} lack{'' if what.endswith('rows') else 's'} {len(lacking)} of the {len(wanted)} columns that the "
            f"model was trained on ({listed(lacking, 5)}); the columns are {listed(there)}"
        )
    places = [there.index(name) for name in wanted]
    return frame.iloc[:, places] if hasattr(frame, "iloc") else frame[:, places]


def columns(table: Any, what: str = "the data") -> dict[str, Column]:
    """The columns of a table by name; those of a two-dimensional array are called ``x0``, ``x1`` and so on.

    Raises:
        ValueError: for a column of lists or other things that are no values, or anything that is no table.
    """
    if is_frame(table):
        return {name: column(series(table, name), name, what) for name in names(table, what)}
    if isinstance(table, (list, tuple)):
        table = np.array(table, dtype=object)
    if getattr(table, "ndim", 0) != 2:
        raise ValueError(f"x of {what} is no table; write a DataFrame, or an array of shape (rows, columns)")
    return {f"x{i}": column(table[:, i], f"x{i}", what) for i in range(table.shape[1])}


def column(values: Any, name: str, what: str = "the data") -> Column:
    """One column, a Series or an array; categories are text whatever they are, masked values are missing."""
    where = f"column {name!r} of {what}"
    dtype = getattr(values, "dtype", None)
    if str(dtype).lower().startswith(("category", "categorical", "enum")):
        return _text(*_objects(values))
    if hasattr(values, "isna"):
        kind = getattr(dtype, "kind", "O")
        if kind in "iufb":
            return Column("truth" if kind == "b" else "number", values.to_numpy(dtype=np.float64, na_value=np.nan))
        stamps = kind == "M" and not str(dtype).startswith("date32")  # a day of Arrow is an object of Python
        return _typed(*((values.to_numpy("datetime64[us]"), None) if stamps else _objects(values)), where)
    if hasattr(values, "is_null"):
        objects = str(dtype).startswith(("String", "Decimal", "Object", "Boolean", "List", "Struct", "Array"))
        return _typed(*(_objects(values) if objects else (values.to_numpy(), None)), where)
    mask = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else None
    return _typed(np.ma.getdata(values), mask, where)


def _objects(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """The values as Python's objects, and which of them are missing."""
    found = np.empty(len(values), dtype=object)
    found[:] = list(values)
    return found, np.array([is_missing(value) for value in found], bool)


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, or the words of pandas for it."""
    return (
        value is None or type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)
    )


def _typed(array: np.ndarray, missing: np.ndarray | None, where: str) -> Column:
    kind = array.dtype.kind
    if kind in "biuf":
        values = array.astype(np.float64)
        return Column(
            "truth" if kind == "b" else "number", values if missing is None else np.where(missing, np.nan, values)
        )
    if kind in "mM":
        ticks = array.astype(f"{array.dtype.str[1]}8[us]").astype(np.int64)
        empty = np.isnat(array) if missing is None else np.isnat(array) | missing
        return Column("date" if kind == "M" else "number", np.where(empty, np.nan, ticks / DAY))
    if kind == "c":
        raise ValueError(f"{where} is complex; write its real and imaginary parts as two columns")
    objects, empty = _objects(array)
    return _of_objects(objects, empty if missing is None else empty | missing, where)


def _of_objects(values: np.ndarray, missing: np.ndarray, where: str) -> Column:
    present = values[~missing]
    if not len(present):
        return Column("number", np.full(len(values), np.nan))
    for kind, classes, number in (
        ("truth", (bool, np.bool_), float),
        ("number", (numbers.Real, np.number, Decimal, np.bool_), float),
        ("date", (datetime.date, np.datetime64), days),
        ("number", (datetime.timedelta, np.timedelta64), lambda v: np.timedelta64(v, "us").astype(int) / DAY),
    ):
        if all(isinstance(value, classes) for value in present):
            found = np.full(len(values), np.nan)
            found[~missing] = [number(value) for value in present]
            return Column(kind, found)
    odd = next((value for value in present if isinstance(value, (list, dict, tuple, set, np.ndarray))), None)
    if odd is not None or any(hasattr(value, "to_list") for value in present[:1]):
        raise ValueError(f"{where} holds {type(present[0] if odd is None else odd).__name__} values; "
                         "write a column for each of their parts, or leave the column out")  # fmt: skip
    return _text(values, missing)


def _text(values: np.ndarray, missing: np.ndarray) -> Column:
    found = np.empty(len(values), dtype=object)
    found[:] = [None if gone else word(value) for value, gone in zip(values, missing, strict=True)]
    return Column("text", found)


def word(value: Any) -> str:
    """A value as the text that stands for it; a whole number reads the same whether it was stored as a float or not.

    Example:
        >>> word(3.0), word(3), word("3")
        ('3', '3', '3')
    """
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def days(value: Any) -> float:
    """A date or a time in days since 1970-01-01 UTC.

    Example:
        >>> days(datetime.date(1970, 1, 2)), days(datetime.datetime(1970, 1, 1, 12))
        (1.0, 0.5)
    """
    if isinstance(value, np.datetime64):
        return float(value.astype("datetime64[us]").astype(np.int64) / DAY)
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=datetime.UTC)
        return (aware - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(days=1)
    return float(value.toordinal() - datetime.date(1970, 1, 1).toordinal())


def is_plain(table: dict[str, Column]) -> bool:
    """Whether all columns are whole columns of numbers or truth values, which a model takes as they are."""
    return all(c.kind in ("number", "truth") and not np.isnan(c.values).any() for c in table.values())


def matrix(frame: Any, what: str = "the data") -> np.ndarray:
    """The columns as ``(rows, columns)``: whole numbers if all columns are, else float64.

    Raises:
        ValueError: for text, dates and missing values, with the column and the row.
    """
    found = columns(frame, what)
    for name, (kind, values) in found.items():
        bad = np.flatnonzero(np.array([v is None for v in values]) if kind == "text" else np.isnan(values))
        if kind in ("text", "date") or len(bad):
            holds = {"text": "text", "date": "dates"}.get(kind) or f"no value in row {bad[0] + 1}"
            raise ValueError(
                f"column {name!r} of {what} holds {holds}; write prepare=nn.data.Preparation() where the model "
                "is trained"
            )
    if not found:
        raise ValueError(f"x of {what} has no columns; write at least one")
    whole = all(str(dtype).lower().startswith(("int", "uint")) for dtype in frame.dtypes)
    return np.stack([c.values for c in found.values()], 1).astype(np.int64 if whole else np.float64)


def listed(found: Any, most: int = 12) -> str:
    """The first of some names, and how many more there are.

    Example:
        >>> listed(["a", "b"])
        'a, b'
    """
    found = [str(name) for name in found]
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
