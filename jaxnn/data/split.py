"""Parts of a data set: a hold-out, and the standardisation fitted on one part."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.data import scaling


def holdout(n: int, fraction: float, seed: int = 0, labels: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """Split ``n`` rows into a training part and a held part of ``ceil(fraction * n)`` rows.

    With ``labels`` every class is held in proportion (largest remainders) and keeps at least one training row,
    so that fewer rows are held where the classes are too small.

    Args:
        n: number of rows.
        fraction: share of the rows that is held, above 0 and below 1.
        seed: the split is a pure function of the arguments, the same under every version of NumPy.
        labels: ``(n,)`` classes to stratify by; None for none.

    Returns:
        ``(train_rows, held_rows)``, two sorted int64 arrays that together are ``0 .. n - 1``; neither is empty.

    Raises:
        ValueError: if a part would be empty, or the labels do not fit.

    Source: the sizes are those of ``sklearn.model_selection.train_test_split``.

    Example:
        >>> train, held = holdout(10, 0.2, labels=[0] * 5 + [1] * 5)
        >>> len(train), len(held), int((held < 5).sum())
        (8, 2, 1)
    """
    if not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
        raise ValueError(f"the held fraction must lie between 0 and 1, got {fraction!r}; write holdout(n, 0.2)")
    held = math.ceil(fraction * n)
    if n < 2 or not 0 < held < n:
        raise ValueError(f"{n} rows cannot be split at {fraction} into two parts with rows; give more rows")
    order = _shuffled(n, seed)
    if labels is None:
        return np.sort(order[held:]), np.sort(order[:held])
    codes = _codes(n, labels)
    counts = np.bincount(codes)
    quota = counts * (held / n)
    take = np.minimum(np.floor(quota + 1e-9).astype(int), counts - 1)
    for i in _by_remainder(quota - take, counts - 1 - take, held - take.sum()):
        take[i] += 1
    if take.sum() == 0:
        raise ValueError(f"each of the {n} rows is a class of its own; write holdout({n}, {fraction}) without labels")
    order = order[np.argsort(codes[order], kind="stable")]
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    is_held = rank < np.repeat(take, counts)
    return np.sort(order[~is_held]), np.sort(order[is_held])


class Standardiser(NamedTuple):
    """Statistics that give each feature zero mean and unit variance: ``(x - mean) / scale``.

    Args:
        mean, scale: arrays of the shape of one row; of inputs that are several arrays a dict of them, by path.

    Example:
        >>> Standardiser(np.array([1.0]), np.array([2.0])).transform([[5.0]]).tolist()
        [[2.0]]
    """

    mean: Any
    scale: Any

    def transform(self, x: Any) -> Any:
        """``(x - mean) / scale``: float32 for NumPy input (computed in float64), the dtype of ``x`` for a JAX array."""
        return _affine(x, lambda x, mean, scale: (x - mean) / scale, self)

    def inverse(self, x: Any) -> Any:
        """``x * scale + mean``, the way back from `transform`."""
        return _affine(x, lambda x, mean, scale: x * scale + mean, self)


def standardise(x: Any, weight: Any = None) -> Standardiser:
    """Fit a `Standardiser` on the rows of ``x``, each feature by itself; a constant feature gets scale 1.

    Args:
        x: ``(rows, ...)`` numbers, read on the host in float64; or a dict or tuple of such arrays, of which those of
            floats are scaled, see `jaxnn.data.scaling`.
        weight: ``(rows,)`` weights of the rows, rows of weight 0 are left out; None weighs all alike.

    Returns:
        A `Standardiser` of float64 arrays of shape ``x.shape[1:]``.

    Raises:
        ValueError: if no row has a weight above 0, or the lengths differ.

    Source: ``sklearn.preprocessing.StandardScaler``.

    Example:
        >>> fitted = standardise([[0.0, 5.0], [2.0, 5.0], [99.0, 5.0]], weight=[1, 1, 0])
        >>> fitted.mean.tolist(), fitted.scale.tolist(), fitted.transform([[4.0, 5.0]]).tolist()
        ([1.0, 5.0], [1.0, 1.0], [[3.0, 0.0]])
    """
    if scaling.is_tree(x):
        return Standardiser(*scaling.fit(x, weight, standardise))
    rows = np.asarray(x, dtype=np.float64)
    weights = np.ones(len(rows)) if weight is None else np.asarray(weight, dtype=np.float64)
    if weights.shape != rows.shape[:1]:
        raise ValueError(f"x has {len(rows)} rows and weight the shape {weights.shape}; give one weight for each row")
    rows, weights = rows[weights > 0], weights[weights > 0]
    if len(rows) == 0:
        raise ValueError("no row has a weight above 0; write standardise(x) to use all rows")
    mean = np.average(rows, axis=0, weights=weights)
    scale = np.sqrt(np.average((rows - mean) ** 2, axis=0, weights=weights))
    constant = rows.max(axis=0) == rows.min(axis=0)
    return Standardiser(np.where(constant, rows[0], mean), np.where(constant | (scale == 0), 1.0, scale))


def _affine(x: Any, f: Any, fitted: Standardiser) -> Any:
    if isinstance(fitted.mean, dict):
        return scaling.apply(x, fitted.mean, fitted.scale, lambda a, *own: _affine(a, f, Standardiser(*own)))
    if isinstance(x, jax.Array):
        narrow = x.dtype if jnp.issubdtype(x.dtype, jnp.floating) else jnp.float32
        wide = jnp.float64 if narrow == jnp.float64 else jnp.float32
        beside = lambda s: jnp.asarray(s, wide).reshape(*(1,) * (x.ndim - np.ndim(s)), *np.shape(s))  # noqa: E731
        return f(x.astype(wide), *map(beside, fitted)).astype(narrow)
    return f(np.asarray(x, dtype=np.float64), np.asarray(fitted.mean), np.asarray(fitted.scale)).astype(np.float32)


def _shuffled(n: int, seed: int) -> np.ndarray:
    """A permutation from the raw stream of PCG64, which NumPy promises never to change."""
    return np.argsort(np.random.PCG64(seed).random_raw(n), kind="stable")


def _codes(n: int, labels: Any) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (n,):
        raise ValueError(f"there are {n} rows and labels of shape {labels.shape}; give one label for each row")
    return np.unique(labels, return_inverse=True)[1]


def _by_remainder(remainder: np.ndarray, room: np.ndarray, missing: int) -> list[int]:
    """The classes that give one row more: largest remainder first, again from the start while any has room."""
    chosen: list[int] = []
    ranked = np.argsort(-remainder, kind="stable")
    for lap in range(int(room.max(initial=0))):
        chosen += [int(i) for i in ranked if room[i] > lap]
    return chosen[:missing]
