"""The rows of a training: parts, orders, blocks, scaling, names, places and digests."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn.data import source as sources
from jaxnn.data.source import Source, read

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)).astype(np.float32), RNG.integers(0, 2, 20)


def parted(parts, held=None, seed=0):
    rows = max(max(p) for p in parts) + 1
    batch = nn.Batch(np.arange(rows, dtype=np.float32)[:, None], np.arange(rows), np.ones(rows, np.float32))
    return Source(batch, tuple(np.array(p) for p in parts), held, seed)


PARTS = st.lists(st.sets(st.integers(0, 15), min_size=1, max_size=9).map(sorted), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(parts=PARTS, seed=st.integers(0, 99), first=st.integers(0, 200), count=st.integers(1, 5), shuffle=st.booleans())
def test_every_training_row_comes_once_an_epoch_part_by_part(parts, seed, first, count, shuffle):
    source = parted(parts, seed=seed)
    assert source.rows == max(map(len, parts))
    orders = source.orders(first, count, shuffle)
    assert orders.shape == (count, len(parts), source.rows) and orders.dtype == np.int32
    for epoch in range(count):
        for i, rows in enumerate(parts):
            real, filling = orders[epoch, i, : len(rows)], orders[epoch, i, len(rows) :]
            assert sorted(real) == rows and set(filling) <= {real[0]}
            words = np.random.Philox(np.random.SeedSequence((seed, first + epoch))).random_raw(len(rows))
            expected = np.array(rows)[np.argsort(words)] if shuffle else rows
            np.testing.assert_array_equal(real, expected)


@settings(max_examples=20, deadline=None)
@given(capacity=st.integers(1, 7), entries=st.integers(1, 400), parts=PARTS, first=st.integers(0, 50))
def test_blocks_of_any_capacity_hold_the_same_epochs(capacity, entries, parts, first):
    source = parted(parts)
    before = sources.CAPACITY, sources.ORDER_ENTRIES
    try:
        sources.CAPACITY, sources.ORDER_ENTRIES = capacity, entries
        found, epoch = [], first
        assert source.capacity == max(1, min(capacity, entries // (source.rows * len(parts))))
        while epoch < first + 9:
            block = source.block(epoch, first + 9 - epoch)
            assert block.orders.shape == (source.capacity, len(parts), source.rows)
            assert block.orders.dtype == block.sizes.dtype == block.count.dtype == np.int32
            assert int(block.count) == min(source.capacity, first + 9 - epoch)
            np.testing.assert_array_equal(block.sizes, [len(p) for p in parts])
            assert not block.orders[int(block.count) :].any()
            found.append(block.orders[: int(block.count)])
            epoch += int(block.count)
    finally:
        sources.CAPACITY, sources.ORDER_ENTRIES = before
    np.testing.assert_array_equal(np.concatenate(found), source.orders(first, 9))


def test_a_block_may_be_asked_for_whole_and_unshuffled():
    source = read((X, Y))
    block = source.block(2, 100, capacity=100)
    np.testing.assert_array_equal(block.orders, source.orders(2, 100))
    still = source.block(0, 3, shuffle=False, capacity=5)
    assert still.orders[:3].tolist() == [[list(range(20))]] * 3 and int(still.count) == 3
    assert block.data is source.data and block.held is None
    assert source.capacity == sources.CAPACITY == 64
    assert (sources.ORDER_ENTRIES, sources.EVALUATION_ROWS) == (2**22, 4096)


def test_long_epochs_make_short_blocks(monkeypatch):
    monkeypatch.setattr(sources, "ORDER_ENTRIES", 50)
    assert read((X, Y)).capacity == 2 and parted([[0, 1, 2]] * 4).capacity == 4
    monkeypatch.setattr(sources, "ORDER_ENTRIES", 10)
    assert read((X, Y)).capacity == 1 == len(read((X, Y)).block(0, 9).orders)
    assert read((X, np.stack([Y, Y], 1))).rows == 20


def test_one_row_of_inputs_of_any_tree():
    source = read(({"a": X, "b": X[:, 0]}, Y))
    assert {name: a.shape for name, a in source.first_row.items()} == {"a": (1, 3), "b": (1,)}
    np.testing.assert_array_equal(source.first_row["a"], X[:1])


@pytest.mark.parametrize("labels", [Y, Y.astype(np.float32), np.stack([Y, Y], 1)])
def test_a_fraction_is_held_out_as_holdout_does(labels):
    source = read((X, labels), 0.3, shuffle_seed=4)
    stratify = labels if labels.ndim == 1 and labels.dtype.kind == "i" else None
    rows, theirs = nn.data.holdout(20, 0.3, seed=4, labels=stratify)
    np.testing.assert_array_equal(source.parts[0], rows)
    np.testing.assert_array_equal(source.held[0].x, X[theirs])
    np.testing.assert_array_equal(source.held[0].y, labels[theirs])
    assert source.validation == 0.3 and source.shuffle_seed == 4 and source.rows == len(rows)
    np.testing.assert_array_equal(source.data.x, X)


def test_a_pair_is_held_as_it_is():
    source = read((X, Y), (X[:4], Y[:4], [1, 0, 2, 1]))
    assert source.validation == "pair" and source.rows == 20
    np.testing.assert_array_equal(source.held[0].weight, [1, 0, 2, 1])
    assert read((X, Y)).held is None and read((X, Y)).held_batches is None and read((X, Y)).validation is None
    assert read(source) is source


def test_held_rows_of_all_parts_are_stacked_and_padded_alike(monkeypatch):
    monkeypatch.setattr(sources, "EVALUATION_ROWS", 2)
    full = read((X, Y))
    held = tuple(jax.tree.map(lambda a, n=n: a[:n], full.data) for n in (5, 3))
    several = dataclasses.replace(full, parts=(np.arange(5, 20), np.arange(3, 20)), held=held).held_batches
    assert several.x.shape == (2, 3, 2, 3)
    assert several.rows.reshape(2, 6).sum(1).tolist() == [5, 3]
    assert (several.weight.reshape(2, 6) == several.rows.reshape(2, 6)).all()
    one = dataclasses.replace(full, held=held[:1]).held_batches
    np.testing.assert_array_equal(one.x, several.x[:1])
    monkeypatch.setattr(sources, "EVALUATION_ROWS", 100)
    assert dataclasses.replace(full, held=held[:1]).held_batches.x.shape == (1, 1, 5, 3)


def test_scaling_is_fitted_on_the_training_part_in_double():
    wide = np.r_[X[:10], X[10:] * 3].astype(np.float64) + 1e8
    weight = np.r_[np.zeros(3), np.full(17, 2.0)]
    source = read((wide, Y, weight), 0.25, scale=True)
    rows = source.parts[0]
    _, theirs = nn.data.holdout(20, 0.25, seed=0, labels=Y)
    mean = np.average(wide[rows], axis=0, weights=weight[rows])
    scale = np.sqrt(np.average((wide[rows] - mean) ** 2, axis=0, weights=weight[rows]))
    np.testing.assert_allclose(source.data.x, (wide - mean) / scale, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(source.held[0].x, (wide[theirs] - mean) / scale, rtol=1e-4, atol=1e-4)
    assert source.data.x.dtype == source.held[0].x.dtype == np.float32
    np.testing.assert_allclose(source.standardiser.mean, mean)
    pair = read((wide, Y), (wide[:4], Y[:4]), scale=True)
    np.testing.assert_allclose(pair.held[0].x, pair.data.x[:4], rtol=1e-5)
    assert read((X, Y)).standardiser is None


def test_names_come_along():
    class Named:
        x, y, classes, features = X, Y, ["no", "yes"], ["a", "b", "c"]

    source = read(Named())
    assert source.classes == ("no", "yes") and source.features == ("a", "b", "c")
    assert read((X, Y)).classes is None and read((X, Y)).features is None


def test_data_that_were_put_on_a_device_say_where():
    device = jax.devices()[0]
    assert read((jax.device_put(X, device), Y)).device == device
    assert read((X, jax.device_put(Y, device))).device == device
    assert read((jnp.asarray(X), Y)).device is None and read((X, Y)).device is None


@pytest.mark.parametrize(
    ("data", "validation", "message"),
    [
        ((X, Y), 0.0, r"validation must lie in \(0, 1\), got 0.0; write validation=0.2 or a pair"),
        ((X, Y), 1, "validation must lie in"),
        ((X, Y), -0.1, "validation must lie in"),
        ((X, Y), (X[:, :2], Y), r"rows of the data have shapes \(\(3,\), \(\)\) and rows of the validation"),
        ((X, Y), (X, np.stack([Y, Y], 1)), "rows of the data have shapes"),
        ((X, Y), (X[:0], Y[:0]), "the validation data has no rows"),
        ((X, Y), (X[:2], Y[:2], [0, 0]), "weights of the validation data must be 0 or more and not all 0"),
    ],
)
def test_what_does_not_fit_is_refused(data, validation, message):
    with pytest.raises(ValueError, match=message):
        read(data, validation)


def test_a_held_part_without_weight_is_an_error():
    _, theirs = nn.data.holdout(20, 0.25, seed=0, labels=Y)
    weight = np.ones(20)
    weight[theirs] = 0
    with pytest.raises(ValueError, match="the weights of the validation part are all 0; write another validation="):
        read((X, Y, weight), 0.25)
    weight[theirs[0]] = 0.5
    assert read((X, Y, weight), 0.25).held[0].weight.sum() == 0.5


def test_the_fingerprint_names_what_differs():
    def differing(other, validation=0.25, **options):
        ours, theirs = read((X, Y), 0.25).fingerprint(), read(other, validation, **options).fingerprint()
        assert list(ours) == list(theirs) == ["x", "y", "weight", "the parts", "the validation data"]
        assert all(len(digest) == 64 for digest in ours.values())
        return {name for name in ours if ours[name] != theirs[name]}

    held, rows = read((X, Y), 0.25).held[0].y, read((X, Y), 0.25).parts[0]
    first, second = int(rows[0]), int(rows[1])
    other = X.copy()
    other[first, 0] += 1e-3
    swapped = X.copy()
    swapped[[first, second]] = swapped[[second, first]]
    assert differing((X, Y)) == set() and len(held) == 5
    assert differing((other, Y)) == {"x"} == differing((swapped, Y))
    assert differing((X, Y, np.r_[np.full(20, 2.0)])) == {"weight", "the validation data"}
    assert differing((X, Y), shuffle_seed=1) >= {"the parts"}
    assert "x" in differing((X[:, :2], Y)) and "x" in differing(({"a": X}, Y))
    assert differing((X, Y), None) == {"the parts", "the validation data"}
    shaped = read((X.reshape(20, 3, 1), Y)).fingerprint()["x"]
    assert shaped != read((X, Y)).fingerprint()["x"]


def test_a_preparation_is_fitted_on_the_rows_that_count():
    x, weight = np.array([[1.0], [3.0], [99.0], [5.0]]), np.array([1.0, 2.0, 0.0, 1.0])
    source = read((x, np.arange(4.0), weight), prepare=nn.data.Preparation())
    assert source.prepare == nn.data.Preparation().fit(x[weight > 0])
