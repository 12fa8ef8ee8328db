"""Outputs in blocks, probabilities and decisions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import softmax

import jaxnn as nn
from jaxnn.train import predict
from jaxnn.train.predict import evaluation, outputs_of

RNG = np.random.default_rng(0)
LINE = nn.Dense(2)
PARAMS = {"kernel": RNG.normal(size=(3, 2)).astype(np.float32), "bias": np.array([1, -1], np.float32)}


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 4, 5, 9, 11])
def test_any_number_of_rows_goes_through_in_blocks_of_few_sizes(rows, monkeypatch):
    monkeypatch.setattr(predict, "LARGEST", 4)
    x = RNG.normal(size=(rows, 3)).astype(np.float32)
    out = outputs_of(LINE, PARAMS, {}, x)
    assert isinstance(out, np.ndarray) and out.shape == (rows, 2)
    np.testing.assert_allclose(out, x @ PARAMS["kernel"] + PARAMS["bias"], rtol=1e-5, atol=1e-6)


def test_blocks_are_powers_of_two_and_all_of_them_are_padded(monkeypatch):
    sizes = []

    @nn.spec
    class Spy:
        def init(self, key, x):
            return {}, {}

        def apply(self, params, state, x, *, key=None, train=False, rows=None):
            sizes.append((x["a"].shape[0], train, rows))
            return {"twice": 2 * x["a"]}, state

    for rows in (1, 2, 3, 5, 4096, 4097):
        x = {"a": np.arange(rows, dtype=np.float32)}
        np.testing.assert_array_equal(outputs_of(Spy(), {}, {}, x)["twice"], 2 * x["a"])
    assert sizes == [(n, False, None) for n in (1, 2, 4, 8, 4096)]


def test_a_precision_is_that_of_the_forward_pass_alone():
    x = RNG.normal(size=(4, 3)).astype(np.float32)
    half, full = outputs_of(LINE, PARAMS, {}, x, "bfloat16"), outputs_of(LINE, PARAMS, {}, x)
    assert half.dtype == np.float32 and not np.array_equal(half, full)
    np.testing.assert_allclose(half, full, atol=0.05)


def test_evaluation_is_an_average_in_python_floats(monkeypatch):
    monkeypatch.setattr(predict, "LARGEST", 4)
    x, y = RNG.normal(size=(6, 3)).astype(np.float32), RNG.integers(0, 2, 6).astype(np.int32)
    weight = RNG.uniform(0.5, 2, 6).astype(np.float32)
    trial = nn.Trial(LINE, "softmax_cross_entropy", optax.identity())
    values = evaluation(trial, PARAMS, {}, nn.Batch(x, y, weight))
    logits = x @ PARAMS["kernel"] + PARAMS["bias"]
    losses = -np.log(softmax(logits, -1)[np.arange(6), y])
    np.testing.assert_allclose(values["loss"], np.average(losses, weights=weight), rtol=1e-5)
    np.testing.assert_allclose(values["accuracy"], np.average(logits.argmax(1) == y, weights=weight), rtol=1e-6)
    assert {type(v) for v in values.values()} == {float}
    half = evaluation(trial, jax.tree.map(jnp.asarray, PARAMS), {}, nn.Batch(x, y, weight), "bfloat16")
    assert half["loss"] != values["loss"] and abs(half["loss"] - values["loss"]) < 0.05
