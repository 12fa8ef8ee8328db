"""Weights out of files: held against what the model makes of them, before anything is computed with them."""

import functools
import math
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.core.files import DTYPES
from jaxnn.core.tree import path_of
from jaxnn.train.heads import check_trees

LARGEST_ROW = 2**28
"""Numbers in one row of inputs, at most."""
CALLS = 10_000_000, 100_000
"""Calls of functions in which shapes go through a model, at most, and more for each of its weights."""
KINDS = jnp.floating, jnp.integer, jnp.bool_, jnp.complexfloating, jax.dtypes.prng_key


def row_written(row: Any) -> Any:
    """One row of inputs, a tree of shapes, as JSON.

    Example:
        >>> row_written((jax.ShapeDtypeStruct((1, 3), np.float32),))
        {'tuple': [{'shape': [1, 3], 'dtype': 'float32'}]}
    """
    if row is None:
        return None
    if isinstance(row, Mapping):
        return {"dict": {str(key): row_written(part) for key, part in row.items()}}
    if isinstance(row, (tuple, list)):
        return {"tuple": [row_written(part) for part in row]}
    return {"shape": list(map(int, row.shape)), "dtype": str(row.dtype)}


def row_read(text: Any) -> Any:
    """The tree of shapes that `row_written` wrote.

    Raises:
        ValueError: for a shape or a dtype that no row has.

    Example:
        >>> row_read({"shape": [1, 3], "dtype": "float32"})
        ShapeDtypeStruct(shape=(1, 3), dtype=float32)
    """
    if text is None:
        return None
    if isinstance(text.get("dict"), dict):
        return {key: row_read(part) for key, part in text["dict"].items()}
    if isinstance(text.get("tuple"), list):
        return tuple(map(row_read, text["tuple"]))
    shape, dtype = text["shape"], text["dtype"]
    whole = isinstance(shape, list) and all(type(n) is int and n >= 0 for n in shape) and shape[:1] == [1]
    if not whole or dtype not in DTYPES or math.prod(shape) > LARGEST_ROW:
        raise ValueError(f"no row of inputs is {dtype!r:.40} {shape!r:.80}")
    return jax.ShapeDtypeStruct(tuple(shape), jax.dtypes.canonicalize_dtype(dtype))


def fitted(
    spec: Any, row: Any, trees: dict[str, Any], lead: tuple[int, ...] = (), loss: Any = None
) -> dict[str, Any]:  # fmt: skip
    """Weights and model state in the trees that the model makes of them, each leaf checked.

    Args:
        spec: the model.
        row: one row of its inputs as shapes.
        trees: ``{"params": ..., "state": ...}``, nested dicts as a file has them, or as the model made them.
        lead: axes before those of the leaves, ``(members,)`` where they are stacked.
        loss: as a `Trial` has it; where losses go by output, the model must give these outputs.

    Raises:
        ValueError: with the first leaf that is missing, too many, or of another shape or dtype, or with the outputs;
            and where nobody knows a row.

    Example:
        >>> import jaxnn as nn
        >>> row = jax.ShapeDtypeStruct((1, 3), np.float32)
        >>> fitted(nn.Dense(2), row, {"params": {"kernel": np.ones((3, 1)), "bias": np.ones(2)}, "state": {}})
        Traceback (most recent call last):
        ValueError: params/kernel is float64 (3, 1) and the model needs float32 (3, 2)
    """
    if row is None:
        raise ValueError(
            "the model knows no row of its inputs, by which weights are checked; write nn.Model(..., row=x[:1])"
        )
    leaves, tree = jax.tree.flatten(row)
    calls = CALLS[0] + CALLS[1] * len(jax.tree.leaves(trees))
    made, outputs = _made(spec, tree, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves), calls)
    check_trees(loss, outputs, outputs, "the model")
    wanted, structure = jax.tree_util.tree_flatten_with_path(made)
    places = {path_of(path): leaf for path, leaf in wanted}
    found = {path_of(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(trees)}
    first: dict[Any, Any] = {}
    for name in sorted({*places, *found}):
        if name not in found:
            raise ValueError(f"{name} is missing, of which the model needs {_told(places[name], lead)}")
        if name not in places:
            raise ValueError(f"{name} is there, and the model has no place for it")
        leaf, place = found[name], places[name]
        if np.shape(leaf) != (*lead, *place.shape) or _kind(leaf) != _kind(place):
            raise ValueError(f"{name} is {_told(leaf)} and the model needs {_told(place, lead)}")
        alike = first.setdefault((name.partition("/")[0], place.dtype), (name, leaf.dtype))
        if alike[1] != leaf.dtype:  # all may be narrower or wider than the model draws them, but not some
            raise ValueError(f"{name} is {leaf.dtype} and {alike[0]} is {alike[1]}, and in the model they are alike")
    return jax.tree.unflatten(structure, [found[name] for name in places])


@functools.lru_cache(maxsize=64)
def _made(spec: Any, tree: Any, rows: tuple, calls: int) -> tuple[dict[str, Any], Any]:
    """The shapes of weights and state of a model for rows of these shapes, and what it gives for them."""
    row = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(shape, dtype) for shape, dtype in rows])

    def run(key: Any, x: Any) -> Any:
        params, state = spec.init(key, x)
        return {"params": params, "state": state}, spec.apply(params, state, x)[0]

    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    with _at_most(calls):
        return jax.eval_shape(run, key, row)


