"""Where batches come from, and how a place in them is found again."""

import numpy as np
import pytest

from jaxnn.data.origins import Once, Stateful, origin_of
from jaxnn.data.places import packed, unpacked


def left(opened):
    found = []
    while (piece := opened.take()) is not None:
        found.append((piece[0], piece[2]))
    return found


class Readable:
    def __iter__(self):
        return iter("abc")


class Loader:
    """As ``StatefulDataLoader`` of torchdata: the loader tells the place of the iterator that it made last."""

    def __init__(self):
        self.at, self.next = 0, 0

    def __iter__(self):
        self.at, self.next = self.next, 0
        while self.at < 4:
            self.at += 1
            yield "abcd"[self.at - 1]

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.next = state["at"]


class Cursor:
    """As an iterator of grain."""

    def __init__(self):
        self.at = 0

    def __iter__(self):
        return self

    def __next__(self):
        if self.at == 4:
            raise StopIteration
        self.at += 1
        return "abcd"[self.at - 1]

    def get_state(self):
        return str(self.at).encode()

    def set_state(self, state):
        self.at = int(state)


@pytest.mark.parametrize("batches", [list("abc"), lambda: "abc", Readable()], ids=["list", "function", "iterable"])
def test_turns_are_read_from_a_batch_on(batches):
    origin = origin_of(batches)
    assert origin.first() == origin.first() == "a"  # which uses nothing up
    assert left(origin.open(0)) == [(0, "a"), (1, "b"), (2, "c")]
    later = origin.open(1, 2)
    assert left(later)[-1] == (2, "c")
    assert not origin.once


def test_functions_are_told_the_epoch_and_nothing_else():
    assert left(origin_of(lambda epoch: [epoch]).open(3)) == [(0, 3)]
    with pytest.raises(ValueError, match=r"takes path; write lambda: _of_a_path"):
        origin_of(_of_a_path)


def _of_a_path(path):
    return path


def test_an_iterator_goes_on_from_where_it_is():
    origin = origin_of(iter("abcd"))
    assert isinstance(origin, Once)
    assert origin.first() == "a"
    opened = origin.open(5)
    assert [opened.take()[2] for _ in range(2)] == ["a", "b"]
    assert left(origin.open(5, 1)) == [(1, "b"), (2, "c"), (3, "d")]  # of the last one rows may be left
    with pytest.raises(ValueError, match="can be read once"):
        origin.open(5, 1)
    with pytest.raises(ValueError, match="can be read once"):
        origin.open(6)


@pytest.mark.parametrize("make", [Loader, Cursor])
def test_loaders_that_tell_their_place_go_back_to_it(make):
    origin = origin_of(make())
    opened = origin.open(0)
    assert [opened.take()[2] for _ in range(2)] == ["a", "b"]
    number, state = opened.here()
    assert number == 2
    assert left(origin_of(make()).open(0, 2, state)) == [(2, "c"), (3, "d")]
    assert origin.repeats is True


def test_shuffling_loaders_of_pytorch_are_known():
    torch = pytest.importorskip("torch.utils.data")
    data = torch.TensorDataset(torch_rows())
    assert origin_of(torch.DataLoader(data, 2, shuffle=True)).repeats is False
    assert origin_of(torch.DataLoader(data, 2)).repeats is None
    assert not isinstance(origin_of(torch.DataLoader(data, 2)), Stateful)
    with pytest.raises(ValueError, match="DataLoader"):
        origin_of(data)


def torch_rows():
    import torch

    return torch.arange(4)


def test_what_gives_no_batches():
    with pytest.raises(ValueError, match="a int gives no batches"):
        origin_of(3)


@pytest.mark.parametrize(
    "state", [None, 3, "a", b"\x00\xff", {"a": [1, (2, b"c")], 3: None}, np.arange(3), np.uint8(3)], ids=str
)
def test_places_go_through_json(state):
    import json

    again = unpacked(json.loads(json.dumps(packed(state))))
    np.testing.assert_equal(again, state)


def test_what_no_file_holds():
    with pytest.raises(ValueError, match="holds a object"):
        packed({"a": object()})
