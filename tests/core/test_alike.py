import numpy as np
import pytest

from jaxnn.core.alike import close, distance, same_shapes

ONE = {"a": np.ones(2, np.float32), "b": {"c": np.zeros((1, 2))}}


def test_equal_trees_pass():
    same_shapes(ONE, ONE, "it")
    close(ONE, ONE, "it", 0)
    close({}, {}, "it", 0)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"a": ONE["a"]}, "it: structures"),
        ({**ONE, "a": np.ones(3, np.float32)}, r"it: a is float32 \(2,\) and float32 \(3,\)"),
        ({**ONE, "b": {"c": np.zeros((1, 2), int)}}, r"it: b/c is float64 \(1, 2\) and int64"),
    ],
)
def test_another_form_is_told_with_its_path(other, words):
    with pytest.raises(AssertionError, match=words):
        same_shapes(ONE, other, "it")
    with pytest.raises(AssertionError, match=words):
        close(ONE, other, "it", 1.0)


def test_the_tolerance_grows_with_the_size():
    assert distance([1.0, -4.0], [1.0, 4.0]) == (8.0, 4.0)
    assert distance(np.zeros(0), np.zeros(0)) == (0, 0)
    far = {"a": np.array([100.0])}
    close(far, {"a": np.array([100.05])}, "it", 1e-3)
    with pytest.raises(AssertionError, match=r"it differ by 0\.2 at 'a'"):
        close(far, {"a": np.array([100.2])}, "it", 1e-3)


def test_what_is_not_a_number_is_not_close():
    with pytest.raises(AssertionError):
        close({"a": np.array([np.nan])}, {"a": np.array([1.0])}, "it", 1.0)
