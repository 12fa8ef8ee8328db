"""Sparse matrices: dense where they fit, told where they are large, refused where they are huge."""

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

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


def test_what_is_told_and_refused_begins_above_the_limits(monkeypatch):
    assert sparse.TOLD == 64 * 2**20
    x = scipy.sparse.eye_array(8, 4, dtype=np.float64)  # 256 bytes
    monkeypatch.setattr(sparse, "TOLD", 256)
    monkeypatch.setattr(sparse, "MOST", 256)
    assert sparse.dense(x, "x").tolist() == np.eye(8, 4).tolist()
    monkeypatch.setattr(sparse, "TOLD", 255)
    with pytest.warns(UserWarning, match=r"x is sparse, and its 8 rows of 4 numbers take 2.4e-07 GiB as a dense array"):
        sparse.dense(x, "x")
    monkeypatch.setattr(sparse, "MOST", 255)
    with pytest.raises(ValueError, match=r"8 rows of 4 numbers take 2.4e-07 GiB .* or fewer rows"):
        sparse.dense(x, "x")


@pytest.mark.parametrize(("dtype", "becomes"), [(np.float32, np.float32), (int, np.float64), (bool, np.float64)])
def test_floats_stay_and_whole_numbers_become_floats(dtype, becomes):
    made = sparse.dense(scipy.sparse.coo_array(np.eye(3, 2, dtype=dtype)), "x")
    assert made.dtype == becomes and made.tolist() == np.eye(3, 2).tolist()


def test_what_only_looks_sparse_is_not():
    class Own:
        def toarray(self):
            return np.eye(2)

    assert not sparse.is_sparse(Own())
    assert not sparse.is_sparse(scipy.sparse.linalg.aslinearoperator(np.eye(2)))
