"""Means and scales learned batch by batch are those of all rows."""

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

import jaxnn as nn
from jaxnn.data.moments import Moments

RNG = np.random.default_rng(0)
X = RNG.normal(1e4, 3.0, size=(70, 3))
X[:, 2] = 5.0


@pytest.mark.parametrize("size", [1, 9, 70])
def test_as_scikit_learn(size):
    weight = RNG.integers(0, 3, 70)
    moments = Moments()
    for i in range(0, 70, size):
        moments.see(X[i : i + size], weight[i : i + size])
    found, theirs = moments.standardiser, StandardScaler().fit(X, sample_weight=weight)
    np.testing.assert_allclose(found.mean, theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(found.scale, theirs.scale_, rtol=1e-9)


def test_trees_and_masked_sequences():
    steps, mask = RNG.normal(size=(20, 4, 2)), RNG.integers(0, 2, (20, 4))
    for x in ({"a": X[:20], "ids": np.arange(20)}, (steps, mask)):
        moments = Moments()
        for part in (slice(0, 7), slice(7, 20)):
            own = {k: v[part] for k, v in x.items()} if isinstance(x, dict) else tuple(v[part] for v in x)
            moments.see(own, np.ones(part.stop - part.start))
        whole = nn.data.standardise(x)
        assert moments.standardiser.mean.keys() == whole.mean.keys()
        for name in whole.mean:
            np.testing.assert_allclose(moments.standardiser.mean[name], whole.mean[name], rtol=1e-12)
            np.testing.assert_allclose(moments.standardiser.scale[name], whole.scale[name], rtol=1e-9)


def test_rows_that_all_count_for_nothing():
    moments = Moments()
    moments.see(X, np.zeros(70))
    with pytest.raises(ValueError, match="no row of the stream has a weight above 0"):
        moments.standardiser
