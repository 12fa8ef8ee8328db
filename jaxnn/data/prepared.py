"""One column of a table as numbers: what is learned of it, and what new values become."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from jaxnn.data import dates, frames
from jaxnn.data.frames import Column
from jaxnn.data.split import standardise

FEW = 20
"""So many different texts are categories, however few rows there are."""


class Prepared(NamedTuple):
    """What was learned of one column.

    Args:
        name: of the column.
        kind: ``"number"``, ``"truth"``, ``"date"``, ``"text"``, or ``"nothing"`` for a column that is left out.
        fill: what takes the place of a missing number.
        mean, scale: of a number or a date, ``(value - mean) / scale``.
        gaps: whether values were missing; a column of 0 and 1 then says where.
        categories: of a text, in the order of their columns; None stands for a missing value.

    Example:
        >>> Prepared("city", "text", categories=("Bern", "Ulm")).names
        ('city=Bern', 'city=Ulm')
    """

    name: str
    kind: str
    fill: float = 0.0
    mean: float = 0.0
    scale: float = 1.0
    gaps: bool = False
    categories: tuple[str | None, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns that it becomes."""
        if self.kind == "nothing":
            return ()
        if self.kind == "text":
            return tuple(f"{self.name}={'missing' if c is None else c}" for c in self.categories)
        return (self.name, f"{self.name} missing") if self.gaps else (self.name,)


def useless(column: Column, most: int) -> str | None:
    """Why there is nothing to learn from a column, or None.

    Example:
        >>> useless(Column("number", np.array([np.nan])), 100)
        'all its values are missing'
    """
    present = column.values[~column.missing]
    if not len(present):
        return "all its values are missing"
    distinct = len(set(present)) if column.kind == "text" else 0
    if distinct > max(FEW, min(most, len(present) // 2)):
        return f"it holds {distinct} different texts in {len(present)} rows{_hint(present)}"
    return None


def learn(name: str, column: Column, what: str, how: Any) -> Prepared:
    """What new values of a column need.

    Args:
        name: of the column.
        column: of the training rows.
        what: how messages call the table.
        how: a `jaxnn.data.Preparation`.

    Raises:
        ValueError: for an infinite value.
    """
    missing = column.missing
    if column.kind == "text":
        counts = Counter(column.values[~missing])
        kept = sorted(counts, key=lambda value: (-counts[value], value))[: how.most]
        return Prepared(name, "text", categories=(*sorted(kept), *[None] * bool(missing.any())))
    _finite(name, column, what)
    present = column.values[~missing]
    fill = float(np.median(present) if how.impute == "median" else np.mean(present))
    mean, scale = 0.0, 1.0
    if how.scale:
        mean, scale = (float(v[0]) for v in standardise(np.where(missing, fill, column.values)[:, None]))
    return Prepared(name, column.kind, fill, mean, scale, how.indicators and bool(missing.any()))


def _hint(texts: np.ndarray) -> str:
    """What may be the matter with a column of texts that are nearly all different."""
    odd = [value for value in texts if not _reads_as_number(value)]
    if len(odd) < len(texts) / 2:
        return f", of which all but {len(odd)} are numbers; leave {odd[0]!r} empty" if odd else ", all of them numbers"
    return "; dates are read where all are written as 2024-12-31"


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _finite(name: str, column: Column, what: str) -> None:
    bad = np.flatnonzero(np.isinf(column.values))
    if len(bad):
        raise ValueError(f"column {name!r} of {what} holds {column.values[bad[0]]} in row {bad[0] + 1}; "
                         "write a number, or leave it empty")  # fmt: skip


def apply(learned: Prepared, column: Column, what: str) -> np.ndarray:
    """New values of a column as numbers, ``(rows, len(learned.names))`` float64.

    Raises:
        ValueError: for values of another kind.
    """
    if learned.kind == "text":
        return _one_hot(learned, column)
    column = dates.read(column, learned.kind == "date")
    missing = column.missing
    if not missing.all():
        known = {"number": ("number", "truth"), "truth": ("number", "truth"), "date": ("date",)}[learned.kind]
        if column.kind not in known:
            example = next(value for value in column.values[~missing])
            raise ValueError(
                f"column {learned.name!r} of {what} held {learned.kind}s in training and holds "
                f"{column.kind}{'s' * (column.kind != 'text')} here ({example!r}); write the same kind"
            )
        _finite(learned.name, column, what)
    values = np.full(len(missing), np.nan) if missing.all() else column.values
    scaled = (np.where(missing, learned.fill, values) - learned.mean) / learned.scale
    return np.stack([scaled, missing], 1) if learned.gaps else scaled[:, None]


def _one_hot(learned: Prepared, column: Column) -> np.ndarray:
    places = {category: i for i, category in enumerate(learned.categories)}
    found = np.zeros((len(column.values), len(places)))
    for row, (value, gone) in enumerate(zip(column.values, column.missing, strict=True)):
        place = places.get(None if gone else dates.word(column.kind, value))
        if place is not None:
            found[row, place] = 1.0
    return found


def from_plain(known: Any) -> Prepared:
    """What ``Prepared(...)._asdict()`` gave, checked.

    Raises:
        ValueError, TypeError: for anything else.
    """
    c = Prepared(**known)
    fill, mean, scale = (float(v) for v in (c.fill, c.mean, c.scale))
    known_kind = isinstance(c.name, str) and c.kind in (*frames.KINDS, "nothing")
    if not known_kind or not np.isfinite([fill, mean, scale]).all() or scale == 0:
        raise ValueError(f"{known!r:.200} is no column of a Preparation")
    categories = tuple(None if v is None else str(v) for v in c.categories)
    return Prepared(c.name, c.kind, fill, mean, scale, bool(c.gaps), categories)
