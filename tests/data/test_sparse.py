"""Sparse matrices: dense where they fit, told where they are large, refused where they are huge."""

import numpy as np
import pytest
import scipy.sparse

from jaxnn.data import sparse


def test_what_is_sparse():
    assert sparse.is_sparse(scipy.sparse.eye_array(2)) and sparse.is_sparse(scipy.sparse.csr_matrix(np.eye(2)))
    assert not sparse.is_sparse(np.eye(2)) and not sparse.is_sparse([[1]])


def test_a_huge_matrix_is_refused_with_its_memory():
    x = scipy.sparse.csr_array((100_000, 50_000), dtype=np.float64)
    with pytest.raises(ValueError, match=r"100000 rows of 50000 numbers take 37 GiB .*TruncatedSVD"):
        sparse.dense(x, "x of the data")


def test_a_large_one_is_told(monkeypatch):
    monkeypatch.setattr(sparse, "TOLD", 100)
    with pytest.warns(UserWarning, match="x of the data is sparse, and its 10 rows of 10 numbers take"):
        assert sparse.dense(scipy.sparse.eye_array(10, dtype=np.float32), "x of the data").dtype == np.float32
    assert (sparse.MOST, sparse.TOLD) == (4 * 2**30, 100)
