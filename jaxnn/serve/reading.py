"""What is asked of a server: bytes of JSON in, rows for the model out, or one sentence that refuses them."""

import json
from typing import Any

import jax
import numpy as np


class Refused(ValueError):
    """A request that is refused.

    Args:
        sentence: what was wrong, and what to send instead.
        status: of HTTP.

    Example:
        >>> Refused("there is nothing here", 404).status
        404
    """

    def __init__(self, sentence: str, status: int = 400):
        super().__init__(sentence)
        self.status = status


class Rows:
    """Reads the rows of a request for one model.

    Args:
        row: the shape of one row of inputs, a tree of `jax.ShapeDtypeStruct` with a first axis of 1; None for a model
            of which it is not known.
        features: the columns of a table, or None.
        prepared: whether the model makes numbers of a table by itself.
        most: rows that one request may hold.

    Example:
        >>> rows = Rows(jax.ShapeDtypeStruct((1, 2), np.float32))
        >>> rows.read(b'{"instances": [[1, 2], [3, 4]]}').tolist()
        [[1.0, 2.0], [3.0, 4.0]]
        >>> rows.read(b'{"instances": [[1, 2, 3]]}')
        Traceback (most recent call last):
        jaxnn.serve.reading.Refused: instances have the shape (rows, 2), got (1, 3); send {"instances": [[0.0, 0.0]]}
    """

    def __init__(
        self, row: Any, features: tuple[str, ...] | None = None, prepared: bool = False, most: int = 4096
    ):  # fmt: skip
        self.row, self.features, self.prepared, self.most = row, features, prepared, most

    @property
    def example(self) -> dict[str, Any]:
        """A request of one row; of a table whose columns are texts and numbers its names stand for the values."""
        if self.prepared and self.features is not None:
            return {"instances": [dict.fromkeys(self.features, "...")]}
        if self.features is not None:
            return {"instances": [dict.fromkeys(self.features, 0.0)]}
        if self.prepared:
            return {"instances": [["...", 0.0]]}
        if self.row is None:
            return {"instances": [[0.0]]}
        return {"instances": jax.tree.map(lambda a: np.zeros(a.shape, a.dtype).tolist(), _plain(self.row))}

    def read(self, body: bytes) -> Any:
        """The rows as the model takes them: arrays, or a list of dicts, one for each row of a table.

        Raises:
            Refused: for anything else.
        """
        given = self._instances(body)
        if self.features is not None and isinstance(given, list) and given and isinstance(given[0], dict):
            rows: Any = [self._of_table(one, i) for i, one in enumerate(given)]
        elif self.prepared and self.features is not None:
            raise self._refused("instances are a list of objects with the columns of the table")
        elif self.prepared:
            rows = self._objects(given)
        elif self.row is None:
            rows = self._array(given, None, "instances")
        else:
            rows = self._arrays(given, _plain(self.row), "instances")
        count = count_of(rows)
        if not 1 <= count <= self.most:
            raise Refused(
                f"a request holds 1 to {self.most} rows, got {count}; send fewer at once", 413 if count else 400
            )
        return rows

    def _instances(self, body: bytes) -> Any:
        try:
            asked = json.loads(body, parse_constant=_no_constant)
        except RecursionError:
            raise self._refused("the JSON is nested too deep") from None
        except ValueError as error:
            raise self._refused(f"the body is no JSON: {error!s:.100}") from None
        if not isinstance(asked, dict) or "instances" not in asked:
            raise self._refused("the body is no JSON object with the key instances")
        if len(asked) > 1:
            other = next(name for name in asked if name != "instances")
            raise self._refused(f"there is no key {other!r:.60}")
        return asked["instances"]

    def _objects(self, given: Any) -> np.ndarray:
        """Rows of texts and numbers without names."""
        rows = given if isinstance(given, list) else []
        width = len(rows[0]) if rows and isinstance(rows[0], list) else 0
        if not width or any(not isinstance(row, list) or len(row) != width for row in rows):
            raise self._refused("instances is no list of rows of one length")
        if any(isinstance(value, (dict, list)) for row in rows for value in row):
            raise self._refused("a row holds something that is neither a number nor a text")
        found = np.empty((len(rows), width), object)
        found[:] = rows
        return found

    def _of_table(self, one: Any, i: int) -> dict[str, Any]:
        if not isinstance(one, dict):
            raise self._refused(f"instance {i} is no object with the columns of the table")
        missing = [name for name in self.features or () if name not in one]
        if missing:
            raise self._refused(f"instance {i} lacks {', '.join(missing)!s:.100}")
        row = {name: one[name] for name in self.features or ()}
        wrong = next((name for name, v in row.items() if isinstance(v, (dict, list))), None)
        if wrong is not None:
            raise self._refused(f"{wrong} of instance {i} is neither a number nor a text")
        if not self.prepared:
            text = next((name for name, v in row.items() if isinstance(v, str) or v is None), None)
            if text is not None:
                raise self._refused(f"{text} of instance {i} is no number")
        return row

    def _arrays(self, given: Any, row: Any, where: str) -> Any:
        if isinstance(row, dict):
            if not isinstance(given, dict) or set(given) != set(row):
                raise self._refused(f"{where} is no object with the keys {', '.join(row)}")
            found: Any = {name: self._arrays(given[name], own, f"{where}.{name}") for name, own in row.items()}
        elif isinstance(row, list):
            if not isinstance(given, list) or len(given) != len(row):
                raise self._refused(f"{where} is no list of the {len(row)} inputs")
            found = tuple(
                self._arrays(a, own, f"{where}[{i}]") for i, (a, own) in enumerate(zip(given, row, strict=True))
            )
        else:
            return self._array(given, row, where)
        if len({a.shape[0] for a in jax.tree.leaves(found)}) > 1:
            raise self._refused(f"the inputs of {where} hold different numbers of rows")
        return found

    def _array(self, given: Any, row: Any, where: str) -> np.ndarray:
        if not isinstance(given, list):
            raise self._refused(f"{where} is no list of rows")
        try:
            array = np.array(given)
        except ValueError:
            raise self._refused(f"the rows of {where} are not all of one shape") from None
        if array.dtype.kind not in "biuf":
            raise self._refused(f"{where} holds something that is no number")
        if row is None:
            return self._narrow(array, np.dtype(np.float32), where)
        if array.size and array.shape[1:] != row.shape[1:]:
            shapes = f"({', '.join(map(str, ('rows', *row.shape[1:])))}{',' * (len(row.shape) == 1)})"
            raise self._refused(f"{where} have the shape {shapes}, got {array.shape}")
        dtype = np.dtype(row.dtype)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            if (array != np.floor(array)).any() or (array < limits.min).any() or (array > limits.max).any():
                raise self._refused(f"{where} are whole numbers")
        return self._narrow(array, dtype, where)

    def _narrow(self, array: np.ndarray, dtype: np.dtype, where: str) -> np.ndarray:
        with np.errstate(over="ignore"):
            found = array.astype(dtype)
        if dtype.kind not in "biu" and not np.isfinite(found.astype(np.float64)).all():
            raise self._refused(f"{where} holds a number that is too large")
        return found

    def _refused(self, what: str) -> Refused:
        text = json.dumps(self.example)
        return Refused(f"{what}; send {text if len(text) <= 300 else text[:300] + '...'}")


def count_of(rows: Any) -> int:
    """How many rows there are, of a table or of arrays."""
    return len(rows) if isinstance(rows, list) else jax.tree.leaves(rows)[0].shape[0]


def joined(several: list[Any]) -> Any:
    """The rows of several requests as one."""
    if isinstance(several[0], list):
        return [row for rows in several for row in rows]
    return jax.tree.map(lambda *a: np.concatenate(a), *several)


def _plain(row: Any) -> Any:
    """Tuples as lists, as JSON has them."""
    if isinstance(row, dict):
        return {name: _plain(own) for name, own in row.items()}
    return [_plain(own) for own in row] if isinstance(row, (tuple, list)) else row


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
