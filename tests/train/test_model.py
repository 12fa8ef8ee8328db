"""A model: what is used on new rows, in whatever dtype they come."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data.split import Standardiser

KERNEL = np.array([[1.0], [2.0]], np.float32)
WEIGHTS = {"kernel": KERNEL, "bias": np.ones(1, np.float32)}
MODEL = nn.Model(nn.Dense(1), WEIGHTS, {}, "squared_error", ("r2",), row=np.ones((3, 2), np.float32))


def test_values_are_one_for_each_row():
    for x in ([[1.0, 2.0], [0.0, 1.0]], np.array([[1, 2], [0, 1]]), jnp.array([[1.0, 2.0], [0.0, 1.0]])):
        assert MODEL.predict(x).tolist() == [6.0, 3.0] and MODEL.outputs(x).tolist() == [[6.0], [3.0]]
    assert MODEL.predict(np.zeros((0, 2))).shape == (0,)
    assert MODEL.task == "values" and MODEL.trial.metric_names == ("r2",)
    values = MODEL.evaluate((np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([6.0, 1.0]), np.array([1.0, 3.0])))
    assert values["loss"] == 3.0 and values["r2"] == pytest.approx(1 - 12 / (25 * 3 / 4), rel=1e-5)


def test_new_rows_are_scaled_as_the_training_rows_were():
    fitted = Standardiser(np.array([1e8, 0.0]), np.array([2.0, 4.0]))
    model = nn.Model(MODEL.spec, MODEL.params, {}, "squared_error", standardiser=fitted)
    x = np.array([[1e8 + 2, 4.0], [1e8, 0.0]])
    assert model.predict(x).tolist() == [4.0, 1.0]
    assert model.evaluate((x, np.array([4.0, 3.0])))["loss"] == 2.0


def test_probabilities_are_refused_where_the_loss_has_none():
    with pytest.raises(ValueError, match=r"this loss gives no probabilities; write run\.predict"):
        MODEL.predict_proba(np.ones((1, 2)))
    logit = nn.Model(MODEL.spec, MODEL.params, {}, "sigmoid_cross_entropy")
    np.testing.assert_allclose(logit.predict_proba([[0.0, -1.0]]), [[1 / (1 + np.exp(-1)), 1 / (1 + np.e)]], rtol=1e-6)
    assert logit.predict([[0.0, -1.0], [0.0, 1.0]]).tolist() == [0, 1]


def test_the_precision_of_the_training_is_that_of_use():
    half = nn.Model(MODEL.spec, MODEL.params, {}, "squared_error", precision="bfloat16")
    x = np.array([[1.001, 2.003]])
    assert half.predict(x)[0] != MODEL.predict(x)[0] and abs(half.predict(x)[0] - MODEL.predict(x)[0]) < 0.1
    assert half.evaluate((x, MODEL.predict(x)))["loss"] > 0


@pytest.mark.parametrize(
    ("x", "message"),
    [([["a", "b"]], "text or objects"), ([[np.nan, 1.0]], "NaN or infinite"), ([[1.0, 2.0, 3.0]], "3")],
)
def test_rows_that_do_not_fit_are_refused(x, message):
    with pytest.raises(ValueError, match=message):
        MODEL.predict(x)


def test_saved_and_loaded_it_predicts_the_same(tmp_path):
    MODEL.save(tmp_path / "model.safetensors")
    again = nn.load(tmp_path / "model.safetensors")
    assert again.predict([[1.0, 2.0]]).tolist() == [6.0]


@pytest.mark.parametrize(("dtype", "spacing"), [("bfloat16", 2.0**-7), ("float16", 2.0**-10)])
def test_cast_it_is_half_as_large_and_used_and_saved_in_that_dtype(tmp_path, dtype, spacing):
    rng = np.random.default_rng(0)
    spec = nn.mlp((8,), out=3, batch_norm=True)
    params, state = spec.init(jax.random.key(0), jnp.ones((1, 4)))
    model = nn.Model(spec, params, state, "softmax_cross_entropy", row=np.ones((1, 4), np.float32))
    half, x = model.cast(dtype), rng.normal(size=(6, 4)).astype(np.float32)
    assert {str(a.dtype) for a in jax.tree.leaves(half.params)} == {dtype}
    assert {str(a.dtype) for a in jax.tree.leaves(half.state)} == {"float32"}
    outputs = half.outputs(x)
    assert outputs.dtype == np.float32 and 0 < np.abs(outputs - model.outputs(x)).max() < 4 * spacing
    model.save(tmp_path / "full.safetensors")
    half.save(tmp_path / "half.safetensors")
    again = nn.load(tmp_path / "half.safetensors")
    assert again.precision == half.precision and np.array_equal(again.outputs(x), outputs)
    assert {str(a.dtype) for a in jax.tree.leaves(again.params)} == {dtype}
    back = again.cast("float32")
    assert {str(a.dtype) for a in jax.tree.leaves(back.params)} == {"float32"} and back.last is None
    with pytest.raises(ValueError, match="param must be a floating dtype, got 'int8'"):
        model.cast("int8")
    with pytest.raises(ValueError, match="cast needs a dtype"):
        model.cast(None)
