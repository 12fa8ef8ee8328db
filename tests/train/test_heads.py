"""Heads: paths, masks, steps as rows, and what does not fit."""

import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.core.masks import Masked
from jaxnn.train.heads import Head, check_trees, given, leaves, mapped, own_weight, pick, value_and_mask

RNG = np.random.default_rng(0)
LOGITS, STEPS = RNG.normal(size=(3, 4, 2)).astype(np.float32), RNG.integers(0, 2, (3, 4)).astype(np.int32)
MASK = np.array([[1, 1, 1, 0], [1, 0, 0, 0], [1, 1, 1, 1]], np.int32)
TWO = {"cls": "softmax_cross_entropy", "reg": "squared_error"}


RECORDS = {label: nn.losses.resolve(nn.losses.ignoring("softmax_cross_entropy", label)) for label in (-100, 1)}
RECORDS[None] = nn.losses.resolve("softmax_cross_entropy")


def head(path=(), ignored=None):
    return Head(path, RECORDS[ignored], ())


def batch(y=STEPS, weight=None, rows=None):
    return nn.Batch(None, y, np.ones(3, np.float32) if weight is None else weight, rows)


def test_rows_of_equal_weight_pass_as_they_are():
    seen = head().seen(LOGITS, batch())
    assert seen.outputs is LOGITS and seen.targets is STEPS and seen.real is None


def test_steps_with_weights_are_rows_and_those_of_weight_zero_are_not_there():
    weight = (MASK * np.array([[2.0], [1.0], [3.0]])).astype(np.float32)
    seen = head().seen(LOGITS, batch(weight=weight))
    np.testing.assert_array_equal(seen.outputs, (LOGITS * MASK[..., None]).reshape(12, 2))
    np.testing.assert_array_equal(seen.targets, (STEPS * MASK).ravel())
    np.testing.assert_array_equal(seen.weight, weight.ravel())
    np.testing.assert_array_equal(seen.real, MASK.ravel() > 0)


