"""From a table as people have it to numbers: gaps filled, numbers scaled, categories as columns of 0 and 1."""

import warnings
from collections import Counter
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from jaxnn.data import dates, frames
from jaxnn.data.prepared import Prepared, apply, from_plain, learn, useless


@dataclass(frozen=True)
class Preparation:
    """Numbers out of a table with text, dates, truth values and gaps; fitted on the training part alone.

    A number, a truth value (0 or 1) and a date (in days) become one column: gaps filled by the median, then
    ``(value - mean) / scale``. Where values were missing another column, of 0 and 1, says so. A text becomes a column
    of 0 and 1 for each category, a missing value being one if there were any; a category that was never seen, or is
    none of the ``most`` frequent, is 0 in all of them. Text that is written as ``2024-12-31`` or ``2024-12-31 23:59``
    throughout is dates. Left out, with a warning, are columns without any value, and texts that are another one in
    nearly each row.

    Args:
        impute: ``"median"`` or ``"mean"``.
        indicators: whether a column says where numbers were missing.
        scale: whether numbers and dates get mean 0 and variance 1.
        most: categories of a column at most.
        columns: what `fit` learned, a `Prepared` for each column.

    Source: ``sklearn.compose.ColumnTransformer`` of ``SimpleImputer``, ``StandardScaler`` and ``OneHotEncoder``.

    Example:
        >>> table = np.array([[1.0, "red"], [None, "blue"], [3.0, "red"]], dtype=object)
        >>> fitted = Preparation(scale=False).fit(table)
        >>> fitted.names
        ('x0', 'x0 missing', 'x1=blue', 'x1=red')
        >>> fitted.transform(np.array([[None, "green"]], dtype=object)).tolist()
        [[2.0, 1.0, 0.0, 0.0]]
    """

    impute: str = "median"
    indicators: bool = True
    scale: bool = True
    most: int = 100
    columns: tuple[Prepared, ...] = ()

    def __post_init__(self):
        if self.impute not in ("median", "mean"):
            raise ValueError(f'impute must be "median" or "mean", got {self.impute!r}; write impute="median"')
        if isinstance(self.most, bool) or not isinstance(self.most, int) or self.most < 1:
            raise ValueError(f"most must be a whole number of at least 1, got {self.most!r}; write most=100")

    def __repr__(self) -> str:
        if not self.columns:
            options = [f for f in fields(self)[:4] if getattr(self, f.name) != f.default]
            return f"Preparation({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in options)})"
        kinds = Counter(c.kind for c in self.columns)
        told = ", ".join(f"{kinds[kind]} {kind}{'s' * (kinds[kind] > 1)}" for kind in frames.KINDS if kinds[kind])
        return f"Preparation({told} -> {len(self.names)} features)"

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the columns that `transform` reads."""
        return tuple(c.name for c in self._used)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The names of the columns that are left out."""
        return tuple(c.name for c in self.columns if c.kind == "nothing")

    @property
    def _used(self) -> list[Prepared]:
        return [c for c in self.columns if c.kind != "nothing"]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that `transform` gives."""
        return tuple(name for c in self.columns for name in c.names)

    def fit(self, x: Any, y: Any = None, what: str = "the data") -> "Preparation":
        """A `Preparation` that has learned from the rows of a table; this one stays as it is.

        Args:
            x: a DataFrame of pandas or polars, or an array ``(rows, columns)`` of numbers or objects.
            y: not looked at.
            what: how messages call the table.

        Raises:
            ValueError: for infinite values, lists in a column, or a table that leaves nothing to learn from.
        """
        learned = []
        for name, column in frames.columns(x, what).items():
            column = dates.read(column)
            reason = useless(column, self.most)
            if reason is None:
                learned.append(learn(name, column, what, self))
            else:
                learned.append(Prepared(name, "nothing"))
                warnings.warn(f"column {name!r} of {what} is left out: {reason}", stacklevel=2)
        if all(c.kind == "nothing" for c in learned):
            raise ValueError(
                f"no column of {what} holds anything to learn from; write a table with numbers or categories"
            )
        return replace(self, columns=tuple(learned))

    def transform(self, x: Any, what: str = "the new rows") -> np.ndarray:
        """The rows of a table as numbers, ``(rows, len(names))`` float64; columns are found by their names.

        Args:
            x: a table as `fit` had it, its columns in any order; other columns are left out.
            what: how messages call the table.

        Raises:
            ValueError: for a column that is missing, or holds another kind of values than it did.
        """
        if not self.columns:
            raise ValueError("this Preparation has learned nothing; write preparation.fit(table).transform(table)")
        if frames.is_frame(x):
            x = frames.select(x, self.features, what)
        elif getattr(x, "ndim", 2) == 2:
            x = self._positions(x, what)
        found = frames.columns(x, what)
        parts = [apply(c, column, what) for c, column in zip(self._used, found.values(), strict=True)]
        return np.concatenate(parts, 1)

    def _positions(self, x: Any, what: str) -> Any:
        """The columns of an array that are used, by their place among all columns or among those used."""
        x = x if hasattr(x, "ndim") else np.array(x, dtype=object)
        if x.ndim == 2 and x.shape[1] == len(self._used):
            return x
        if x.ndim != 2 or x.shape[1] != len(self.columns):
            raise ValueError(
                f"{what} have the shape {x.shape} and the model was trained on the {len(self._used)} columns "
                f"{frames.listed(self.features)}; write a table with these"
            )
        return x[:, [i for i, c in enumerate(self.columns) if c.kind != "nothing"]]

    def plain(self) -> dict[str, Any]:
        """All of it as JSON holds it; `from_plain` reads it."""
        return {f.name: getattr(self, f.name) for f in fields(self)} | {"columns": [c._asdict() for c in self.columns]}

    @classmethod
    def from_plain(cls, known: Any) -> "Preparation":
        """What `plain` gave, checked.

        Raises:
            ValueError: for anything else.
        """
        try:
            options = {f.name: known[f.name] for f in fields(cls)}
            options["columns"] = tuple(from_plain(c) for c in known["columns"])
            return cls(**options)
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"this is no Preparation: {error!r}") from None
