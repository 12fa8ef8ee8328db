"""The members of one group in a file: their states, their curves, and where they stood."""

import json
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core import files
from jaxnn.io import middles, orbax
from jaxnn.optim.average import keeps
from jaxnn.train.group import Group
from jaxnn.train.layout import Layout, lies_split
from jaxnn.train.outcome import chosen
from jaxnn.train.population import Population


def write(folder: Path, population: Population, number: int, group: Group, turn: int) -> None:
    """Write one group: its state, its curves and how far it came, in one file."""
    if group.standing.state is None:
        return
    home = group.home(population.layout)
    state = home.state
    tree = {"state": state, "history": group.history()}
    more, told = middles.written(home.middle)
    if state.best is None and keeps(state.opt_state):
        tree["chosen"] = chosen(state)[0]
    path, other = (group_file(folder, number, turn).with_suffix(kind) for kind in orbax.KINDS)
    if any(map(lies_split, jax.tree.leaves(state))):
        path, other = other, path
        whole = json.dumps({"epoch": int(home.epoch)} | told).encode()
        orbax.write(path, tree | more | {"told": np.frombuffer(whole, np.uint8)})
    elif first_process(population.layout):
        files.write(path, tree | more, {"epoch": int(home.epoch)} | told)
    orbax.remove(other)  # of a training that went on under another plan


def read_group(path: Path, members: int) -> tuple[dict[str, Any], int]:
    """The tree and the epochs of a file of so many members.

    Raises:
        ValueError: if it is damaged or holds anything else.
    """
    if path.suffix == ".orbax":
        tree = orbax.read(path)
        meta = _told(tree)
    else:
        tree, meta = files.read(path)
    epoch: Any = meta.get("epoch")
    history: Any = tree.get("history", {}) if isinstance(tree, dict) else None
    ok = isinstance(history, dict) and isinstance(tree.get("state"), dict) and type(epoch) is int and epoch >= 0
    if not ok or any(getattr(v, "shape", ())[:1] != (members,) or v.ndim != 2 for v in history.values()):
        raise ValueError(f"{path} is no file of {members} members of a population")
    return tree, epoch


def _told(tree: dict[str, Any]) -> dict[str, Any]:
    """What a checkpoint tells beside its arrays; it is taken out of the tree."""
    try:
        told = json.loads(bytes(np.asarray(tree.pop("told"), np.uint8)))
    except (KeyError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def read_into(path: Path, like: dict[str, Any], layout: Layout) -> tuple[Any, dict[str, Any]]:
    """A group read into this tree, on the host, or what is split right onto the devices; and what is told beside it."""
    if path.suffix != ".orbax":
        return files.read_into(path, like)
    if layout.spread is not None and layout.spread.splits:
        places = layout.places(like["state"])
        laid = jax.tree.map(lambda a, s: jax.ShapeDtypeStruct(a.shape, a.dtype, sharding=s), like["state"], places)
        like = like | {"state": laid}
    told = orbax.read(path)["told"]
    back = orbax.read(path, like | {"told": jax.ShapeDtypeStruct(told.shape, told.dtype)})
    return back, _told(back)


def first_process(layout: Layout) -> bool:
    """Whether this process writes what all processes of a member have: the first of them, or the only one."""
    return layout.spread is None or jax.process_index() == 0


def group_file(folder: Path, number: int, turn: int) -> Path:
    """Where the members of a group stand, at the ``turn``-th time that a population was saved over another."""
    return folder / f"members_{number:03d}{f'_{turn}' if turn else ''}.safetensors"