def test_a_mask_beside_the_outputs_says_which_steps_are_there():
    weight = np.array([2.0, 0.0, 1.0], np.float32)
    seen = head().seen(Masked(LOGITS, MASK), batch(weight=weight, rows=jnp.array([True, True, False])))
    np.testing.assert_array_equal(seen.weight.reshape(3, 4), [[2, 2, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    # a row of weight 0 is there, a row that is padding is not
    np.testing.assert_array_equal(seen.real.reshape(3, 4), [[1, 1, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("label", [-100, 1])
def test_an_ignored_label_is_not_there_and_no_class(label):
    y = np.where(MASK > 0, STEPS * 0 + 2, label).astype(np.int32)
    seen = head(ignored=label).seen(LOGITS, batch(y))
    np.testing.assert_array_equal(seen.real, MASK.ravel() > 0)
    np.testing.assert_array_equal(seen.weight, MASK.ravel())
    np.testing.assert_array_equal(seen.targets, np.where(MASK > 0, 2, 0).ravel())
    one = head(ignored=label).seen(LOGITS[:, 0], batch(y[:, 1]))
    np.testing.assert_array_equal(one.real, MASK[:, 1] > 0)


def test_a_head_takes_what_stands_at_its_path():
    outputs = {"tags": Masked(LOGITS, MASK), "more": (LOGITS[:, 0], LOGITS[:, 1])}
    y = {"tags": STEPS, "more": (STEPS[:, 0], STEPS[:, 1])}
    weight = {"tags": np.ones(3, np.float32), "more": np.array([0, 1, 2], np.float32)}
    tags, second = (head(path).seen(outputs, batch(y, weight)) for path in (("tags",), ("more", 1)))
    assert tags.outputs.shape == (12, 2) and float(tags.weight.sum()) == MASK.sum()
    np.testing.assert_array_equal(second.outputs, LOGITS[:, 1])
    np.testing.assert_array_equal(second.weight, [0, 1, 2])
    assert own_weight(weight, ("more", 1)) is weight["more"] and pick(y, ("more", 0)) is y["more"][0]
    assert head(("more", 1)).called("accuracy") == "more_1_accuracy" and head().called("loss") == "loss"


def test_what_a_mask_is():
    for mask in (MASK, MASK > 0, MASK.astype(np.float32)):
        assert value_and_mask(Masked(LOGITS, mask)) == (LOGITS, mask)
    for outputs in (LOGITS, (LOGITS, MASK), [LOGITS, MASK]):
        assert value_and_mask(outputs) == (outputs, None)


def test_trees_of_losses_are_walked_in_their_own_order():
    tree = {"z": "hinge", "a": ("huber", {"b": "perceptron"})}
    assert [path for path, _ in leaves(tree)] == [("z",), ("a", 0), ("a", 1, "b")]
    outputs = {"a": [1, {"b": 2}], "z": 3}
    assert mapped(lambda loss, v: (loss, v), tree, outputs) == {
        "z": ("hinge", 3),
        "a": (("huber", 1), {"b": ("perceptron", 2)}),
    }
    assert list(leaves("hinge")) == [((), "hinge")] and mapped(lambda loss: loss, "hinge") == "hinge"


def test_what_is_given_by_output_may_leave_some_out_and_names_none_that_is_not_there():
    paths = [("z",), ("a", 0), ("a", 1, "b")]
    assert given("loss_weights", None, paths, 1.0, "") == [1.0, 1.0, 1.0]
    assert given("loss_weights", {"a": (2.0, {})}, paths, 1.0, "") == [1.0, 2.0, 1.0]
    assert given("metrics", ("r2",), [()], (), "") == [("r2",)]
    for tree, words in [
        ({"y": 1.0}, "loss_weights names 'y', which is no output; there are 'z', 'a': write THIS"),
        ({"a": (1.0, {"c": 2.0})}, "loss_weights names 'c', which is no output; there are 'b'"),
        ({"a": 2.0}, "loss_weights goes by output, of which there are 0, 1, got 2.0"),
        (0.3, "loss_weights goes by output, of which there are 'z', 'a', got 0.3; write THIS"),
        ("accuracy", "loss_weights goes by output"),
        ((1.0, 2.0, 3.0), "loss_weights goes by output"),
    ]:
        with pytest.raises(ValueError, match=words):
            given("loss_weights", tree, paths, 1.0, "THIS")


@pytest.mark.parametrize(
    ("outputs", "y", "words"),
    [
        (LOGITS[:, 0], {"cls": STEPS, "reg": STEPS}, r"the losses are {cls: softmax.*gives outputs \(3, 2\); write a"),
        ({"cls": LOGITS}, {"cls": STEPS, "reg": STEPS}, r"outputs {cls: \(3, 4, 2\)}"),
        ({"cls": LOGITS, "reg": LOGITS}, STEPS, r"y of the data is \(3, 4\)"),
        ({"cls": LOGITS, "reg": LOGITS}, {"cls": STEPS, "rag": STEPS}, r"y of the data is {cls: \(3, 4\), rag: "),
        ((LOGITS, LOGITS), {"cls": STEPS, "reg": STEPS}, r"outputs \(\(3, 4, 2\), \(3, 4, 2\)\)"),
        ({"cls": (LOGITS, LOGITS), "reg": LOGITS}, {"cls": STEPS, "reg": STEPS}, r"outputs {cls: \(\("),
    ],
)  # fmt: skip
def test_trees_that_do_not_fit_are_told_with_both(outputs, y, words):
    with pytest.raises(ValueError, match=words):
        check_trees(TWO, outputs, y, "the data")


def test_trees_that_fit_pass():
    check_trees(TWO, {"reg": LOGITS, "cls": Masked(LOGITS, MASK)}, {"cls": STEPS, "reg": STEPS}, "the data")
    check_trees("softmax_cross_entropy", {"anything": 1}, 2, "the data")