@contextmanager
def _at_most(calls: int) -> Iterator[None]:
    """Raise after so many calls of functions: a changed number in a file may ask for a loop without end."""
    left, before = calls, sys.getprofile()

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError("the model takes far more work than its weights tell of")

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)


def _kind(leaf: Any) -> Any:
    return next((kind for kind in KINDS if jnp.issubdtype(leaf.dtype, kind)), None)


def _told(leaf: Any, lead: tuple[int, ...] = ()) -> str:
    return f"{leaf.dtype} {(*lead, *np.shape(leaf))}"


def check_scaling(standardiser: Any, row: Any) -> None:
    """Raise unless a standardiser scales rows of these shapes.

    Raises:
        ValueError: with both shapes, and for a scale that is not above 0.
    """
    if standardiser is None or row is None:
        return
    parts = jax.tree_util.tree_leaves_with_path(row)
    rows = {path_of(path).replace("/", "."): leaf.shape[1:] for path, leaf in parts}
    for what, tree in standardiser._asdict().items():
        leaves = jax.tree_util.tree_leaves_with_path(tree)
        if not leaves and not isinstance(tree, dict):
            raise ValueError(f"the {what} of rows is {tree!r:.80}")
        for path, leaf in ((path, np.asarray(leaf)) for path, leaf in leaves):
            name = path_of(path)
            own = rows.get(name, (None,))
            fits = leaf.shape == own or (leaf.ndim and leaf.shape == own[1:])  # of a sequence all steps alike
            if not fits or not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise ValueError(f"the {what} of rows is {_told(leaf)}, and the model takes rows {own}")
            if not np.isfinite(leaf).all() or (what == "scale" and not np.all(leaf > 0)):
                raise ValueError(f"the {what} of rows holds {leaf.min()} to {leaf.max()}, by which no row is scaled")


def warn_narrow(path: Any, trees: Any) -> None:
    """Warn once where JAX would compute with fewer digits than a file holds.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as told:
        ...     warnings.simplefilter("always")
        ...     warn_narrow("model.safetensors", {"kernel": np.ones(2)})
        >>> print(told[0].message)
        model.safetensors holds float64 and JAX computes in float32 here; write jax.config.update("jax_enable_x64",
            True) before loading
    """
    for leaf in jax.tree.leaves(trees):
        wide = getattr(leaf, "dtype", None)
        if wide in (np.float64, np.int64, np.uint64, np.complex128) and jax.dtypes.canonicalize_dtype(wide) != wide:
            narrow = jax.dtypes.canonicalize_dtype(wide)
            warnings.warn(
                f"{path} holds {wide} and JAX computes in {narrow} here; "
                'write jax.config.update("jax_enable_x64", True) before loading',
                stacklevel=3,
            )
            return
