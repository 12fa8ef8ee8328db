"""Sparse matrices of SciPy, recognised without importing it: made dense, which is told, or refused with the memory."""

import warnings
from typing import Any

import numpy as np

TOLD = 64 * 2**20
"""Bytes from which on a warning says what dense rows take."""
MOST = 4 * 2**30
"""Bytes that are too many."""


def is_sparse(value: Any) -> bool:
    """Whether this is a sparse matrix or array.

    Example:
        >>> is_sparse(np.eye(2))
        False
    """
    return any(c.__module__.partition(".")[0] == "scipy" for c in type(value).__mro__) and hasattr(value, "toarray")


def dense(value: Any, what: str) -> np.ndarray:
    """The rows as a dense array of floats.

    Args:
        value: a sparse matrix.
        what: how messages call it.

    Raises:
        ValueError: if that would take more than `MOST` bytes.

    Example:
        >>> import scipy.sparse
        >>> dense(scipy.sparse.eye_array(2, dtype=int), "x").tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    dtype = value.dtype if value.dtype.kind == "f" else np.dtype(np.float64)
    size = int(np.prod(value.shape, dtype=np.float64)) * dtype.itemsize
    rows = f"{what} is sparse, and its {value.shape[0]} rows of {value.shape[-1]} numbers take {size / 2**30:.2g} GiB"
    if size > MOST:
        raise ValueError(
            f"{rows} as a dense array; write fewer columns, as with "
            "sklearn.decomposition.TruncatedSVD(100).fit_transform(x), or fewer rows"
        )
    if size > TOLD:
        warnings.warn(f"{rows} as a dense array, which it becomes", stacklevel=2)
    return value.astype(dtype).toarray()
