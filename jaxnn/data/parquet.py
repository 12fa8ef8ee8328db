"""Parquet files as a stream: one row group after the other, read by pyarrow."""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from jaxnn.data.batches import epoch_orders
from jaxnn.data.origins import Opened, Origin


def is_parquet(value: Any) -> bool:
    """Whether this is a file, a folder or a ``pyarrow.dataset``.

    Example:
        >>> is_parquet("rows.parquet"), is_parquet([1.0])
        (True, False)
    """
    return isinstance(value, (str, os.PathLike)) or type(value).__module__.startswith("pyarrow.")


class Parquet(Origin):
    """The row groups of Parquet files.

    Args:
        files: a file, a folder, a ``pyarrow.dataset.Dataset`` or a ``pyarrow.parquet.ParquetFile``.
        seed: of the order of the row groups and of the rows in each; None keeps them in order.

    Raises:
        ValueError: for a path at which there is nothing.
    """

    def __init__(self, files: Any, seed: int | None):
        self.seed = seed
        self.groups = _groups(files)
        sizes = [rows for _, _, rows in self.groups]
        self.rows, self.batches = sum(sizes), len(sizes)

    def opened(self, turn: int, batch: int, state: Any) -> Opened:
        """From this very row group on."""
        return Opened(self._read(turn, batch), batch)

    def _read(self, turn: int, batch: int) -> Iterator:
        order = np.arange(len(self.groups))
        if self.seed is not None:
            order = epoch_orders(self.seed, turn, 1, len(order))[0]
        for number in order[batch:]:
            file, group, rows = self.groups[number]
            table = _open(file).read_row_group(group)
            if self.seed is not None:
                own = np.random.Philox(np.random.SeedSequence((self.seed, turn, int(number))))
                table = table.take(np.argsort(own.random_raw(rows)))
            yield columns(table)


def _groups(files: Any) -> list[tuple[Any, int, int]]:
    """The file of each row group, its number in it and its rows."""
    import pyarrow.dataset

    if isinstance(files, (str, os.PathLike)) and not os.path.exists(files):
        raise ValueError(f"there is no {os.fspath(files)!r}; write the path of a Parquet file or of a folder of them")
    files = os.fspath(files) if isinstance(files, os.PathLike) else files
    found = []
    try:
        single = hasattr(files, "read_row_group")
        dataset = files
        if not single and not hasattr(files, "files"):
            dataset = pyarrow.dataset.dataset(files, format="parquet", partitioning="hive")
        known = [files] if single else dataset.files
        for file in known:
            meta = _open(file).metadata
            found += [(file, k, meta.row_group(k).num_rows) for k in range(meta.num_row_groups)]
        if not single:
            _check_whole(dataset, known, sum(rows for _, _, rows in found))
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise ValueError(f"{_name(files)} cannot be read as Parquet files here: {error!s:.200}") from error
    if not sum(rows for _, _, rows in found):
        raise ValueError("the Parquet files hold no rows; write others")
    return [group for group in found if group[2]]


def _check_whole(dataset: Any, known: list[str], rows: int) -> None:
    """Raise for a dataset of which the files, as they lie, hold more rows or fewer columns than it has."""
    held = set(_open(known[0]).schema_arrow.names) if known else set()
    if dataset.count_rows() != rows or set(dataset.schema.names) - held:
        raise ValueError(
            "the dataset is filtered, or has columns that stand in the names of its folders, and row groups are read "
            "as they lie in the files; write a function that makes its batches, as in nn.stream(lambda: "
            "(batch.to_pandas() for batch in dataset.to_batches()), target=...)"
        )


def _name(files: Any) -> str:
    return files if isinstance(files, str) else f"this {type(files).__name__}"


def _open(file: Any) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(file) if isinstance(file, str) else file


def columns(table: Any) -> Any:
    """A table of pyarrow as one of pandas; where columns hold arrays, a dict of arrays by name."""
    if not any("list" in str(field.type) for field in table.schema):
        return table.to_pandas()
    names = [name for name in table.column_names if not name.startswith("__index_level_")]  # what pandas put beside
    return {name: _column(table.column(name)) for name in names}


def _column(column: Any) -> np.ndarray:
    array = column.combine_chunks()
    if "list" in str(array.type):
        rows = array.to_numpy(zero_copy_only=False)
        try:
            return np.stack([np.stack(row) if row.dtype == object else row for row in rows])
        except ValueError:
            raise ValueError(
                "a column holds lists of different lengths; fill them up, and write their mask as another column"
            ) from None
    return array.to_numpy(zero_copy_only=False)
