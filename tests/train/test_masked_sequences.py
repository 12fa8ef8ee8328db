"""Losses and metrics of masked sequences, in `step`, `fit`, a grid, `evaluate` and `predict`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.masks import beside, split
from jaxnn.layers.children import Apply, Init

RNG = np.random.default_rng(0)
LENGTHS = np.array([4, 2, 4, 1])
MASK = (np.arange(4)[None] < LENGTHS[:, None]).astype(np.float32)
X = RNG.normal(size=(4, 4, 3)).astype(np.float32)
Y = (X.sum(-1) > 0).astype(np.int32)


def tagger(lr, units=3):
    model = nn.Sequential(
        nn.LSTM(units, return_sequences=True), nn.LSTM(units, return_sequences=True), nn.Dense(2), nn.Dropout(0.0)
    )
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))


@nn.spec
class OwnBlock:
    """A transformer block of one's own, with its norm after the sum."""

    attention: nn.Attention = nn.child()
    norm: nn.LayerNorm = nn.child(nn.LayerNorm())

    def init(self, key, x):
        run = Init(key)
        run("norm", self.norm, run("attention", self.attention, x))
        return run.made

    def apply(self, params, state, x, *, key=None, train=False, rows=None):
        x, mask = split("OwnBlock", x)
        run = Apply(params, state, key=key, train=train, rows=rows, mask=mask)
        return beside(run("norm", self.norm, x + run("attention", self.attention, x)), mask), run.state


def own_transformer(lr):
    model = nn.Sequential(nn.Dense(4), nn.LearnedPositions(4), OwnBlock(nn.Attention(2)), nn.Dense(2))
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))


def by_hand(trial, x, mask, epochs):
    """Gradient steps over the rows one by one, each cut to its length: no mask, no padding, no engine."""
    params, state = trial.model.init(jax.random.split(jax.random.key(0, impl="threefry2x32"))[0], (x, mask))

    @jax.jit
    def loss(params):
        total = 0.0
        for i, n in enumerate(LENGTHS):
            row = x[i : i + 1, :n]
            logits = trial.model.apply(params, state, (row, jnp.ones((1, n), jnp.float32)))[0][0][0]
            log = jax.nn.log_softmax(logits)
            total = total - jnp.take_along_axis(log, jnp.asarray(Y[i, :n, None]), 1).sum()
        return total / np.float32(LENGTHS.sum())

    opt, curve = trial.optimizer.init(params), []
    step = jax.jit(jax.value_and_grad(loss))
    for _ in range(epochs):
        value, grads = step(params)
        updates, opt = trial.optimizer.update(grads, opt, params)
        params = optax.apply_updates(params, updates)
        curve.append(float(value))
    return params, curve


@pytest.mark.parametrize("make", [tagger, own_transformer])
def test_fit_and_a_grid_equal_a_loop_over_rows_cut_to_their_length(make):
    data = ((X, MASK), np.where(MASK == 1, Y, 0))
    run = nn.fit(make(0.5), data, epochs=3, batch_size=4, shuffle=False, progress=False)
    params, curve = by_hand(make(0.5), X, MASK, 3)
    np.testing.assert_allclose(run.history["loss"], curve, rtol=1e-4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-5), run.params, params)
    runs = nn.grid(make, data, dict(lr=[0.1, 0.5]), epochs=3, batch_size=4, shuffle=False, progress=False)
    np.testing.assert_allclose(runs[1].history["loss"], curve, rtol=1e-4)


def test_what_stands_in_masked_steps_changes_nothing():
    noise = np.where(MASK[..., None] == 1, X, 99).astype(np.float32)
    first, second = (
        nn.fit(tagger(0.5), ((x, MASK), np.where(MASK == 1, Y, other)), epochs=2, batch_size=2, progress=False)
        for x, other in ((X, 0), (noise, 1))
    )
    np.testing.assert_allclose(first.history["loss"], second.history["loss"], rtol=1e-6)
    np.testing.assert_allclose(first.history["accuracy"], second.history["accuracy"], rtol=1e-6)
    labels = first.predict((X, MASK))
    assert labels.shape == (4, 4)
    np.testing.assert_array_equal(labels[MASK == 1], second.predict((noise, MASK))[MASK == 1])
    found = first.evaluate(((X, MASK), Y))
    np.testing.assert_allclose(found["accuracy"], (labels == Y)[MASK == 1].mean(), rtol=1e-5)


def test_targets_without_steps_are_told_what_to_end_with():
    with pytest.raises(ValueError, match=r"a mask \(4, 4\) of the steps that count.* such as GlobalAvgPool\(\)"):
        nn.fit(tagger(0.1), ((X, MASK), Y[:, 0]), epochs=1, progress=False)


def test_nan_in_masked_steps_is_no_matter():
    holed = np.where(MASK[..., None] > 0, X, np.nan)
    options = dict(epochs=2, batch_size=2, standardise=True, progress=False)
    run = nn.fit(tagger, ((holed, MASK), Y), {"lr": 0.1}, validation=((holed, MASK), Y), **options)
    same = nn.fit(tagger, ((X, MASK), Y), {"lr": 0.1}, validation=((X, MASK), Y), **options)
    for name, values in same.history.items():
        np.testing.assert_array_equal(run.history[name], values)
    real = MASK > 0
    np.testing.assert_array_equal(run.predict((holed, MASK))[real], same.predict((X, MASK))[real])
    assert run.evaluate(((holed, MASK), Y)) == same.evaluate(((X, MASK), Y))


def test_nan_in_real_steps_and_beside_what_is_no_mask_is_refused():
    holed = X.copy()
    holed[1, 1, 0] = np.nan
    for mask in (MASK, MASK * 0.5):
        with pytest.raises(ValueError, match=r"x\[0\] of the data holds NaN or infinite values"):
            nn.fit(tagger, ((holed, mask), Y), {"lr": 0.1}, epochs=1, progress=False)
