"""Tables as text, for a terminal."""

import math
from collections.abc import Sequence
from typing import Any

ROWS = 40
"""Rows that are printed, at most."""


def printed(columns: dict[str, list[str]]) -> str:
    """Columns of text side by side, numbers and all to the right.

    Example:
        >>> print(printed({"lr": ["0.1", "0.01"], "runs": ["5", "12"]}))
          lr  runs
         0.1     5
        0.01    12
    """
    rows = [list(columns), *map(list, zip(*columns.values(), strict=True))]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    hidden = len(rows) - 1 - ROWS
    if hidden > 0:
        rows = [*rows[: ROWS + 1]]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, f"... {hidden} more rows" * (hidden > 0)]).rstrip("\n")


def number(value: Any, digits: int = 4) -> Any:
    """A number with few digits; anything else as it is.

    Example:
        >>> [number(v) for v in (0.0001, 0.123456, 1234567.0, 3, "relu")]
        ['0.0001', '0.1235', '1.235e+06', 3, 'relu']
    """
    return f"{value:.{digits}g}" if isinstance(value, float) else value


def with_errors(means: Sequence[float], highs: Sequence[float]) -> list[str]:
    """Means with half of their intervals, as many digits behind the point as the intervals deserve.

    Example:
        >>> with_errors([0.71871, 0.5], [0.80912, math.nan]), with_errors([math.nan, 1e-9], [math.nan, 2e-9])
        (['0.719 ± 0.090', '0.500        '], ['-            ', '1e-09 ± 1e-09'])
    """
    halves = [high - mean for mean, high in zip(means, highs, strict=True)]
    sizes = sorted(half for half in halves if math.isfinite(half) and half > 0)
    largest = max((abs(mean) for mean in means if math.isfinite(mean)), default=0.0)
    places = 1 - math.floor(math.log10(sizes[len(sizes) // 2])) if sizes else -1
    fixed = 0 <= places <= 6 and largest < 1e6

    def text(value: float, digits: int) -> str:
        return f"{value:.{places}f}" if fixed else f"{value:.{digits}g}"

    cells = ["-" if math.isnan(mean) else text(mean, 4) for mean in means]
    ends = [f" ± {text(half, 2)}" if math.isfinite(half) else "" for half in halves]
    width = max(map(len, ends), default=0)
    return [cell + end.ljust(width) for cell, end in zip(cells, ends, strict=True)]
