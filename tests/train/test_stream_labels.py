"""Class numbers that come with a later batch."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.streamed import read
from jaxnn.train.enrol import enrol
from jaxnn.train.stream_labels import in_range, label_bounds

X = np.ones((4, 2), np.float32)


def bounds(loss, out, y):
    source = read([(X, y)], task=nn.losses.resolve(loss).task)
    trial = nn.Trial(nn.Dense(out), loss, optax.sgd(0.1))
    return label_bounds(enrol(trial, source, {}, epochs=1, batch_size=2), source)


def block(y):
    """Two steps of two rows, the last of them padding."""
    rows = np.array([[True, True], [True, False]])
    return nn.Batch(X.reshape(2, 2, 2), np.asarray(y).reshape(2, 2), np.ones((2, 2)), rows)


@pytest.mark.parametrize(
    ("loss", "out", "first", "good", "bad"),
    [
        ("softmax_cross_entropy", 3, [0, 1, 2, 1], [2, 2, 0, 9], [[3, 0, 0, 0], [0, -1, 0, 0]]),
        ("sigmoid_cross_entropy", 1, [0.0, 1.0, 1.0, 0.0], [0.5, 1.0, 0.0, 7.0], [[2.0, 0, 0, 0], [0, 0, -0.1, 0]]),
        (nn.losses.ignoring("softmax_cross_entropy", -1), 3, [0, 1, -1, 1], [-1, 2, 0, 9], [[-2, 0, 0, 0]]),
    ],
)
def test_targets_lie_where_they_must(loss, out, first, good, bad):
    known = bounds(loss, out, np.array(first))
    assert in_range(known, block(good)) is not None
    for y in bad:
        with pytest.raises(ValueError, match="a batch of the stream holds the target"):
            in_range(known, block(y))


def test_values_have_no_bounds():
    assert bounds("squared_error", 1, np.array([1.0, 2.0, 3.0, 1e9])) == []
    assert jax.tree.leaves(in_range([], block([1, 2, 3, 4])).y)[0].shape == (2, 2)
