"""Arrays on a disk are read row by row, in the order of a training in memory."""

import h5py
import numpy as np
import pytest

from jaxnn.data.batches import epoch_orders
from jaxnn.data.lazy import Rows, is_lazy, taken

X = np.arange(60.0).reshape(20, 3)


@pytest.fixture(params=["memmap", "part of a memmap", "hdf5", "array"])
def array(request, tmp_path):
    if request.param == "array":
        yield X
    elif request.param == "hdf5":
        with h5py.File(tmp_path / "x.h5", "w") as file:
            yield file.create_dataset("x", data=X)
    else:
        np.save(tmp_path / "x.npy", np.concatenate([X, X]))
        found = np.load(tmp_path / "x.npy", mmap_mode="r")
        yield found[20:] if "part" in request.param else found[:20]


@pytest.mark.parametrize("rows", [[3, 4, 5], [7, 0, 7, 2], [], [19]])
def test_rows_by_number(array, rows):
    found = taken(array, np.array(rows, int))
    assert found.tolist() == X[np.array(rows, int)].tolist()
    assert not isinstance(found, np.memmap) or not len(found) or found.base is None


def test_the_order_of_an_epoch(array):
    origin = Rows((array, np.arange(20)), np.arange(1, 20), seed=3)
    origin.piece = 4
    for turn in (0, 2):
        opened, found = origin.open(turn), []
        while (piece := opened.take()) is not None:
            found += piece[2][1].tolist()
        assert found == (1 + epoch_orders(3, turn, 1, 19)[0]).tolist()
    later = origin.open(2, 3)
    assert later.take()[2][1].tolist() == found[12:16]


def test_what_lies_elsewhere(array):
    assert is_lazy(array) == (array is not X)


def test_a_private_copy_of_a_map_is_read_as_it_stands(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(6.0).reshape(3, 2))
    mine = np.load(tmp_path / "x.npy", mmap_mode="c")
    mine += 100.0
    assert taken(mine, np.array([2, 0])).tolist() == [[104.0, 105.0], [100.0, 101.0]]
