"""Data at the door: any form of rows, targets and weights, and what does not fit in one sentence."""

from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas
import pytest

import jaxnn as nn
from jaxnn.data.arrays import as_batch, check_targets, narrow, parts

X, Y, W = np.arange(6.0).reshape(3, 2), np.array([0, 1, 2]), np.array([1.0, 0.0, 2.0])
Own = namedtuple("Own", "x y weight")
Bare = namedtuple("Bare", "x y")


@pytest.mark.parametrize(
    ("data", "weighted"),
    [
        ((X, Y), False), ([X, Y], False), ((X, Y, None), False), (nn.Batch(X, Y, None), False), (Bare(X, Y), False),
        ((X, Y, W), True), ([X, Y, W], True), (nn.Batch(X, Y, W), True), (Own(X, Y, W), True), ((Bare(X, Y), W), True),
        ([Own(X, Y, None), W], True), ((X.tolist(), Y.tolist(), W.tolist()), True),
    ],
)  # fmt: skip
def test_rows_targets_and_weights_come_in_many_forms(data, weighted):
    batch = as_batch(data)
    np.testing.assert_array_equal(batch.x, X)
    np.testing.assert_array_equal(batch.y, Y)
    np.testing.assert_array_equal(batch.weight, W if weighted else np.ones(3))
    assert [str(a.dtype) for a in batch[:3]] == ["float32", "int32", "float32"]
    assert all(isinstance(a, np.ndarray) for a in batch[:3])


@pytest.mark.parametrize("data", [X, (X,), (X, Y, W, W), 3, None, {"x": X, "y": Y}])
def test_other_forms_are_told_what_to_write(data):
    told = (
        f"the data must be \\(x, y\\) or \\(x, y, weight\\), got {type(data).__name__}; write fit\\(trial, \\(x, y\\)"
    )
    with pytest.raises(ValueError, match=told):
        parts(data)
    with pytest.raises(ValueError, match=r"one table; write \(table, 'b'\) with the column to predict"):
        parts(pandas.DataFrame({"a": [1], "b": [2]}))
    frame = pandas.DataFrame({"x": [1.0], "y": [2.0]})  # of which x and y are columns
    assert parts((frame, Y))[0] is frame


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ((None, Y), "x of the data is None; write fit"), ((X, None), "y of the data is None; write fit"),
        ((X, Y[:2]), r"x of the data has shape \(3, 2\) and y \(2,\); write one row of x for one row of y"),
        ((X, 1.0), r"has shape \(3, 2\) and y \(\); write one row"), (({}, Y), r"shape of nothing and y \(3,\)"),
        ((X[:0], Y[:0]), "the data has no rows; write fit"), ((X[:, :0], Y), r"shape \(3, 0\), rows that hold nothing"),
        (({"a": X, "b": X[:, :0]}, Y), r"shape \(3, 0\), rows that hold nothing"),
        ((X, Y, -W), "must be 0 or more"), ((X, Y, [[1, 2, 3]]), r"have shape \(1, 3\)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(data, words):
    with pytest.raises(ValueError, match=words):
        as_batch(data)


def test_one_row_of_one_feature_is_enough_and_statistics_stay_wide():
    one = as_batch(([[1.0]], [2.0]))
    assert one.x.shape == (1, 1) and one.weight.tolist() == [1.0]
    wide = as_batch((X, Y), wide=True)
    assert wide.x.dtype == np.float64 and narrow(wide).x.dtype == np.float32 and wide.y.dtype == np.int32
    with jax.enable_x64(True):
        assert [str(a.dtype) for a in as_batch((X, Y))[:3]] == ["float64", "int64", "float64"]


def test_under_traced_weights_rows_of_weight_zero_may_hold_anything():
    x = jnp.array([[1.0, 2.0], [jnp.nan, 5.0], [3.0, 4.0]])
    batch = jax.jit(lambda x, w: as_batch((x, Y, w)))(x, jnp.asarray(W, jnp.float32))
    assert batch.x.tolist() == [[1, 2], [0, 5], [3, 4]] and batch.weight.tolist() == W.tolist()


def shaped(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


SOFTMAX, SIGMOID = nn.losses.softmax_cross_entropy, nn.losses.sigmoid_cross_entropy


@pytest.mark.parametrize(
    ("loss", "task", "outputs", "y"),
    [
        (SOFTMAX, "classes", (3, 3), Y), (SOFTMAX, "classes", (3, 3), Y * 1.0), (SOFTMAX, "classes", (3, 3), np.eye(3)),
        (SIGMOID, "binary", (3,), np.array([0, 1, 1])), (SIGMOID, "binary", (3, 1), np.array([0.0, 0.5, 1.0])),
        (nn.losses.squared_error, "values", (3,), np.array([-5.0, 0.5, 99.0])),
        (nn.losses.hinge, "sign", (3,), np.array([-1, 1, 1])),
        (lambda o, y: ((o - y["a"]) ** 2).mean(1), None, (3, 1), {"a": np.ones((3, 1))}),
    ],
)  # fmt: skip
def test_targets_that_fit_pass(loss, task, outputs, y):
    y = jax.tree.map(lambda a: a.astype(np.float32) if a.dtype.kind == "f" else a.astype(np.int32), y)
    assert check_targets(loss, task, shaped(*outputs), y) is None


@pytest.mark.parametrize(
    ("loss", "task", "outputs", "y", "words"),
    [
        (SOFTMAX, "classes", (3, 2), Y, "holds class 2 and the model gives 2 outputs, for classes 0 to 1; .*out=3 or"),
        (SOFTMAX, "classes", (3, 3), Y - 1, r"holds class -1, and classes are 0 to 2; .*cross_entropy\", -1\)"),
        (
            SOFTMAX,
            "classes",
            (3, 3),
            Y + 0.5,
            r"must hold class numbers, got values such as 0.5; write y.astype\(int\)",
        ),
        (SIGMOID, "binary", (3,), Y, "y of the data lies between 0 and 2, and sigmoid_cross_entropy needs 0 to 1"),
        (SIGMOID, "binary", (3,), np.array([-1, 1, 1]), "lies between -1 and 1"),
        (lambda o, y: ((o - y) ** 2).mean(), None, (3,), Y * 1.0, r"the loss gave \(\) for 3 rows; write a loss"),
        (lambda o, y: y, None, (3,), Y, "the loss gave int32, which has no gradient; write a loss of floats"),
        (lambda o, y: None, None, (3,), Y * 1.0, "the loss gave None for 3 rows"),
        (lambda o: o, None, (3,), Y * 1.0, r"cannot be called as loss\(outputs, targets\)"),
        (lambda o, y: np.sin(np.asarray(o)), None, (3,), Y * 1.0, "computed with NumPy, .*write jax.numpy in it"),
    ],
)
def test_targets_and_losses_that_do_not_fit_are_told(loss, task, outputs, y, words):
    y = y.astype(np.float32) if y.dtype.kind == "f" else y.astype(np.int32)
    with pytest.raises(ValueError, match=words):
        check_targets(loss, task, shaped(*outputs), y)
