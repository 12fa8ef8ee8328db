"""Hold-out and standardisation, against scikit-learn and by counting."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from jaxnn.data.split import Standardiser, holdout, standardise


@settings(max_examples=60, deadline=None)
@given(n=st.integers(2, 300), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**31), classes=st.integers(0, 5))
def test_holdout_is_a_partition_of_the_sizes_of_scikit_learn(n, fraction, seed, classes):
    labels = None if classes == 0 else np.random.default_rng(seed).integers(classes, size=n)
    alone = labels is not None and len(set(labels)) == n
    if math.ceil(fraction * n) >= n or alone:
        with pytest.raises(ValueError, match=r"cannot be split|class of its own"):
            holdout(n, fraction, seed, labels)
        return
    train, held = holdout(n, fraction, seed, labels)
    assert np.array_equal(np.sort(np.concatenate([train, held])), np.arange(n))
    assert min(len(train), len(held)) > 0
    if labels is None:
        assert len(held) == len(train_test_split(np.arange(n), test_size=fraction)[1])
    else:
        assert set(labels[train]) == set(labels)


def test_holdout_of_the_digits_keeps_1437_training_rows():
    assert [len(rows) for rows in holdout(1797, 0.2)] == [1437, 360]


def test_holdout_is_pure_and_follows_its_seed():
    first, again, other = (holdout(50, 0.3, seed) for seed in (1, 1, 2))
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[1], other[1])
    assert first[0].dtype == np.int64


def test_holdout_does_not_depend_on_the_version_of_numpy():
    raw = np.random.PCG64(3).random_raw(6)
    assert set(holdout(6, 0.5, seed=3)[1]) == set(sorted(range(6), key=lambda i: raw[i])[:3])


def test_stratified_holdout_counts_as_scikit_learn_does():
    labels = np.repeat(["a", "b", "c"], [100, 37, 13])
    _, held = holdout(150, 0.2, labels=labels)
    _, theirs = train_test_split(np.arange(150), test_size=0.2, stratify=labels, random_state=0)
    assert np.unique(labels[held], return_counts=True)[1].tolist() == [20, 7, 3]
    assert np.abs(np.unique(labels[theirs], return_counts=True)[1] - [20, 7, 3]).max() <= 1


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6), fraction=st.floats(0.05, 0.6), seed=st.integers(0, 99)
)
def test_stratified_holdouts_round_by_largest_remainders_and_leave_a_row_of_each_class(counts, fraction, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    n, counts = len(labels), np.array(counts)
    total = math.ceil(fraction * n)
    if n < 2 or total >= n or counts.max() == 1:
        return
    train, held = holdout(n, fraction, seed, labels)
    found, quota = np.bincount(labels[held], minlength=len(counts)), counts * total / n
    assert len(held) == min(total, (counts - 1).sum()) and (np.bincount(labels[train]) >= 1).all()
    assert (found >= np.minimum(np.floor(quota), counts - 1)).all()
    if (np.ceil(quota) < counts).all():  # no class is too small, so that the rule is that of elections
        below, rest = np.floor(quota).astype(int), quota - np.floor(quota)
        assert set(found - below) <= {0, 1}
        more = found > below
        assert not more.any() or more.all() or rest[more].min() >= rest[~more].max() - 1e-6


def test_each_row_of_a_class_can_be_held():
    seen = {int(i) for seed in range(200) for i in holdout(20, 0.2, seed, [0] * 10 + [1] * 10)[1]}
    assert seen == set(range(20))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((10, 0.0), "between 0 and 1"),
        ((10, 1.0), "between 0 and 1"),
        ((10, "0.2"), "between 0 and 1"),
        ((1, 0.5), "1 rows cannot be split"),
        ((3, 0.9), "cannot be split"),
        ((3, 0.5, 0, [1, 2]), "labels of shape"),
        ((3, 0.5, 0, [1, 2, 3]), "without labels"),
    ],
)
def test_holdout_refuses(arguments, words):
    with pytest.raises(ValueError, match=words):
        holdout(*arguments)


@pytest.mark.parametrize("weighted", [False, True])
def test_standardise_against_scikit_learn(weighted):
    draw = np.random.default_rng(0)
    x = draw.normal(5.0, [1e-3, 1.0, 1e4], size=(200, 3)) + 1e5
    x[:, 1] = 0.1
    weight = draw.integers(0, 3, size=200) * 0.7 if weighted else None
    fitted, peer = standardise(x, weight), StandardScaler().fit(x, sample_weight=weight)
    np.testing.assert_allclose(fitted.mean, peer.mean_, rtol=1e-12)
    np.testing.assert_allclose(fitted.scale, peer.scale_, rtol=1e-8)
    np.testing.assert_allclose(fitted.transform(x), peer.transform(x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(fitted.inverse(fitted.transform(x)), x, rtol=1e-6)
    assert fitted.transform(x).dtype == np.float32


def test_rows_of_weight_zero_count_for_nothing():
    x = np.random.default_rng(0).normal(size=(20, 2, 3))
    kept = standardise(np.concatenate([x, np.full((5, 2, 3), np.nan)]), weight=[1.0] * 20 + [0.0] * 5)
    for ours, alone in zip(kept, standardise(x), strict=True):
        np.testing.assert_allclose(ours, alone, rtol=1e-14)
    assert kept.mean.shape == (2, 3)


def test_a_constant_feature_becomes_exactly_zero():
    x = np.full((7, 1), 0.1)
    assert standardise(x).scale.tolist() == [1.0]
    assert not standardise(x).transform(x).any()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int32"])
def test_the_transform_of_a_jax_array(dtype):
    x = np.arange(12).reshape(4, 3)
    fitted = standardise(x)
    ours = jax.jit(fitted.transform)(jnp.asarray(x, dtype))
    assert ours.dtype == ("float32" if dtype == "int32" else dtype)
    np.testing.assert_allclose(
        np.asarray(ours, np.float64), StandardScaler().fit_transform(x), rtol=1e-2 if dtype == "bfloat16" else 1e-6
    )
    assert isinstance(jax.tree.map(jnp.asarray, fitted), Standardiser)


@pytest.mark.parametrize(("weight", "words"), [([0, 0], "above 0"), ([1], "one weight for each row")])
def test_standardise_refuses(weight, words):
    with pytest.raises(ValueError, match=words):
        standardise(np.ones((2, 2)), weight)
