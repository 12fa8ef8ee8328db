"""Trees of arrays and a JSON-able dict in one safetensors file: written at once or not at all, checked when read."""

import glob
import hashlib
import json
import os
import time
from pathlib import Path
from typing import IO, Any

import jax
import numpy as np

from jaxnn.core.parsed import parse

if os.name == "posix":
    import fcntl

FORMAT = "jaxnn 1"
DTYPES = {
    *(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)),
    *("bool", "float16", "bfloat16", "float32", "float64", "complex64"),
}


def write(path: str | os.PathLike, tree: Any, meta: dict[str, Any] | None = None) -> None:
    """Write a tree and a dict into one file.

    The file appears under its name when it is whole; until then, and after a crash, the old one stays.

    Args:
        path: where; missing folders are made.
        tree: nested dicts, lists, tuples and NamedTuples of arrays, numbers and typed random keys. The leaf names
            are the paths joined by ``/``.
        meta: what ``json.dumps`` takes.

    Raises:
        ValueError: for a leaf or a ``meta`` that the file cannot hold, with its path.

    Source: the safetensors format, https://huggingface.co/docs/safetensors.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/model.safetensors"
        >>> write(path, {"dense_0": {"kernel": np.eye(2)}, "empty": {}}, {"classes": ["no", "yes"]})
        >>> tree, meta = read(path)
        >>> tree["dense_0"]["kernel"].tolist(), tree["empty"], meta
        ([[1.0, 0.0], [0.0, 1.0]], {}, {'classes': ['no', 'yes']})
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    keys: dict[str, str] = {}
    empty: list[str] = []
    for parts, leaf in jax.tree_util.tree_flatten_with_path(tree, is_leaf=_is_empty)[0]:
        name = _name(parts)
        if name in arrays or name in empty:
            raise ValueError(f"two leaves are named {name!r}; rename one")
        if _is_empty(leaf):
            empty.append(name)
        elif _is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            arrays[name] = np.asarray(jax.random.key_data(leaf), order="C")
        else:
            arrays[name] = _array(name, leaf)
    try:
        about = json.dumps({"meta": meta or {}, "keys": keys, "empty": empty}, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise ValueError(f"meta must hold only what JSON holds ({error}); turn arrays into lists first") from None
    header = {"format": FORMAT, "about": about, "sha256": _digest(about, arrays)}
    replace(path, save(arrays, metadata=header))


def read(path: str | os.PathLike) -> tuple[Any, dict[str, Any]]:
    """Read what `write` wrote, as nested dicts.

    Args:
        path: of the file.

    Returns:
        ``(tree, meta)``: every list, tuple and NamedTuple of the written tree is a dict by index or field, every
        leaf a NumPy array, every random key a JAX key.

    Raises:
        ValueError: if there is no such file, or it is damaged, or no file of this library. Nothing in it is run.

    Example:
        >>> read("nowhere.safetensors")
        Traceback (most recent call last):
        ValueError: there is no file nowhere.safetensors
    """
    leaves, empty, meta = _leaves(path)
    tree: Any = {}
    for name, leaf in [*leaves.items(), *((name, {}) for name in empty)]:
        if name == "":
            return leaf, meta
        *folders, last = name.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
            if not isinstance(node, dict):
                raise ValueError(f"{path} is damaged: {name!r} lies below a leaf")
        if last in node:
            raise ValueError(f"{path} is damaged: {name!r} is there twice")
        node[last] = leaf
    return tree, meta


def read_into(path: str | os.PathLike, like: Any) -> tuple[Any, dict[str, Any]]:
    """Read what `write` wrote into the structure of ``like``.

    Args:
        path: of the file.
        like: a tree of arrays, ``jax.ShapeDtypeStruct``, keys or numbers; only structure, shapes and dtypes are read.

    Returns:
        ``(tree, meta)``, the leaves NumPy arrays, keys where ``like`` has keys, Python numbers where it has those.

    Raises:
        ValueError: as `read`, and if a leaf is missing, too many, or of another shape or dtype.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/tree.safetensors"
        >>> write(path, (1.5, {"a": np.zeros(3)}))
        >>> read_into(path, (0.0, {"a": np.ones(3)}))[0]
        (1.5, {'a': array([0., 0., 0.])})
        >>> read_into(path, (0.0, {"a": np.ones((3, 2))}))
        Traceback (most recent call last):
        ValueError: 1/a: the file holds float64 (3,), the target float64 (3, 2)...
    """
    leaves, _, meta = _leaves(path)
    wanted, structure = jax.tree_util.tree_flatten_with_path(like)
    names = [_name(parts) for parts, _ in wanted]
    for name in names:
        if name not in leaves:
            raise ValueError(f"{path} has no leaf {name!r}; build the target as the file was written")
    extra = sorted(set(leaves) - set(names))
    if extra:
        raise ValueError(f"{path} has a leaf {extra[0]!r} that the target lacks; build it as the file was written")
    fitted = [_fit(name, leaves[name], target) for name, (_, target) in zip(names, wanted, strict=True)]
    return jax.tree.unflatten(structure, fitted), meta


def replace(path: str | os.PathLike, data: bytes) -> None:
    """Put ``data`` under ``path`` at once: a temporary file beside it, flushed to the disk, then renamed.

    What a killed process left of the same file is removed first.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> replace(path, b"new")
        >>> path.read_bytes()
        b'new'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    swept(path.parent, glob.escape(path.name))
    beside = path.with_name(f".{path.name}.{os.urandom(6).hex()}.tmp")
    try:
        with open(beside, "xb") as file:
            _locked(file)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if os.name == "posix":
                os.replace(beside, path)
        if os.name != "posix":  # which renames no open file
            os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def swept(folder: Path, pattern: str) -> None:
    """Remove what killed processes left half written of the files of a pattern; what is being written stays.

    Whoever writes holds a lock, of which the system lets go when he dies.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> left = folder / ".a.txt.0123456789ab.tmp"
        >>> left.write_bytes(b"half")
        4
        >>> swept(folder, "*.txt")
        >>> left.exists()
        False
    """
    for path in folder.glob(f".{pattern}.{'[0-9a-f]' * 12}.tmp"):
        try:
            with open(path, "r+b") as file:
                about = os.fstat(file.fileno())
                just_begun = about.st_size == 0 and time.time() - about.st_mtime < 60  # perhaps not locked yet
                if not just_begun and _locked(file):
                    path.unlink(missing_ok=True)
        except OSError:
            continue  # another one's, or gone


