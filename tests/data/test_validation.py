"""Which rows are held out: at random, by class, by group, or the last."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from jaxnn.data.split import holdout
from jaxnn.data.validation import by_group, split

Y = np.arange(20) % 2


@pytest.mark.parametrize(
    ("validation", "held"),
    [("last", range(16, 20)), (("last", 0.3), range(14, 20)), (["last", 0.01], [19]), (("last", 0.999), None)],
)
def test_the_last_rows_are_those_of_scikit_learn_unshuffled(validation, held):
    if held is None:
        with pytest.raises(ValueError, match="cannot be split"):
            split(validation, Y, seed=0, shuffle=False)
        return
    rows, theirs, kind = split(validation, Y, seed=0, shuffle=False)
    fraction = 0.2 if validation == "last" else validation[1]
    expected = train_test_split(np.arange(20), test_size=fraction, shuffle=False)
    np.testing.assert_array_equal(rows, expected[0])
    np.testing.assert_array_equal(theirs, expected[1])
    assert theirs.tolist() == list(held) and kind == ["last", fraction]


def test_classes_are_held_in_proportion_only_where_the_task_is_classes():
    counts = np.r_[np.zeros(950, int), np.arange(1, 51)]  # a regression of counts
    _, held, _ = split(0.2, counts, seed=0, task="values")
    np.testing.assert_array_equal(held, holdout(1000, 0.2, seed=0)[1])
    assert counts[held].max() > 0  # some of the fifty, which no stratified part can hold
    for task in ("classes", "binary", "sign", None):
        np.testing.assert_array_equal(split(0.2, Y, seed=0, task=task)[1], holdout(20, 0.2, seed=0, labels=Y)[1])
    np.testing.assert_array_equal(split(0.3, Y * 1.0, seed=0, task="binary")[1], holdout(20, 0.3, labels=Y)[1])
    np.testing.assert_array_equal(split(0.3, Y * 1.0, seed=0)[1], holdout(20, 0.3)[1])
    np.testing.assert_array_equal(split(0.3, Y * 0.5, seed=0, task="binary")[1], holdout(20, 0.3)[1])  # soft labels
    assert split(0.2, np.arange(100), seed=0, task="values")[1].shape == (20,)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=4, max_size=80), st.floats(0.05, 0.95), st.integers(0, 99))
def test_no_group_stands_on_both_sides(groups, fraction, seed):
    if len(set(groups)) < 2:
        return
    rows, held = by_group(len(groups), fraction, seed, groups)
    groups = np.array(groups)
    assert len(rows) and len(held)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows, held])), np.arange(len(groups)))
    assert not set(groups[rows]) & set(groups[held])
    again = by_group(len(groups), fraction, seed, groups)
    np.testing.assert_array_equal(again[1], held)


def test_groups_of_even_size_are_held_to_the_fraction():
    groups = np.repeat(np.arange(50), 4)
    draws = [by_group(200, 0.2, seed, groups)[1] for seed in range(3)]
    assert [len(held) for held in draws] == [40, 40, 40]
    assert len({tuple(held) for held in draws}) == 3
    rows, held, kind = split(0.2, np.zeros(200), seed=1, groups=[f"p{g}" for g in groups])
    assert kind == 0.2 and len(held) == 40 and not set(groups[rows]) & set(groups[held])


@pytest.mark.parametrize(
    ("validation", "options", "words"),
    [
        (0.2, {"shuffle": False}, r'holds out rows drawn at random; write validation=\("last", 0.2\)'),
        (1.5, {}, r"must lie in \(0, 1\), got 1.5"),
        (("last", 0), {}, r"must lie in \(0, 1\)"),
        ("first", {}, r"must be a fraction, .*; write validation=0.2"),
        (("last", "0.2"), {}, "must be a fraction"),
        (True, {}, "must be a fraction"),
        ("last", {"groups": Y}, "draws whole groups"),
        (0.2, {"groups": Y[:3]}, r"20 rows and groups of the shape \(3,\)"),
        (0.2, {"groups": [0] * 20}, "one group only"),
    ],
)
def test_splits_that_cannot_be_made(validation, options, words):
    with pytest.raises(ValueError, match=words):
        split(validation, Y, seed=0, **options)


def test_classes_of_one_row_each_get_the_sentence_that_helps():
    with pytest.raises(ValueError, match=r"120 classes in 120 rows.* write a loss of numbers"):
        split(0.2, np.arange(120), seed=0, task="classes")
