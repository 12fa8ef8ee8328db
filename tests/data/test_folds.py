"""Folds by row number: row by row those of scikit-learn; what is refused; bootstrap draws; folds inside folds."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import model_selection as peers
from sklearn.utils import resample

import jaxnn as nn
from jaxnn.data.folds import Nest, drawn, pairs


def same(ours, theirs):
    ours, theirs = list(ours), list(theirs)
    assert len(ours) == len(theirs)
    for mine, peer in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine[0], peer[0])
        np.testing.assert_array_equal(mine[1], peer[1])


@settings(max_examples=60, deadline=None)
@given(n=st.integers(6, 80), k=st.integers(2, 6), seed=st.integers(0, 2**33), times=st.integers(1, 3), data=st.data())
def test_folds_are_those_of_scikit_learn_row_by_row(n, k, seed, times, data):
    x, draw = np.zeros((n, 1)), np.random.default_rng(data.draw(st.integers(0, 99)))
    y, groups = draw.integers(0, 3, n), draw.integers(0, 9, n)
    ours, how = nn.folds(k, seed=seed, repeats=times), dict(n_splits=k, n_repeats=times, random_state=seed % 2**32)
    same(ours.split(x), peers.RepeatedKFold(**how).split(x))
    assert ours.get_n_splits() == k * times
    if np.bincount(y).max() >= k:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of classes with fewer members than folds
            same(ours.split(x, y), peers.RepeatedStratifiedKFold(**how).split(x, y))
            names = np.array(["no", "yes", "so"])[y]
            same(ours.split(x, names), peers.RepeatedStratifiedKFold(**how).split(x, names))
    same(nn.folds(k, seed=seed, stratified=False).split(x, y), peers.KFold(k, shuffle=True, random_state=seed % 2**32)
         .split(x))  # fmt: skip
    if n > k:
        same(nn.folds(k, order="time").split(x), peers.TimeSeriesSplit(k).split(x))
    if len(np.unique(groups)) >= k:
        own = dict(shuffle=True, random_state=seed % 2**32)
        same(nn.folds(k, seed=seed, groups=groups).split(x), peers.GroupKFold(k, **own).split(x, groups=groups))


def test_groups_and_classes_are_those_of_scikit_learn():
    y, groups = np.tile([0, 0, 1], 12), np.repeat([f"patient {i}" for i in range(12)], 3)
    peer = peers.StratifiedGroupKFold(4, shuffle=True, random_state=3).split(y, y, groups)
    same(nn.folds(4, groups=list(groups), seed=3).split(y, y), peer)
    same(pairs(nn.folds(4, seed=3), None, y, 36, task="classes", groups=groups),
         peers.StratifiedGroupKFold(4, shuffle=True, random_state=3).split(y, y, groups))  # fmt: skip


def test_they_are_a_splitter_for_scikit_learn():
    from sklearn.linear_model import Ridge

    x = np.random.default_rng(0).normal(size=(30, 2))
    peer = peers.cross_val_score(Ridge(), x, x[:, 0], cv=peers.KFold(3, shuffle=True, random_state=7))
    np.testing.assert_array_equal(peers.cross_val_score(Ridge(), x, x[:, 0], cv=nn.folds(3, seed=7)), peer)


def test_what_a_user_may_ask_for():
    y = np.tile([0, 1], 10)
    stratified = list(peers.StratifiedKFold(5, shuffle=True, random_state=2).split(y, y))
    same(pairs(5, None, y, 20, seed=2, task="classes"), stratified)
    same(pairs(nn.folds(5, seed=2), None, y, 20, seed=9, task="classes"), stratified)
    same(pairs(5, None, y, 20, seed=2, task="values"), peers.KFold(5, shuffle=True, random_state=2).split(y))
    same(pairs(peers.KFold(4), None, y, 20), peers.KFold(4).split(y))
    same(pairs(peers.KFold(4).split(y), None, y, 20), peers.KFold(4).split(y))
    groups = np.repeat(np.arange(5), 4)
    same(pairs(peers.LeaveOneGroupOut(), None, y, 20, groups=groups), peers.LeaveOneGroupOut().split(y, y, groups))
    same(pairs([(range(3), [3, 4])], None, y, 20), [([0, 1, 2], [3, 4])])
    heads = {"a": np.arange(20.0), "b": y}
    same(pairs(5, None, heads, 20, seed=2, task={"a": "values", "b": "classes"}), stratified)
    same(pairs(nn.folds(3, order="time"), None, y, 20, shuffle=False), peers.TimeSeriesSplit(3).split(y))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (1, "whole number of at least 2"), (True, "folds must say"), ("5", "folds must say"), (5.0, "folds must say"),
        (peers.KFold, "folds must say"), (21, "20 rows cannot be divided into 21 folds"), (12, "no class has 12 rows"),
        (nn.folds(5, groups=np.zeros(20)), "1 groups cannot"), ([], "no pair"), ([([0], [1], [2])], "must be a pair"),
        ([([0, 1], [])], "the rows that fold 0 holds out must be row numbers, got none"),
        ([([0, 1], [20])], "lie between 20 and 20, and the rows are 0 to 19"), ([([-1], [2])], "lie between -1"),
        ([(np.arange(20) < 9, np.arange(20) > 9)], r"got bool of shape \(20,\); write np.flatnonzero"),
    ],
)  # fmt: skip
def test_what_cannot_be_folds_is_refused(asked, words):
    groups = getattr(asked, "groups", None)
    with pytest.raises(ValueError, match=words):
        pairs(asked, None, np.tile([0, 1], 10), 20, task="classes", groups=groups)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(n=1), "n of folds"), (dict(n=2.0), "n of folds"), (dict(repeats=0), "repeats of folds"),
        (dict(order="rows"), 'order must be "random" or "time"'), (dict(order="time", repeats=2), "one division"),
    ],
)  # fmt: skip
def test_a_spec_is_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        nn.folds(**arguments)


def test_an_order_that_means_something_is_kept():
    with pytest.raises(ValueError, match=r'write folds=nn.folds\(5, order="time"\)'):
        pairs(5, None, np.zeros(20), 20, shuffle=False)
    with pytest.raises(ValueError, match="stratified=True needs a class"):
        pairs(nn.folds(3, stratified=True), None, np.zeros(9), 9, task="values")


@settings(max_examples=30, deadline=None)
@given(n=st.integers(20, 60), count=st.integers(1, 5), seed=st.integers(0, 99))  # few are all drawn at once
def test_bootstrap_draws_are_those_of_scikit_learn(n, count, seed):
    stream = np.random.RandomState(seed)
    for train, out in drawn(n, count, seed):
        np.testing.assert_array_equal(train, resample(np.arange(n), random_state=stream))
        assert not set(train) & set(out) and set(train) | set(out) == set(range(n))


def test_draws_that_cannot_be():
    with pytest.raises(ValueError, match="leaves none to score on"):
        drawn(1, 3)
    for count in (0, 2.5, True):
        with pytest.raises(ValueError, match="bootstrap must be a whole number of draws"):
            drawn(10, count)


def test_folds_inside_folds_divide_the_outer_training_rows():
    y = np.tile([0, 1], 12)
    found = pairs(Nest(3, nn.folds(2, seed=1)), None, y, 24, seed=5, task="classes")
    assert len(found) == 9 and Nest(3, nn.folds(2, repeats=3)).size == 6
    outer = list(peers.StratifiedKFold(3, shuffle=True, random_state=5).split(y, y))
    for o, (train, test) in enumerate(outer):
        inner = list(peers.StratifiedKFold(2, shuffle=True, random_state=1).split(y[train], y[train]))
        same(found[3 * o : 3 * o + 3], [*((train[a], train[b]) for a, b in inner), (train, test)])
    with pytest.raises(ValueError, match="inner folds divide any training part"):
        pairs(Nest(3, [([0], [1])]), None, y, 24)