def _locked(file: IO[bytes]) -> bool:
    """Whether this process now holds the lock of a file, for as long as it is open."""
    if os.name != "posix":
        return True  # where no open file can be removed
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # another one has it, or the file system knows no locks
        return False
    return True


def _leaves(path: str | os.PathLike) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
    """The leaves by name, the names of the empty nodes and the meta of a file whose digest is right."""
    from safetensors import safe_open

    if not Path(path).is_file():
        raise ValueError(f"there is no file {path}")
    try:
        with safe_open(path, "numpy") as file:
            header = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if header.get("format") != FORMAT:
            raise ValueError(f"it is not of the format {FORMAT!r}")
        if header["sha256"] != _digest(header["about"], arrays):
            raise ValueError("its checksum is wrong")
        about = parse(header["about"])
        for name, impl in about["keys"].items():
            arrays[name] = jax.random.wrap_key_data(jax.numpy.asarray(arrays[name]), impl=impl)
        return arrays, [str(name) for name in about["empty"]], dict(about["meta"])
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} is damaged or no file of jaxnn: {reason}") from None


def _digest(about: str, arrays: dict[str, np.ndarray]) -> str:
    """The sha256 of all that a file holds: the text, then each array's name, dtype, shape and bytes."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        digest.update(f"\n{name}\n{arrays[name].dtype}\n{arrays[name].shape}\n".encode())
        digest.update(arrays[name].reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _fit(name: str, leaf: Any, like: Any) -> Any:
    number = type(like) if isinstance(like, (bool, int, float)) else None
    like = np.asarray(like) if number else like
    if leaf.shape != np.shape(like) or leaf.dtype != like.dtype:
        raise ValueError(
            f"{name}: the file holds {leaf.dtype} {leaf.shape}, the target {like.dtype} {np.shape(like)}; "
            "build the target as the file was written"
        )
    return number(leaf) if number else leaf


def _array(name: str, leaf: Any) -> np.ndarray:
    """``leaf`` in C order and the byte order of the machine; safetensors would write other arrays wrongly."""
    array = np.asarray(leaf, order="C")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if str(array.dtype) not in DTYPES:
        raise ValueError(f"{name or 'the tree'} is a {type(leaf).__name__} of {array.dtype}, which no file can hold")
    return array


def _name(parts: tuple) -> str:
    names = [jax.tree_util.keystr((part,), simple=True) for part in parts]
    for name in names:
        if not name or "/" in name:
            raise ValueError(f"the key {name!r} of the tree is empty or holds '/', which separates names; rename it")
    return "/".join(names)


def _is_empty(node: Any) -> bool:
    return isinstance(node, (dict, list, tuple)) and len(node) == 0


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
