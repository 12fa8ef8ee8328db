"""Streams behind the door: what a batch may be, and what cannot be done with batches."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

import jaxnn as nn
from jaxnn.data.streamed import read

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3)).astype(np.float32)
Y = (np.arange(20) % 2).astype(np.int32)


def rows(source):
    blocks = source.blocks(8, 2, True)
    blocks.until = 1
    found = [
        [leaf[c.batches.rows] for leaf in (c.batches.x, c.batches.y, c.batches.weight)] for c in iter(blocks, None)
    ]
    return [np.concatenate(part) for part in zip(*found, strict=True)]


def halves(make):
    return [make(slice(0, 12)), make(slice(12, 20))]


def tensors(part):
    torch = pytest.importorskip("torch")
    return [torch.tensor(X[part], requires_grad=True), torch.tensor(Y[part])]


@pytest.mark.parametrize(
    "batches",
    [
        halves(lambda part: (X[part], Y[part])),
        halves(lambda part: nn.Batch(X[part], Y[part], None)),
        nn.stream(halves(lambda part: {"x": X[part], "y": Y[part]})),
        nn.stream(halves(lambda part: {"image": X[part], "label": Y[part]}), target="label"),
        nn.stream(halves(lambda part: pd.DataFrame(X[part], columns=[*"abc"]).assign(y=Y[part])), target="y"),
        nn.stream(halves(lambda part: (X[part], np.array(["no", "yes"])[Y[part]])), classes=("no", "yes")),
        nn.stream(halves(lambda part: (X[part], Y[part].astype(bool)))),
    ],
    ids=["pairs", "batches", "x and y", "keys", "tables", "names", "truth values"],
)
def test_forms_of_a_batch(batches):
    x, y, weight = rows(read(batches, task="classes"))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert (weight == 1).all()


def test_loaders_of_pytorch():
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    x, y, _ = rows(read(torch.utils.data.DataLoader(data, batch_size=7)))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)
    assert rows(read(halves(tensors)))[0].tolist() == X.tolist()


def test_trees_and_weights_of_zero():
    batches = halves(lambda part: ({"a": X[part], "b": X[part] * 2}, Y[part], np.full(20, float(part.start > 0))[part]))
    source = read(batches)
    blocks = source.blocks(8, 3, True)
    blocks.until = 1
    flat = blocks().batches
    np.testing.assert_array_equal(flat.x["b"][flat.rows], 2 * X)
    assert flat.weight[flat.rows].tolist() == [0.0] * 12 + [1.0] * 8


def test_a_scaler_that_has_learned():
    scaler = StandardScaler().fit(X)
    x, *_ = rows(read(halves(lambda part: (X[part], Y[part])), prepare=scaler))
    np.testing.assert_allclose(x, scaler.transform(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"write prepare=StandardScaler\(\).fit\(x\)"):
        read(halves(lambda part: (X[part], Y[part])), prepare=StandardScaler())


def test_validation_parts():
    source = read(nn.stream((X, Y)), 0.25, task="classes")
    assert (source.origin.rows, source.judged.origin.rows, source.validation) == (15, 5, 0.25)
    source = read([(X, Y)], (X[:4], Y[:4]))
    assert len(source.held[0].y) == 4
    assert source.holds_out
    assert read([(X, Y)], [(X[:4], Y[:4])]).judged.origin.rows == 4


def test_fingerprints():
    same = [read(lambda k=k: [(X * k, Y)]).fingerprint() for k in (1, 1, 2)]
    assert same[0] == same[1] != same[2]
    loaders = [read(iter([(X * k, Y)])).fingerprint() for k in (1, 2)]
    assert loaders[0] == loaders[1]  # whose first batch may be another one each time


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: read([(X, Y)], 0.2), "a stream cannot be split.*another stream"),
        (lambda: read([(X, Y)], groups=Y), "a stream is not split"),
        (lambda: read((X, Y), [(X, Y)]), r"write nn.stream\(\(x, y\)\)"),
        (lambda: read(iter([])), "the stream gives no batches"),
        (lambda: read([(X, np.array(["a", "b"] * 10))]), r"write nn.stream\(batches, classes=\('a', 'b'\)\)"),
        (lambda: read(nn.stream([{"a": X, "b": Y}, {"a": X, "b": Y}])), r"target='b'"),
        (lambda: read(nn.stream([(X, Y)], target="b")), "a batch of the stream is a pair"),
        (lambda: read([(X, Y)], [(X[:, :2], Y)]), "rows of the validation data"),
        (lambda: read([(X, Y)], (X[:, :2], Y)), "rows of the validation data"),
        (lambda: read(nn.stream((X, Y[:3]))), "one row of x for one row of y"),
        (lambda: read(iter([(X, Y)]), scale=True), "can be read once"),
    ],
)
def test_what_a_stream_cannot_do(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
