"""Batches of any size, cut and joined to steps of one shape; and a place found again."""

from itertools import chain

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data.blocks import StreamWarning, checksum, padded
from jaxnn.data.streamed import read

X = np.arange(50, dtype=np.float32)[:, None] + 1
Y = np.arange(50, dtype=np.int32)


def batches(*sizes):
    ends = np.cumsum(sizes)
    return [(X[end - size : end], Y[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def chunks(source, size=8, steps=3, until=1, cut=True, **where):
    blocks = source.blocks(size, steps, cut, **where)
    blocks.until = until
    return list(iter(blocks, None))


def real(chunk):
    """The rows of a block that count, in order."""
    return chunk.batches.y[chunk.batches.rows].tolist()


@pytest.mark.parametrize("sizes", [(50,), (7,) * 7 + (1,), (1,) * 50, (24, 1, 0, 25), (16, 32, 2)])
def test_batches_are_cut_and_joined(sizes):
    found = chunks(read(batches(*sizes)), until=2)
    assert [(c.epoch, c.step, c.count, c.ends) for c in found[:3]] == [
        (0, 0, 3, False),
        (0, 3, 3, False),
        (0, 6, 1, True),
    ]
    for epoch in (found[:3], found[3:]):
        assert list(chain(*map(real, epoch))) == list(range(50))
    last = found[2].batches
    assert last.rows[0].tolist() == [True] * 2 + [False] * 6
    assert last.weight[0].tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert last.x[0, :, 0].tolist() == [49, 50] + [49] * 6  # no zeros, of which a norm has no gradient


@pytest.mark.parametrize("sizes", [(13,) * 3 + (11,), (8,) * 6 + (2,), (50,)])
@pytest.mark.parametrize("length", [None, 5])
def test_whoever_stops_at_a_block_goes_on_with_the_next(sizes, length):
    wish = nn.stream(batches(*sizes), steps_per_epoch=length)
    whole = chunks(read(wish), until=3)
    for k, chunk in enumerate(whole[:-1]):
        after = (chunk.epoch + 1, 0) if chunk.ends else (chunk.epoch, chunk.step + chunk.count)
        rest = chunks(read(wish), until=3, epoch=after[0], step=after[1], mark=chunk.mark)
        assert list(map(real, rest)) == list(map(real, whole[k + 1 :]))


def test_epochs_of_a_stream_without_an_end_are_found_by_counting():
    wish = nn.stream(batches(13, 37), steps_per_epoch=5)
    whole = chunks(read(wish), until=4)
    assert list(map(real, chunks(read(wish), until=4, epoch=2))) == [real(c) for c in whole if c.epoch >= 2]


def test_own_batches_are_steps():
    found = chunks(read(batches(8, 3, 8, 1)), cut=False)
    assert [c.count for c in found] == [3, 1]
    assert found[0].batches.rows.sum(1).tolist() == [8, 3, 8]


def test_other_batches_than_before_are_told():
    (first, *_) = chunks(read(batches(13, 13, 24)))
    with pytest.warns(StreamWarning, match="is another one than before"):
        chunks(read([(x + 1, y) for x, y in batches(13, 13, 24)]), step=3, mark=first.mark)
    with pytest.raises(ValueError, match="has 1 batches"):
        chunks(read(lambda: batches(50)), step=3, mark=first.mark._replace(batch=4))


def test_an_empty_epoch():
    turns = [batches(50), []]
    with pytest.raises(ValueError, match="gives no rows in epoch 1"):
        chunks(read(lambda epoch: turns[epoch]), until=2)


def test_padding_and_checksums():
    flat = nn.Batch(np.array([3.0, 0.0]), np.array([1, 0]), np.array([1.0, 0.0]))
    padded(flat, [1], 2)
    assert flat.x.tolist() == [3, 3]
    assert flat.weight.tolist() == [1, 0]
    assert checksum(flat) != checksum(flat._replace(y=np.array([1, 2])))
