"""The rungs of a search as a file beside its grid, ``rungs.json``: which budgets, which members, which scores."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.core import files
from jaxnn.grid.record import PLAIN, Record, Rung

RUNGS = "rungs.json"
FORMAT = "jaxnn-rungs-1"


def write_rungs(folder: str | os.PathLike, record: Record) -> None:
    """Write the rungs of a search that has them; those of another that stood there go."""
    path = Path(folder) / RUNGS
    if record.rung is None:
        path.unlink(missing_ok=True)
        return
    rounds = [
        {
            "budget": r.budget,
            "members": r.members.tolist(),
            "scores": [None if s != s else s for s in r.scores.tolist()],
        }
        for r in record.rungs
    ]
    about = {"format": FORMAT, "rung": record.rung.tolist(), "rungs": rounds}
    files.replace(path, (json.dumps(about) + "\n").encode())


def read_rungs(folder: Path, points: int) -> Record:
    """What `write_rungs` wrote for so many points; nothing where there is no such file, as the search has not ended.

    Raises:
        ValueError: if it is damaged.
    """
    from jaxnn.io.described import read_json

    path = folder / RUNGS
    if not path.is_file():
        return PLAIN
    about = read_json(path, FORMAT)
    found: list[Any] = [about.get(name) for name in ("rung", "rungs")]
    rung, rounds = found
    ok = _whole(rung) and len(rung) == points and isinstance(rounds, list)
    if not ok or not all(_is_round(one, points) for one in rounds):
        raise ValueError(f"{path} is damaged: it holds no rungs of {points} members")
    return Record([_read(one) for one in rounds], np.array(rung))


def _read(one: dict[str, Any]) -> Rung:
    return Rung(one["budget"], np.array(one["members"], int), np.array(one["scores"], float))


def _is_round(one: Any, points: int) -> bool:
    if not isinstance(one, dict) or {*one} != {"budget", "members", "scores"} or type(one["budget"]) is not int:
        return False
    members, scores = one["members"], one["scores"]
    ok = _whole(members) and isinstance(scores, list) and len(scores) == len(members)
    return ok and all(0 <= i < points for i in members) and all(s is None or type(s) in (int, float) for s in scores)


def _whole(numbers: Any) -> bool:
    return isinstance(numbers, list) and all(type(n) is int and abs(n) < 2**31 for n in numbers)
