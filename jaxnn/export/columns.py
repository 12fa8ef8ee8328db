"""A table's preparation inside a tensor graph: what is no number comes in as one, by a list that stands in JSON."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.data import dates, frames
from jaxnn.data.preparation import Preparation
from jaxnn.data.prepared import Prepared, apply

FAR = 1e4
"""A mean so many times the scale away from 0 leaves float32 three digits of a scaled number."""


def used(prepare: Preparation) -> list[Prepared]:
    """The columns that a preparation reads, in order."""
    return [c for c in prepare.columns if c.kind != "nothing"]


def encode(prepare: Preparation, table: Any) -> np.ndarray:
    """The rows of a table as the exported function takes them.

    A number stands as it is, a date as days since 1970-01-01, a truth value as 0 or 1, a text as its place among the
    categories or -1 for another one, and whatever is missing as NaN.

    Args:
        prepare: that of the model.
        table: as `Preparation.transform` takes it.

    Returns:
        ``(rows, columns)`` float32.

    Raises:
        ValueError: as `Preparation.transform`.

    Example:
        >>> fitted = Preparation().fit(np.array([[1.0, "red"], [None, "blue"]], dtype=object))
        >>> encode(fitted, np.array([[5.0, "red"], [None, "green"]], dtype=object)).tolist()
        [[5.0, 1.0], [nan, -1.0]]
    """
    prepare.transform(table)  # which raises for what does not fit
    if frames.is_frame(table):
        table = frames.select(table, prepare.features)
    elif np.shape(table)[1] != len(used(prepare)):
        table = np.asarray(table, dtype=object)[:, [i for i, c in enumerate(prepare.columns) if c.kind != "nothing"]]
    found = frames.columns(table).values()
    return np.stack([_coded(c, column) for c, column in zip(used(prepare), found, strict=True)], 1).astype(np.float32)


def _coded(learned: Prepared, column: frames.Column) -> np.ndarray:
    if learned.kind != "text":
        column = dates.read(column, learned.kind == "date")
        return np.full(len(column.values), np.nan) if column.missing.all() else column.values.astype(np.float64)
    hot = apply(learned, column, "the new rows")
    known = [i for i, c in enumerate(learned.categories) if c is not None]
    place = np.where(hot[:, known].any(1), hot[:, known].argmax(1) if known else 0, -1)
    return np.where(column.missing, np.nan, place)


def numbers(columns: Sequence[Prepared], x: Any) -> Any:
    """What `Preparation.transform` gives, from what `encode` gives: ``(rows, columns)`` to ``(rows, features)``."""
    parts = []
    for i, c in enumerate(columns):
        value = x[:, i : i + 1]
        if c.kind == "text":
            gap = next((j for j, name in enumerate(c.categories) if name is None), -1)
            value = jnp.where(jnp.isnan(value), jnp.full_like(value, gap), value)
            places = jnp.arange(len(c.categories), dtype=x.dtype)[None]
            parts.append((value == places).astype(x.dtype))
            continue
        missing = jnp.isnan(value)
        parts.append((jnp.where(missing, jnp.full_like(value, c.fill), value) - c.mean) / c.scale)
        if c.gaps:
            parts.append(missing.astype(x.dtype))
    return jnp.concatenate(parts, 1)


def plain(columns: Sequence[Prepared]) -> list[dict[str, Any]]:
    """What one has to know of each column to make numbers of it, as JSON.

    Example:
        >>> plain([Prepared("city", "text", categories=("Bern", "Ulm", None)), Prepared("size", "number")])
        [{'name': 'city', 'kind': 'text', 'categories': ['Bern', 'Ulm']}, {'name': 'size', 'kind': 'number'}]
    """
    return [
        {"name": c.name, "kind": c.kind}
        | ({"categories": [name for name in c.categories if name is not None]} if c.kind == "text" else {})
        for c in columns
    ]


def warn_far(names: Sequence[str], means: Any, scales: Any) -> None:
    """Warn of a feature so far from 0 that float32, in which an exported model takes it, cannot tell its values apart.

    Example:
        >>> with warnings.catch_warnings(record=True) as told:
        ...     warnings.simplefilter("always")
        ...     warn_far(["year", "time"], [2000.0, 1.6e9], [5.0, 30.0])
        >>> print(str(told[0].message)[:54])
        'time' has the mean 1.6e+09 and the scale 30: the expo
    """
    for name, mean, scale in zip(names, np.ravel(means).tolist(), np.ravel(scales).tolist(), strict=False):
        if abs(mean) > FAR * abs(scale):
            digits = max(0, int(7 - math.log10(abs(mean / scale))))
            warnings.warn(
                f"{name!r} has the mean {mean:.4g} and the scale {scale:.4g}: the exported model takes float32, which "
                f"leaves {digits} digits of it; train on the number less its mean",
                stacklevel=2,
            )
