"""Where in an epoch of a stream members stood, in a file: the state to go back to, what was summed, the place."""

from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.data.blocks import Mark
from jaxnn.train.middle import Middle, Piece, nothing


def written(middle: Middle | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands in the tree and in the JSON of a file.

    Args:
        middle: on the host, or None between two epochs.

    Example:
        >>> written(None)
        ({}, {})
    """
    if middle is None or middle == Middle():
        return {}, {}
    columns = zip(*(piece.leaves for piece in middle.pieces), strict=True)
    sums = {str(k): np.concatenate(leaves, 1) for k, leaves in enumerate(columns)}
    before = {} if nothing(middle.before) else {"before": middle.before}
    told = {"step": middle.step, "ended": middle.ended, "mark": None if middle.mark is None else list(middle.mark)}
    tree = {**before, **({"sums": sums} if sums else {})}
    return {"middle": tree} if tree else {}, {"middle": told}


def like(tree: dict[str, Any], state: Any) -> dict[str, Any]:
    """What `jaxnn.core.files.read_into` makes of it.

    Args:
        tree: as the file was read.
        state: the shapes of the members' states.
    """
    known = tree.get("middle")
    if not isinstance(known, dict):
        return {}
    return {"middle": {name: state if name == "before" else value for name, value in known.items()}}


def read(tree: dict[str, Any], meta: dict[str, Any], members: int, path: Path) -> Middle | None:
    """Where members stood; None between two epochs.

    Raises:
        ValueError: if the file is damaged.
    """
    told, known = meta.get("middle"), tree.get("middle", {})
    if told is None:
        return None
    sums = [known["sums"][str(k)] for k in range(len(known["sums"]))] if "sums" in known else []
    found: Any = told if isinstance(told, dict) else {}
    step, mark, ended = (found.get(name) for name in ("step", "mark", "ended"))
    ok = type(step) is int and step >= 0 and isinstance(ended, bool) and (mark is None or _is_mark(mark))
    if not ok or any(getattr(a, "shape", ())[:2] != (members, step) for a in sums) or (step > 0) != bool(sums):
        raise ValueError(f"{path} is damaged: it does not say where in an epoch its members stood")
    pieces = (Piece(sums, step),) if sums else ()
    return Middle(known.get("before", ()), pieces, step, None if mark is None else Mark(*mark), ended)


def _is_mark(mark: Any) -> bool:
    if not isinstance(mark, list) or len(mark) != len(Mark._fields):
        return False
    whole = all(type(n) is int and n >= 0 for n in mark[:3])
    check = mark[4] is None or (isinstance(mark[4], list) and [type(n) for n in mark[4]] == [int, int])
    return whole and check
