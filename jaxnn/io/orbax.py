"""States whose arrays several devices share, as checkpoints of Orbax: each device writes and reads its own part.

A place such as ``members_000.orbax`` holds numbered checkpoints, of which the newest counts; each appears under its
number when it is whole, and those before it are removed then. What was written on eight devices is read on any number
of them, each array as it is to lie there, or on the host.
"""

import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.core.tree import path_of

KINDS = (".safetensors", ".orbax")
"""Of a group's state: a file, or checkpoints of what is split over devices."""


def write(place: Path, tree: Any) -> None:
    """Write a tree as the newest checkpoint of a place; typed random keys as their words.

    Args:
        place: a folder, made if it is missing.
        tree: nested dicts, tuples and NamedTuples of arrays.
    """
    place, before = place.absolute(), newest(place)
    number = 0 if before is None else int(before.name) + 1
    place.mkdir(parents=True, exist_ok=True)
    handler, args = _handler()
    with handler as checkpointer:
        checkpointer.save(place / str(number), args=args.PyTreeSave(_nested(tree)))
    if jax.process_index() == 0:
        swept(place)


def newest(place: Path) -> Path | None:
    """The newest checkpoint of a place, or None where there is none."""
    numbers = [path for path in place.glob("*") if path.name.isdecimal()] if place.is_dir() else []
    return max(numbers, key=lambda path: int(path.name), default=None)


def swept(place: Path) -> None:
    """Remove all but the newest checkpoint, and what a killed process left half written."""
    keep = newest(place)
    for path in place.glob("*"):
        if path != keep:
            shutil.rmtree(path, ignore_errors=True)


def read(place: Path, like: Any = None) -> Any:
    """The newest checkpoint of a place.

    Args:
        place: where `write` wrote.
        like: a tree of ``jax.ShapeDtypeStruct``; a leaf with a sharding is read so, each device its own part. None for
            nested dicts as they were written, on the host.

    Returns:
        A tree like that, its other leaves NumPy arrays; keys where ``like`` has keys.

    Raises:
        ValueError: if there is none, or it is damaged, or a leaf is missing, too many, or of another shape or dtype.
    """
    path = newest(place)
    if path is None:
        raise ValueError(f"there is no checkpoint in {place}")
    handler, args = _handler()
    try:
        with handler as checkpointer:
            held = _tree_of(checkpointer.metadata(path.absolute()))
            known = {path_of(p): leaf for p, leaf in jax.tree_util.tree_leaves_with_path(held)}
            if not known:
                raise KeyError("it names no leaf")
            wanted = known if like is None else _wanted(like)
            _compare(path, known, wanted)
            how = jax.tree_util.tree_map_with_path(lambda p, _: _restored(wanted[path_of(p)]), held)
            tree = checkpointer.restore(path.absolute(), args=args.PyTreeRestore(restore_args=how))
    except ValueError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [""])[0][:400] or type(error).__name__
        raise ValueError(f"{path} is damaged or no checkpoint of jaxnn: {reason}") from None
    if like is None:
        return tree
    found = {path_of(p): leaf for p, leaf in jax.tree_util.tree_leaves_with_path(tree)}
    return jax.tree_util.tree_map_with_path(lambda p, leaf: _typed(found[path_of(p)], leaf), like)


def _handler() -> tuple[Any, Any]:
    import orbax.checkpoint as ocp

    return ocp.Checkpointer(ocp.PyTreeCheckpointHandler()), ocp.args


def _restored(leaf: Any) -> Any:
    import orbax.checkpoint as ocp

    sharding = leaf.sharding if isinstance(leaf, jax.ShapeDtypeStruct) else None
    if sharding is None:
        return ocp.RestoreArgs(restore_type=np.ndarray)
    return ocp.ArrayRestoreArgs(sharding=sharding, global_shape=leaf.shape, dtype=leaf.dtype)


def _nested(tree: Any) -> dict[str, Any]:
    """Nested dicts by the names of a tree's paths."""
    found: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        *folders, last = path_of(path).split("/")
        node = found
        for folder in folders:
            node = node.setdefault(folder, {})
        node[last] = jax.random.key_data(leaf) if _is_key(leaf) else leaf
    return found


def _wanted(like: Any) -> dict[str, Any]:
    def words(leaf: Any) -> Any:
        return jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf

    return {path_of(path): words(leaf) for path, leaf in jax.tree_util.tree_leaves_with_path(like)}


def _compare(path: Path, known: dict[str, Any], wanted: dict[str, Any]) -> None:
    for name in [*(n for n in wanted if n not in known), *(n for n in known if n not in wanted)]:
        there = "has no leaf" if name in wanted else "has a leaf that the target lacks,"
        raise ValueError(f"{path} {there} {name!r}; build the target as the file was written")
    for name, leaf in wanted.items():
        held = known[name]
        if tuple(held.shape) != tuple(leaf.shape) or np.dtype(held.dtype) != np.dtype(leaf.dtype):
            raise ValueError(
                f"{name}: {path} holds {held.dtype} {tuple(held.shape)}, the target {leaf.dtype} {tuple(leaf.shape)}; "
                "build the target as the file was written"
            )


def _typed(leaf: Any, like: Any) -> Any:
    if not _is_key(like):
        return leaf
    kinds: list[Any] = []
    jax.eval_shape(lambda key: kinds.append(jax.random.key_impl(key)), like)
    return jax.random.wrap_key_data(jax.numpy.asarray(leaf), impl=kinds[0])


def _is_key(leaf: Any) -> bool:
    return jax.numpy.issubdtype(getattr(leaf, "dtype", np.float32), jax.dtypes.prng_key)


def _tree_of(metadata: Any) -> Any:
    """The tree of shapes, out of what a version of Orbax wraps around it."""
    for name in ("item_metadata", "tree"):
        metadata = getattr(metadata, name, metadata)
    return metadata


def written(path: Path) -> Path | None:
    """Where the members of a group stand, in either form, the later one where both are there; or None."""
    found = [path] if path.is_file() else []
    checkpoint = newest(path.with_suffix(".orbax"))
    if checkpoint is not None and (not found or checkpoint.stat().st_mtime >= path.stat().st_mtime):
        found = [path.with_suffix(".orbax")]
    return found[0] if found else None


def remove(path: Path) -> None:
    """Remove a file or a folder of checkpoints, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
