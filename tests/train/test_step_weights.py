"""Weights by step, masks and ignored labels: against PyTorch's and Keras's losses, and hand-written loops."""

import os
from functools import cache

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.batches import epoch_orders

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(0)
ROWS, TIME, TAGS, SIZE, EPOCHS = 10, 6, 4, 4, 3
X = RNG.normal(size=(ROWS, TIME, 3)).astype(np.float32)
LENGTHS = np.array([6, 1, 3, 5, 2, 4, 6, 1, 2, 3])
MASK = np.arange(TIME) < LENGTHS[:, None]
TAGGED = RNG.integers(0, TAGS, (ROWS, TIME)).astype(np.int32)
IGNORED = np.where(MASK, TAGGED, -100).astype(np.int32)
LOGITS = RNG.normal(size=(ROWS, TIME, TAGS)).astype(np.float32)
TAGGER = nn.LSTM(TAGS, return_sequences=True)


def trial(lr, loss="softmax_cross_entropy", model=TAGGER):
    return nn.Trial(model, loss, optax.sgd(lr), metrics=("top_2",))


def ignoring(lr):
    return trial(lr, nn.losses.ignoring("softmax_cross_entropy"))


WAYS = {  # three ways to say the same
    "weights by step": (trial, lambda rows: (X[rows], TAGGED[rows], MASK[rows])),
    "a mask with the inputs": (trial, lambda rows: ((X[rows], MASK[rows]), TAGGED[rows])),
    "an ignored label": (ignoring, lambda rows: (X[rows], IGNORED[rows])),
}
PYTORCH = pytest.mark.parametrize("way", WAYS)


@cache
def torch_loop(lr, masked_state):
    """Training in batches under PyTorch's mean over labels that are not ignored, by hand with Optax's SGD."""
    key = jax.random.split(jax.random.key(0, impl="threefry2x32"))[0]
    params, _ = TAGGER.init(key, X[:1])
    history = []

    def forward(p, rows):
        given = (X[rows], jnp.asarray(MASK[rows], jnp.int32)) if masked_state else X[rows]
        y = TAGGER.apply(p, {}, given)[0]
        return y[0] if masked_state else y

    for epoch in range(EPOCHS):
        order, seen, right = epoch_orders(0, epoch, 1, ROWS)[0], [], []
        for first in range(0, ROWS, SIZE):
            rows = order[first : first + SIZE]
            logits, back = jax.vjp(lambda p, rows=rows: forward(p, rows), params)
            leaf = torch.tensor(np.asarray(logits), requires_grad=True)
            labels = torch.tensor(IGNORED[rows]).long()
            loss = torch.nn.functional.cross_entropy(leaf.swapaxes(1, 2), labels, ignore_index=-100)
            loss.backward()
            (grads,) = back(jnp.asarray(leaf.grad.numpy()))
            each = torch.nn.functional.cross_entropy(leaf.swapaxes(1, 2), labels, ignore_index=-100, reduction="none")
            seen.append(each.detach().numpy()[MASK[rows]])
            right.append((np.argmax(logits, -1) == TAGGED[rows])[MASK[rows]])
            params = jax.tree.map(lambda p, g: p - np.float32(lr) * g, params, grads)
        history.append({"loss": np.concatenate(seen).mean(), "accuracy": np.concatenate(right).mean()})
    return params, history


def check(run, lr, masked_state):
    params, history = torch_loop(lr, masked_state)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), run.params, params)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(run.history[name], [row[name] for row in history], rtol=1e-5, err_msg=name)


@PYTORCH
def test_fit_and_a_grid_of_three_equal_the_loop_with_pytorchs_mean(way):
    make, data = WAYS[way]
    masked_state = way == "a mask with the inputs"
    everything = data(np.arange(ROWS))
    options = dict(epochs=EPOCHS, batch_size=SIZE, progress=False)
    check(nn.fit(make, everything, dict(lr=0.5), **options), 0.5, masked_state)
    for plan in ("map", "vmap"):
        runs = nn.grid(make, everything, dict(lr=[0.1, 0.5, 2.0]), plan=plan, **options)
        for run in runs:
            check(run, run.hparams["lr"], masked_state)


