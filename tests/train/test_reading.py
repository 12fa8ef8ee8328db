"""Probabilities, decisions and several models as one, against SciPy, extremes included."""

import numpy as np
import pytest
from scipy.special import expit, log_expit, log_softmax, logit, softmax

from jaxnn.core.masks import Masked
from jaxnn.train.reading import decide, log_probabilities, pooled, probabilities, read_probabilities, unmasked

RNG = np.random.default_rng(0)
FAR = np.r_[RNG.normal(size=(5, 3)), [[1000, 0, -1000.0]], [[-1000, -1001, -1002.0]]]
ONE = np.array([[-1000.0], [-40.0], [-20.0], [0.0], [3.0], [40.0], [1000.0]])
TWO = {"cls": "softmax_cross_entropy", "reg": "squared_error"}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_are_those_of_scipy_far_out_too(dtype):
    rtol = 1e-6 if dtype == np.float64 else 2e-6
    for outputs, expected in ((FAR, log_softmax(FAR, -1)), (np.stack([FAR, -FAR], 1), None)):
        expected = log_softmax(outputs, -1) if expected is None else expected
        found = log_probabilities("classes", outputs.astype(dtype), "run")
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=rtol, atol=2e-7)
        np.testing.assert_allclose(
            probabilities("classes", outputs.astype(dtype), "run"), softmax(outputs, -1), rtol=rtol, atol=1e-7
        )
    for outputs in (ONE, ONE[:, 0]):
        found = log_probabilities("binary", outputs.astype(dtype), "run")
        expected = np.concatenate([log_expit(-ONE), log_expit(ONE)], 1)
        np.testing.assert_allclose(found, expected, rtol=rtol)
        chances = probabilities("binary", outputs.astype(dtype), "run")
        np.testing.assert_allclose(chances[:, 1], expit(ONE[:, 0]), rtol=1e-5, atol=1e-30)
        np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-6)
        assert (chances[1:-1] > 0).all()  # 0 at -20 would be a likelihood of 0


def test_several_labels_and_steps():
    several = RNG.normal(size=(5, 3))
    np.testing.assert_allclose(probabilities("binary", several, "run"), expit(several), rtol=1e-6)
    steps = RNG.normal(size=(5, 4, 1))
    found = probabilities("binary", steps, "run")
    assert found.shape == (5, 4, 2)
    np.testing.assert_allclose(found[..., 1:], expit(steps), rtol=1e-6)
    np.testing.assert_array_equal(decide("binary", steps), steps[..., 0] > 0)


def test_losses_without_probabilities_say_so():
    with pytest.raises(ValueError, match=r"this loss gives no probabilities; write runs\.predict"):
        probabilities("values", FAR, "runs")
    with pytest.raises(ValueError, match=r"nobody said how outputs under this loss are read; write run\.outputs\(x\)"):
        log_probabilities(None, {"a": FAR}, "run")


@pytest.mark.parametrize(
    ("task", "outputs", "expected"),
    [
        ("classes", [[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]], [1, 0]),
        ("classes", [[[0.0, 2.0], [1.0, 0.0]]], [[1, 0]]),
        ("binary", [[-1.0], [0.0], [2.0]], [0, 0, 1]),
        ("binary", [-1.0, 2.0], [0, 1]),
        ("binary", [[-1.0, 2.0], [0.0, -3.0]], [[0, 1], [0, 0]]),
        ("sign", [[-1.0], [0.0], [2.0]], [0, 0, 1]),
        ("values", [[1.5], [2.5]], [1.5, 2.5]),
        ("values", [1.5, 2.5], [1.5, 2.5]),
        ("counts", [[0.0], [np.log(2)]], [1.0, 2.0]),
        ("normal", [[1.5, -9.0], [2.5, 9.0]], [1.5, 2.5]),
        (None, [[1.5, 0.0], [2.5, 1.0]], [[1.5, 0.0], [2.5, 1.0]]),
        ("values", [[[1.5]], [[2.5]]], [[[1.5]], [[2.5]]]),
    ],
)
def test_decisions(task, outputs, expected):
    found = decide(task, np.array(outputs))
    np.testing.assert_array_equal(found, expected)
    assert found.shape == np.shape(expected) and (found.dtype.kind == "i") == (task in ("classes", "binary", "sign"))


def test_unknown_outputs_may_be_a_tree():
    found = decide(None, {"a": np.ones((2, 1)), "b": (np.ones((2, 3)),)})
    assert found["a"].shape == (2,) and found["b"][0].shape == (2, 3)


def test_pooled_outputs_are_read_as_the_mean_probability():
    several = [RNG.normal(size=(4, 3)) * 3 for _ in range(5)]
    mean = np.mean([softmax(o, -1) for o in several], 0)
    np.testing.assert_allclose(probabilities("classes", pooled("classes", several), "e"), mean, rtol=1e-6)
    mean = np.mean([expit(o) for o in several], 0)
    np.testing.assert_allclose(pooled("binary", several), logit(mean), rtol=1e-6)
    np.testing.assert_allclose(pooled("values", several), np.mean(several, 0))
    np.testing.assert_allclose(np.exp(pooled("counts", several)), np.mean(np.exp(several), 0), rtol=1e-6)
    gauss = [RNG.normal(size=(4, 6)) for _ in range(5)]
    draws = np.concatenate([RNG.normal(g[:, :3], np.exp(g[:, 3:] / 2), (100_000, 4, 3)) for g in gauss])
    mixture = pooled("normal", gauss)
    np.testing.assert_allclose(mixture[:, :3], draws.mean(0), atol=0.02)
    np.testing.assert_allclose(np.exp(mixture[:, 3:]), draws.var(0), rtol=0.02)
    np.testing.assert_allclose(pooled("normal", gauss[:1]), gauss[0], rtol=1e-6)
    trees = [{"a": o} for o in several]
    np.testing.assert_allclose(pooled(None, trees)["a"], np.mean(several, 0))
    far = pooled("classes", [np.array([[0.0, -2000.0]]), np.array([[0.0, -1000.0]])])
    np.testing.assert_allclose(far, [[0.0, -1000 - np.log(2)]], rtol=1e-9)
    far = pooled("binary", [np.array([-900.0], np.float32), np.array([-800.0], np.float32)])
    np.testing.assert_allclose(far, [-800 - np.log(2)], rtol=1e-6)


def test_heads_without_probabilities_have_none():
    outputs = {"cls": FAR, "reg": FAR[:, :1]}
    found = read_probabilities(TWO, outputs, probabilities, "run")
    np.testing.assert_allclose(found["cls"], softmax(FAR, -1), rtol=1e-6, atol=1e-12)
    assert found["reg"] is None and list(found) == ["cls", "reg"]
    with pytest.raises(ValueError, match="this loss gives no probabilities"):
        read_probabilities({"a": "squared_error", "b": "huber"}, {"a": FAR, "b": FAR}, probabilities, "run")


def test_a_mask_beside_outputs_is_no_output():
    steps, mask = RNG.normal(size=(2, 3, 4)), np.ones((2, 3), bool)
    assert unmasked("softmax_cross_entropy", Masked(steps, mask)) is steps
    assert unmasked(TWO, {"cls": Masked(steps, mask), "reg": steps}) == {"cls": steps, "reg": steps}
