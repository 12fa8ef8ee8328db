"""Tables in CSV and Parquet files: columns in, a target column out, and every fault in one sentence."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.data import frames
from jaxnn.data.frames import listed

SUFFIXES = (".csv", ".csv.gz", ".parquet")
MOST_CLASSES = 20
"""A target of whole numbers with at most so many values is read as classes, with more as a regression."""


def is_table(path: str) -> bool:
    """Whether a file name ends like a table's."""
    return path.lower().endswith(SUFFIXES)


def read(path: str) -> Any:
    """Read a CSV or Parquet file as a ``pandas.DataFrame`` with text column names and at least one row.

    A first column without a name is an index that pandas wrote beside the data, and is left out.

    Raises:
        ValueError: if there is no such file, or it is empty or no table.
        ImportError: without pandas.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("reading tables needs pandas; write pip install 'jaxnn-grid[data]'") from None
    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}; give the path of a {' or '.join(SUFFIXES[::2])} file")
    try:
        if path.lower().endswith(".parquet"):
            frame = pandas.read_parquet(path)
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error", pandas.errors.ParserWarning)
                frame = pandas.read_csv(path, index_col=False, low_memory=False)
    except ImportError:
        raise ImportError("reading Parquet needs pyarrow; write pip install 'jaxnn-grid[data]'") from None
    except pandas.errors.EmptyDataError:
        raise ValueError(f"{path} is empty; its first line must name the columns") from None
    except Exception as error:
        raise ValueError(f"{path} cannot be read as a table ({_first_line(error)}); write it with pandas") from None
    if not len(frame):
        raise ValueError(f"{path} has column names but no rows; add rows of data")
    frame = frame.rename(columns=str)
    if frame.shape[1] > 1 and frame.columns[0] in ("Unnamed: 0", "__index_level_0__"):
        frame = frame.iloc[:, 1:]
    if not frame.columns.is_unique:
        raise ValueError(f"{path} names a column {frame.columns[frame.columns.duplicated()][0]!r} twice; rename one")
    return frame


def pick(frame: Any, column: str, path: str) -> Any:
    """One column of a frame.

    Raises:
        ValueError: if there is none of that name, with the names there are.
    """
    if column not in frame.columns:
        raise ValueError(f"{path} has no column {column!r}; its columns are {listed(frame.columns)}")
    return frame[column]


def features(frame: Any, path: str, target: str, left_out: Any = ()) -> Any:
    """All columns but the target and those that are left out: a float64 matrix, or a frame where they hold more.

    Raises:
        ValueError: for a column that is not there, or no column that is left.
    """
    for name in left_out:
        pick(frame, name, path)
        if name == target:
            raise ValueError(f"{name!r} is the target of {path} and cannot be left out; write another column")
    rest = frame.drop(columns=[target, *left_out])
    if not rest.shape[1]:
        raise ValueError(f"{path} has no column besides the target {target!r}; add columns to predict it from")
    return numbers(rest, path) if frames.is_plain(frames.columns(rest, path)) else rest.reset_index(drop=True)


def numbers(frame: Any, path: str) -> np.ndarray:
    """The columns of a frame as one float64 matrix of finite numbers.

    Args:
        frame: a ``pandas.DataFrame`` of numbers and truth values.
        path: the name of the file, for the errors.

    Returns:
        ``(rows, columns)`` float64.

    Raises:
        ValueError: for text, a missing value, or a number that float32 cannot hold, with its column and row.
    """
    from pandas.api import types

    for name in frame.columns:
        column = frame[name]
        missing(column, path)
        if not (types.is_numeric_dtype(column) or types.is_bool_dtype(column)):
            row = next((i for i, value in enumerate(column) if not _is_number(value)), 0)
            raise ValueError(
                f"column {name!r} of {path} holds text ({str(column.iloc[row])!r} in row {row + 1}); turn it into "
                f"numbers first, as in pandas.get_dummies(frame, columns=[{name!r}])"
            )
    values = frame.to_numpy(dtype=np.float64)
    bad = np.argwhere(~(np.abs(values) <= np.finfo(np.float32).max))
    if len(bad):
        row, i = bad[0]
        raise ValueError(
            f"column {frame.columns[i]!r} of {path} holds {values[row, i]} in row {row + 1}, which is no finite "
            "float32; remove the row or rescale the column"
        )
    return values


def missing(column: Any, path: str) -> None:
    """Raise if a column has a missing value."""
    holes = np.flatnonzero(column.isna().to_numpy())
    if len(holes):
        raise ValueError(
            f"column {column.name!r} of {path} has {len(holes)} missing value{'s' * (len(holes) > 1)}, the first in "
            f"row {holes[0] + 1}; drop such rows, as in pandas.read_csv(path).dropna(), or fill them"
        )


def targets(column: Any, path: str, task: str | None = None) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """The target column as class codes and class names, or as numbers and None.

    Args:
        column: a ``pandas.Series``; text and truth values are classes, and so are whole numbers of few values.
        path: the name of the file, for the errors.
        task: "classification" or "regression" where the column does not tell.

    Returns:
        ``y (rows,)`` int32 and the class names in sorted order, or ``y`` float64 and None.

    Raises:
        ValueError: for a missing value, one class only, or text in a regression.
    """
    from pandas.api import types

    missing(column, path)
    whole = types.is_integer_dtype(column)
    if task is None:
        number = types.is_numeric_dtype(column) and not types.is_bool_dtype(column)
        task = "regression" if number and not (whole and column.nunique() <= MOST_CLASSES) else "classification"
    if task == "regression":
        values = numbers(column.to_frame(), path)[:, 0]
        if values.min() == values.max():
            raise ValueError(f"the target {column.name!r} of {path} is {values[0]} in each row: nothing to learn")
        return values, None
    raw = column.to_numpy() if whole else column.astype(str).to_numpy(dtype=object)
    values, codes = np.unique(raw, return_inverse=True)
    if len(values) < 2:
        raise ValueError(
            f"the target {column.name!r} of {path} holds one class only ({values[0]}); rows of at least two are needed"
        )
    return codes.astype(np.int32), tuple(str(value) for value in values)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
