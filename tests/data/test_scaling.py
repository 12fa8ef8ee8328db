"""Inputs that are several arrays, each scaled by itself, against scikit-learn."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from jaxnn.core.masks import Masked
from jaxnn.data.split import standardise

RNG = np.random.default_rng(0)
A, B = RNG.normal(5, 3, (30, 4)), RNG.normal(-1, 9, (30, 2))
IDS = RNG.integers(0, 9, (30, 3))


def test_each_array_of_floats_is_scaled_and_whole_numbers_stay():
    for tree, paths in (({"a": A, "b": {"c": B}, "ids": IDS}, ["a", "b.c"]), ((A, B, IDS), ["0", "1"])):
        weight = RNG.integers(0, 3, 30)
        fitted = standardise(tree, weight)
        assert list(fitted.mean) == paths
        found = fitted.transform(tree)
        first, second, ids = (found["a"], found["b"]["c"], found["ids"]) if isinstance(tree, dict) else found
        for x, theirs in ((A, first), (B, second)):
            np.testing.assert_allclose(
                theirs, StandardScaler().fit(x, sample_weight=weight).transform(x), rtol=1e-5, atol=1e-6
            )
        assert ids is IDS


def test_a_masked_sequence_is_scaled_over_its_real_steps():
    x, lengths = RNG.normal(3, 2, (8, 5, 2)), RNG.integers(1, 6, 8)
    mask = (np.arange(5) < lengths[:, None]).astype(np.int32)
    x[mask == 0] = 1e6  # padding, which must not count
    fitted = standardise((x, mask))
    scaled, same = fitted.transform((x, mask))
    expected = StandardScaler().fit(x[mask == 1])
    np.testing.assert_allclose(fitted.mean["0"], expected.mean_)
    np.testing.assert_allclose(scaled[mask == 1], expected.transform(x[mask == 1]), rtol=1e-5, atol=1e-6)
    assert same is mask
    longer = np.ones((2, 9, 2)), np.ones((2, 9), np.int32)
    assert fitted.transform(longer)[0].shape == (2, 9, 2)
    weighted = standardise((x, mask), np.r_[1.0, np.zeros(7)])
    np.testing.assert_allclose(weighted.mean["0"], x[0][mask[0] == 1].mean(0))


@pytest.mark.parametrize("kind", [bool, np.int32, np.float32])
def test_a_mask_of_any_kind_and_a_pair_of_the_package(kind):
    x, mask = RNG.normal(3, 2, (8, 5, 2)), (np.arange(5) < np.arange(1, 9)[:, None]).astype(kind)
    fitted = standardise(Masked(x, mask))
    np.testing.assert_allclose(fitted.mean["0"], x[mask != 0].mean(0))
    scaled = fitted.transform(Masked(x, mask))
    assert isinstance(scaled, Masked) and scaled.mask is mask
    np.testing.assert_array_equal(scaled.value, fitted.transform((x, mask))[0])


def test_there_and_back():
    tree = {"a": A.astype(np.float32), "ids": IDS}
    fitted = standardise(tree)
    np.testing.assert_allclose(fitted.inverse(fitted.transform(tree))["a"], A, rtol=1e-5, atol=1e-5)
    ours = fitted.transform({"a": jnp.asarray(tree["a"]), "ids": IDS})["a"]
    np.testing.assert_allclose(ours, fitted.transform(tree)["a"], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="have no part 'a'; they have b, ids"):
        fitted.transform({"b": A, "ids": IDS})


def test_lists_and_tuples_of_numbers_are_one_array():
    np.testing.assert_allclose(standardise([[1.0], [3.0]]).mean, [2.0])
    np.testing.assert_allclose(standardise(((1.0, 0.0), (3.0, 0.0))).mean, [2.0, 0.0])
