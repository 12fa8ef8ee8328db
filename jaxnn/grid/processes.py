"""A grid in several processes of `jax.distributed`: each trains its own parts, and every one has all results.

Members need nothing of each other, so training needs no communication; only the beginning and the end do. Nothing is
pickled: what travels is what a file would hold.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core import files
from jaxnn.core.reads import digests
from jaxnn.core.texts import short
from jaxnn.data.source import Source
from jaxnn.grid.came import Came
from jaxnn.grid.memory import Memory
from jaxnn.grid.plan import Plan
from jaxnn.train.begin import shapes
from jaxnn.train.enrol import Entry
from jaxnn.train.outcome import Outcome
from jaxnn.train.progress import reading_order
from jaxnn.train.taken import Taken

PIECE = 1 << 26
"""Bytes that every process sends at a time."""
LOOK_SECONDS = 0.2
"""Between two looks into the folder for processes that are still at it."""


def exchanged(own: bytes) -> list[bytes]:
    """What each process has to tell, in their order, in every process.

    Example:
        >>> exchanged(b"alone")
        [b'alone']
    """
    from jax.experimental.multihost_utils import process_allgather

    count = jax.process_count()
    try:
        sizes = process_allgather(np.array(divmod(len(own), PIECE), np.int32))  # a size may be more than 32 bits hold
    except jax.errors.JaxRuntimeError as error:
        error.add_note("the processes did not meet; read the data before jax.distributed.initialize, which waits for "
                       "minutes, so that all come to nn.grid within seconds")  # fmt: skip
        raise
    sizes = [int(many) * PIECE + int(rest) for many, rest in np.reshape(sizes, (count, 2))]
    whole = np.zeros((count, max(sizes)), np.uint8)
    mine = np.pad(np.frombuffer(own, np.uint8), (0, max(sizes) - len(own)))
    for first in range(0, max(sizes), PIECE):
        piece = process_allgather(mine[first : first + PIECE])
        whole[:, first : first + PIECE] = np.reshape(piece, (count, -1))
    return [row[:size].tobytes() for row, size in zip(whole, sizes, strict=True)]


def in_all(function: Callable[[], Any]) -> list[Any]:
    """What a function gives in each process, as JSON; an error in one of them is one in all.

    Raises:
        RuntimeError: where another process failed, with what it said.

    Example:
        >>> in_all(lambda: {"parts": 3})
        [{'parts': 3}]
    """
    failed = None
    try:
        own = {"value": function()}
    except Exception as error:
        failed, own = error, {"error": f"{type(error).__name__}: {error}"}
    answers = [json.loads(answer) for answer in exchanged(json.dumps(own).encode())]
    if failed is not None:
        raise failed
    for rank, answer in enumerate(answers):
        if "error" in answer:
            raise RuntimeError(f"process {rank} of {len(answers)} failed: {answer['error']}")
    return [answer["value"] for answer in answers]


def told(points: Sequence[dict[str, Any]], trial: Any, source: Source) -> dict[str, Any]:
    """Digests of what all processes are to have alike, by name."""
    from jaxnn.io.values import encode

    space = short(repr([{name: encode(value) for name, value in point.items()} for point in points]))
    return {"the space": space, "the trial": short(repr(digests(trial))), **source.fingerprint()}


def check_alike(answers: Sequence[dict[str, Any]]) -> None:
    """Raise where processes were given different things.

    Example:
        >>> check_alike([{"the space": "ab", "x": "c"}, {"the space": "ab", "x": "d"}])
        Traceback (most recent call last):
        ValueError: x of process 1 is not that of process 0; call nn.grid with the same trial, data and space in all ...
    """
    for rank, answer in enumerate(answers):
        for name, digest in answer.items():
            if digest != answers[0].get(name):
                raise ValueError(f"{name} of process {rank} is not that of process 0; call nn.grid with the same "
                                 "trial, data and space in all processes")  # fmt: skip


def wait(folder: str | os.PathLike, token: str) -> None:
    """Say in a folder that this process has ended, and wait until all have: a collective would not wait for hours.

    Args:
        folder: that all processes share.
        token: the same in all, another one for each grid.
    """
    marks = [Path(folder) / f".ended_{token}_{rank}" for rank in range(jax.process_count())]
    marks[jax.process_index()].touch()
    while not all(mark.exists() for mark in marks):
        time.sleep(LOOK_SECONDS)


def swept(folder: str | os.PathLike) -> None:
    """Remove the marks of `wait`."""
    for mark in Path(folder).glob(".ended_*_*"):
        mark.unlink(missing_ok=True)


def packed(found: Sequence[Came]) -> bytes:
    """What came of some parts as the bytes of a file."""
    trees = [_tree(came) for came in found]
    about = [
        {"points": came.points.tolist(), "timing": came.timing, "taken": came.taken,
         "plan": [came.plan.devices, came.plan.width, came.plan.chunk], "memory": [*came.memory]}
        for came in found
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "parts.safetensors"
        files.write(path, trees, {"parts": about})
        return path.read_bytes()


def unpacked(data: bytes, entries: Sequence[Entry], source: Source) -> list[Came]:
    """What `packed` packed, in the trees of the entries of its points."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "parts.safetensors"
        path.write_bytes(data)
        plain, meta = files.read(path)
        like = []
        for k, about in enumerate(meta["parts"]):
            one, n = shapes(entries[about["points"][0]], source), len(about["points"])
            state = jax.tree.map(lambda a, n=n: jax.ShapeDtypeStruct((n, *a.shape), a.dtype), one)
            last = {"last": state} if "last" in plain[str(k)] else {}
            like.append({"params": state.params, "state": state.model_state, "rest": plain[str(k)]["rest"], **last})
        trees = files.read_into(path, like)[0]
    pairs = zip(trees, meta["parts"], strict=True)
    return [_came(tree, about, entries[about["points"][0]].recipe.precision) for tree, about in pairs]


def _tree(came: Came) -> dict[str, Any]:
    rest = came.outcome._asdict()
    weights = {name: rest.pop(name) for name in ("params", "state")}
    return {**weights, "rest": rest, **({} if came.last is None else {"last": came.last})}


def _came(tree: dict[str, Any], about: dict[str, Any], precision: Any) -> Came:
    history = {name: tree["rest"]["history"][name] for name in sorted(tree["rest"]["history"], key=reading_order)}
    outcome = Outcome(**{**tree["rest"], "params": tree["params"], "state": tree["state"], "history": history})
    taken = None if about["taken"] is None else Taken(*map(tuple, about["taken"]))
    plan = replace(Plan(*about["plan"]), precision=precision)
    how = plan, about["timing"], Memory(*about["memory"])
    return Came(np.array(about["points"]), outcome, tree.get("last"), taken, *how)
