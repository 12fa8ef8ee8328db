"""Logs: one line for each member and epoch, as CSV or as JSON, written as it trains."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


class log_csv:
    """Append a line for each member and epoch to a CSV file: epoch, member, and the metrics.

    A metric that only some structures of a grid have gets a column behind the others, empty where it is not known.

    Args:
        path: of the file; it begins anew with the first call, unless ``append``.
        append: go on behind what is there, as after a kill.

    Example:
        >>> import pathlib, tempfile, numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> path = tempfile.mkdtemp() + "/log.csv"
        >>> run = nn.fit(trial, (np.zeros((2, 1)), np.ones(2)), epochs=2, callbacks=[nn.callbacks.log_csv(path)])
        >>> pathlib.Path(path).read_text().splitlines()[:2]
        ['epoch,member,loss', '1,0,1.0']
    """

    def __init__(self, path: str | os.PathLike, append: bool = False):
        self.path = Path(path)
        lines = self._lines() if append and self.path.exists() else []
        self.columns: list[str] = lines[0] if lines else []

    def _lines(self) -> list[list[str]]:
        with open(self.path, encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Write the lines of an epoch."""
        known, columns = self.columns, self.columns or ["epoch", "member"]
        self.columns = [*columns, *(name for name in row if name not in columns)]
        lines: list[list[Any]] = []
        if self.columns != known:  # the header grows, and what stands below it gets empty places
            lines = [self.columns, *(self._lines()[1:] if known else [])]
            lines = [[*line, *[""] * (len(self.columns) - len(line))] for line in lines]
        for i, values in _members(row):
            cells = {"epoch": epoch, "member": int(population.numbers[i])} | {
                name: "" if np.isnan(v) else v for name, v in values.items()
            }
            lines.append([cells.get(name, "") for name in self.columns])
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(lines)
        _write(self.path, text.getvalue(), self.columns == known)


class log_jsonl:
    """Append a JSON object for each member and epoch to a file of lines: epoch, member, point and metrics.

    Args:
        path: of the file; it begins anew with the first call, unless ``append``.
        append: go on behind what is there, as after a kill.

    Example:
        >>> import pathlib, tempfile, numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> path = tempfile.mkdtemp() + "/log.jsonl"
        >>> run = nn.fit(trial, (np.zeros((2, 1)), np.ones(2)), epochs=2, callbacks=[nn.callbacks.log_jsonl(path)])
        >>> pathlib.Path(path).read_text().splitlines()[1]
        '{"epoch": 2, "member": 0, "seed": 0, "loss": 0.6400000...}'
    """

    def __init__(self, path: str | os.PathLike, append: bool = False):
        self.path, self.begun = Path(path), append

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Write the lines of an epoch."""
        lines = [
            json.dumps(
                {
                    "epoch": epoch,
                    "member": int(population.numbers[i]),
                    **_plain(population.entries[i].point),
                    **_plain(values),
                }
            )
            for i, values in _members(row)
        ]
        _write(self.path, "".join(f"{line}\n" for line in lines), self.begun)
        self.begun = True


def _members(row: dict[str, Any]) -> list[tuple[int, dict[str, float]]]:
    """The metrics of each member that did this epoch."""
    lists = {name: np.asarray(values).tolist() for name, values in row.items()}
    count = max(map(len, lists.values()), default=0)
    rows = [(i, {name: values[i] for name, values in lists.items()}) for i in range(count)]
    return [(i, values) for i, values in rows if not all(np.isnan(v) for v in values.values())]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    known: Callable[[Any], bool] = lambda v: v is None or isinstance(v, (bool, int, str))  # noqa: E731
    return {
        name: v if known(v) else (v if np.isfinite(v) else None) if isinstance(v, float) else str(v)
        for name, v in values.items()
    }


def _write(path: Path, text: str, append: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a" if append else "w", encoding="utf-8", newline="") as file:
        file.write(text)
