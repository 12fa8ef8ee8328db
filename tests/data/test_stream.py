"""What is a stream, and what is rows in memory."""

import numpy as np
import pandas as pd
import pytest

import jaxnn as nn
from jaxnn.data.stream import Stream, is_stream

X, Y = np.ones((4, 2)), np.arange(4)


@pytest.mark.parametrize(
    "data",
    [
        (X, Y), [X, Y], (X, Y, Y), ((X, X), {"a": Y}), nn.Batch(X, Y, None), (pd.DataFrame(X), Y), X, {"x": X},
        "digits", [[[1.0], [2.0]], [0, 1]], [], None, 3,
    ],
)  # fmt: skip
def test_rows_in_memory(data):
    assert not is_stream(data)


@pytest.mark.parametrize("data", [[(X, Y)], [(X, Y), (X, Y)], [nn.Batch(X, Y, None)], iter([]), len, range(3)])
def test_streams(data):
    assert is_stream(data)
    assert is_stream(nn.stream(data))


def test_arrays_on_a_disk(tmp_path):
    np.save(tmp_path / "x.npy", X)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert is_stream((x, Y))
    assert is_stream(((x, X), Y))
    assert not is_stream(x)


def test_loaders_of_pytorch():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.ones(4, 2), torch.arange(4))
    assert is_stream(torch.utils.data.DataLoader(data, 2))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: nn.stream([], steps_per_epoch=0), "steps_per_epoch must be a whole number"),
        (lambda: nn.stream([], prefetch=True), "prefetch must be a whole number"),
        (lambda: nn.stream([], classes="no"), "classes must be the names in order"),
        (lambda: nn.stream(Stream([])), "this is a stream already"),
        (lambda: nn.stream("rows.parquet"), "which column is to be predicted"),
    ],
)
def test_options_that_do_not_fit(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