@PYTORCH
def test_validation_and_evaluate_count_the_real_steps_of_all_batches(way):
    make, data = WAYS[way]
    run = nn.fit(make, data(np.arange(6)), dict(lr=0.5), epochs=1, validation=data(np.arange(6, 10)), progress=False)
    logits = run.outputs(data(np.arange(6, 10))[0])
    each = torch.nn.functional.cross_entropy(
        torch.tensor(logits).swapaxes(1, 2), torch.tensor(IGNORED[6:]).long(), ignore_index=-100
    )
    right = (logits.argmax(-1) == TAGGED[6:])[MASK[6:]].mean()
    two = np.sort(logits, -1)[..., -2]
    among = (np.take_along_axis(logits, TAGGED[6:, :, None], -1)[..., 0] >= two)[MASK[6:]].mean()
    values = run.evaluate(data(np.arange(6, 10)))
    for found in (values, {name.removeprefix("val_"): v[-1] for name, v in run.history.items() if "val_" in name}):
        assert found == pytest.approx({"loss": float(each), "accuracy": right, "top_2": among}, rel=1e-5)
    assert run.predict(data(np.arange(6, 10))[0]).shape == (4, TIME)


@nn.spec
class Constant:
    """Logits that are the parameters."""

    def init(self, key, x):
        return {"logits": jnp.asarray(LOGITS)}, {}

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        return params["logits"], state


def test_a_step_equals_keras_under_a_mask_and_sample_weights():
    keras = pytest.importorskip("keras")

    def keras_loss(outputs, weights):
        each = keras.losses.sparse_categorical_crossentropy(TAGGED, outputs, from_logits=True)
        kept = keras.src.losses.loss.apply_mask(weights, jnp.asarray(MASK), "float32", "sum_over_batch_size")
        return keras.src.losses.loss.reduce_weighted_values(each, sample_weight=kept)

    own = nn.Trial(Constant(), "softmax_cross_entropy", optax.sgd(1.0))
    state = nn.init(own, jax.random.key(0), X)
    for weight in (np.ones((ROWS, TIME)), RNG.uniform(0.5, 2, (ROWS, TIME))):
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            expected, slope = jax.value_and_grad(keras_loss)(jnp.asarray(LOGITS), jnp.asarray(weight, jnp.float32))
        after, values = nn.step(own, state, (X, TAGGED, (weight * MASK).astype(np.float32)))
        # the gradient is a difference of parameters of size 3, which are rounded
        np.testing.assert_allclose(LOGITS - after.params["logits"], slope, atol=5e-7)
        reported = float(expected) * MASK.sum() / (weight * MASK).sum()  # a mean over weights, as for weights of rows
        np.testing.assert_allclose(values["loss"], reported, rtol=1e-5)


def test_a_batch_without_a_real_step_changes_nothing():
    nothing = np.r_[np.ones((1, TIME)), np.zeros((ROWS - 1, TIME))]
    run = nn.fit(trial, (X, TAGGED, nothing), dict(lr=0.5), epochs=2, batch_size=2, shuffle=False, progress=False)
    assert run.diverged is None and np.isfinite(run.history["loss"]).all()
    alone = nn.fit(trial, (X[:2], TAGGED[:2], nothing[:2]), dict(lr=0.5), epochs=2, batch_size=2, progress=False)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), run.params, alone.params)


def test_values_by_step_and_metrics_with_a_finish_see_the_same_steps():
    y = X[..., 0] * 2 + 1
    own = nn.Trial(nn.LSTM(1, return_sequences=True), "squared_error", optax.sgd(0.1), metrics=("r2",))
    run = nn.fit(own, ((X, MASK), y[..., None]), epochs=1, progress=False)
    from sklearn.metrics import mean_squared_error, r2_score

    values, outputs = run.evaluate(((X, MASK), y[..., None])), run.outputs((X, MASK))[..., 0]
    assert values["loss"] == pytest.approx(mean_squared_error(y[MASK], outputs[MASK]), rel=1e-5)
    assert values["r2"] == pytest.approx(r2_score(y[MASK], outputs[MASK]), rel=1e-4)


def test_labels_that_no_real_step_has_are_refused_and_those_of_others_pass():
    with pytest.raises(ValueError, match=r"holds class -100, .*losses\.ignoring\(\"softmax_cross_entropy\", -100\)"):
        nn.fit(trial, (X, IGNORED), dict(lr=0.5), epochs=1, progress=False)
    run = nn.fit(trial, (X, IGNORED, MASK), dict(lr=0.5), epochs=1, batch_size=SIZE, progress=False)
    plain = nn.fit(trial, (X, TAGGED, MASK), dict(lr=0.5), epochs=1, batch_size=SIZE, progress=False)
    np.testing.assert_array_equal(run.history["loss"], plain.history["loss"])
    with pytest.raises(
        ValueError, match=r"a mask \(10, 6\) of the steps that count, and y of the data has shape \(10,\)"
    ):
        nn.fit(trial, ((X, MASK), TAGGED[:, 0]), dict(lr=0.5), epochs=1, progress=False)
