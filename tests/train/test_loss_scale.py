"""The loss scale: its rule is that of Flax and Keras, an overflow leaves no trace, and small gradients train."""

import itertools
import os

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.loss_scale import into_backward, moved, out_of_backward
from jaxnn.train.state import LossScale

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype(np.float32)
Y = (X @ [1.0, -2.0, 0.5, 0.0]).astype(np.float32)
LARGE = X.copy()
LARGE[8:16] *= 100  # whose gradient overflows float16 at a scale of about 30
HALF = nn.Precision(compute="float16", loss_scale=2.0**10, growth_interval=5)
OPTIONS = dict(batch_size=8, shuffle=False, precision=HALF, progress=False)


def line(lr, unit=1.0):
    """A regression whose loss is counted in other units: its gradient is as much smaller."""

    @nn.loss(task="values")
    def error(outputs, targets):
        return unit * (outputs[:, 0] - targets) ** 2

    return nn.Trial(nn.Dense(1), error, optax.adam(lr, eps=1e-30))


def begun(scale, steps=0):
    return LossScale(jnp.float32(scale), jnp.int32(steps))


def test_the_backward_pass_alone_is_scaled():
    def loss(w, scale):
        w = out_of_backward(w, scale)
        return into_backward((w["a"] ** 3).sum(), scale)

    w = {"a": jnp.array([1.0, 2.0])}
    plain, scaled = (jax.value_and_grad(loss)(w, s) for s in (None, begun(1024.0)))
    assert float(plain[0]) == float(scaled[0]) and np.array_equal(plain[1]["a"], scaled[1]["a"])
    tiny = {"a": jnp.array([1e-3], jnp.float16)}
    assert jax.grad(lambda w: loss(jax.tree.map(lambda a: a * jnp.float16(1e-3), w), None))(tiny)["a"][0] == 0
    twice = jax.hessian(lambda a: loss({"a": a}, begun(8.0)))(w["a"])
    np.testing.assert_allclose(twice, np.diag(6 * np.array([1.0, 2.0])), rtol=1e-6)


FITS = [True] * 7 + [False, False] + [True] * 2 + [False] + [True] * 9 + [False] * 40 + [True] * 5


def ours(interval):
    state, found = begun(2.0**10), []
    for fits in FITS:
        state = moved(state, jnp.bool_(fits), interval)
        found.append(float(state.scale))
    return found


@pytest.mark.parametrize("interval", [1, 3, 4])
def test_the_scale_moves_as_that_of_flax(interval):
    """Flax compares before it counts, so that its interval is one step longer; its floor is set to ours."""
    flax = pytest.importorskip("flax.training.dynamic_scale")
    state = flax.DynamicScale(growth_interval=interval - 1, scale=jnp.float32(2.0**10), minimum_scale=1.0)
    theirs = []
    with jax.numpy_dtype_promotion("standard"):
        for fits in FITS:
            gradient = jnp.float32(1.0 if fits else jnp.inf)
            state = state.value_and_grad(lambda w, g=gradient: w * g)(jnp.float32(1.0))[0]
            theirs.append(float(state.scale))
    assert ours(interval) == theirs and min(theirs) == 1.0


def test_the_scale_moves_as_that_of_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    keras = pytest.importorskip("keras")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.0), 2.0**10, 3)
        weight = keras.Variable(np.ones(1, np.float32))
        optimizer.build([weight])
        place = [v.name for v in optimizer.variables].index("dynamic_scale")
        weights, state, theirs = [weight.value], [v.value for v in optimizer.variables], []
        for fits in FITS[:21]:
            weights, state = optimizer.stateless_apply(state, [jnp.full(1, 1.0 if fits else jnp.inf)], weights)
            theirs.append(float(state[place]))
    assert ours(3)[:21] == theirs and len(set(theirs)) > 3


def stepped(trial, precision, batches, key):
    state = nn.init(trial, key, jnp.asarray(X[:1]), precision=precision)
    states, values = [state], []
    one = jax.jit(lambda s, b: nn.step(trial, s, b, precision=precision))
    for x, y in batches:
        state, value = one(state, (jnp.asarray(x), jnp.asarray(y)))
        states.append(state)
        values.append(value)
    return states, values


def equal(a, b):
    return jax.tree.all(jax.tree.map(lambda a, b: bool((np.asarray(a) == np.asarray(b)).all()), a, b))


def test_a_step_that_overflows_leaves_no_trace_but_in_the_scale(key):
    model = nn.Sequential(nn.BatchNorm(momentum=0.5), nn.Dense(4, "tanh"), nn.Dense(1))
    trial = nn.Trial(model, "squared_error", optax.chain(optax.adam(1e-2), nn.ema(0.9)))
    good, bad = (X[:8], Y[:8]), (X[8:16], Y[8:16] + np.float32(1e4))  # an error of 1e4 times 2**10 is above 65504
    states, values = stepped(trial, HALF, [good, bad, good, good], key)
    names = ("params", "model_state", "opt_state")
    pairs = [[(getattr(a, n), getattr(b, n)) for n in names] for a, b in itertools.pairwise(states)]
    moved = [not any(equal(*pair) for pair in each) for each in pairs]
    still = [all(equal(*pair) for pair in each) for each in pairs]
    assert moved == [True, False, True, True] and still == [False, True, False, False]
    assert [float(s.loss_scale.scale) for s in states] == [1024, 1024, 512, 512, 512]
    assert [int(s.loss_scale.steps) for s in states] == [0, 1, 0, 1, 2]
    assert [int(s.step) for s in states] == [0, 1, 2, 3, 4] and np.isfinite([float(v["loss"]) for v in values]).all()
    assert {str(a.dtype) for a in jax.tree.leaves((states[-1].params, states[-1].model_state))} == {"float32"}


def test_gradients_below_float16_train_with_a_scale_and_not_without():
    def fit(precision):
        options = {**OPTIONS, "precision": precision}
        return nn.fit(line, (X, Y), dict(lr=0.05, unit=1e-8), epochs=25, **options)

    full, half, without = map(fit, (None, HALF, nn.Precision(compute="float16")))
    np.testing.assert_allclose(half.params["kernel"], full.params["kernel"], atol=2e-2)
    assert half.metrics["loss"] < 0.05 * full.history["loss"][0]
    np.testing.assert_array_equal(without.params["bias"], np.zeros(1))
    np.testing.assert_allclose(without.history["loss"], without.history["loss"][0], rtol=1e-6)


def by_hand(lr, epochs, size=8):
    """Flax's scale and Optax, rows in order, params and optimizer chosen as Flax's own examples choose them."""
    flax = pytest.importorskip("flax.training.dynamic_scale")
    key = jax.random.split(jax.random.key(0, impl="threefry2x32"))[0]
    params, _ = nn.Dense(1).init(key, jnp.asarray(X[:1]))
    optimizer = optax.adam(lr, eps=1e-30)
    scale = flax.DynamicScale(growth_interval=4, scale=jnp.float32(2.0**10), minimum_scale=1.0)

    def half(tree):
        return jax.tree.map(lambda a: a.astype(jnp.float16), tree)

    @jax.jit
    def step(params, state, scale, x, y):
        def loss(p):
            p = half(p)
            outputs = (half(x) @ p["kernel"] + p["bias"]).astype(jnp.float32)
            return ((outputs[:, 0] - y) ** 2).mean()

        scale, finite, value, grads = scale.value_and_grad(loss)(params)
        updates, after = optimizer.update(grads, state, params)
        new = optax.apply_updates(params, updates)
        choose = lambda a, b: jax.tree.map(lambda a, b: jnp.where(finite, a, b), a, b)  # noqa: E731
        return choose(new, params), choose(after, state), scale, value

    state, losses, scales = optimizer.init(params), [], []
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        for _ in range(epochs):
            values = []
            for i in range(0, len(X), size):
                params, state, scale, value = step(params, state, scale, LARGE[i : i + size], Y[i : i + size])
                values.append(float(value))
            losses.append(np.mean(values))
            scales.append(float(scale.scale))
    return params, losses, scales


def test_a_training_with_rows_that_overflow_is_that_of_flax_and_optax_by_hand():
    scales = []

    def told(population, epoch, row):
        scales.append(float(population.state().loss_scale.scale[0]))

    run = nn.fit(line, (LARGE, Y), dict(lr=0.02, unit=1.0), epochs=12, callbacks=[told], **OPTIONS)
    params, losses, theirs = by_hand(0.02, 12)
    assert run.diverged is None and scales == theirs
    assert {a < b for a, b in itertools.pairwise(scales)} == {True, False}
    np.testing.assert_allclose(run.history["loss"], losses, rtol=1e-3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4), run.params, params)


def test_every_member_has_its_own_scale_and_is_its_solo_run():
    space = dict(lr=0.02, unit=[1.0, 1e-3, 8.0])
    runs = nn.grid(line, (LARGE, Y), space, epochs=9, plan="map", states=True, **OPTIONS)
    solo = [nn.fit(line, (LARGE, Y), dict(lr=0.02, unit=u), epochs=9, **OPTIONS) for u in space["unit"]]
    assert all(equal(a.last, b.last) for a, b in zip(runs, solo, strict=True))
    scales = [float(run.last.loss_scale.scale) for run in runs]
    assert len(set(scales)) == 3 and len(runs.diverged) == 0
    wide = nn.grid(line, (LARGE, Y), space, epochs=9, plan="vmap", states=True, **OPTIONS)
    assert [float(run.last.loss_scale.scale) for run in wide] == scales


def test_an_overflow_at_the_smallest_scale_is_a_divergence():
    """Ten steps of three an epoch halve the scale to 1, and the next one diverges; it goes back by an epoch."""
    bad = np.where(np.arange(32)[:, None] < 8, X, np.float32(1e5))  # which is no number of float16
    with pytest.warns(nn.DivergedWarning):
        run = nn.fit(line, (bad, Y), dict(lr=0.02, unit=1.0), epochs=9, **OPTIONS)
    before = nn.fit(line, (bad, Y), dict(lr=0.02, unit=1.0), epochs=3, **OPTIONS)
    assert run.diverged == 14 and run.epochs == 3 and before.diverged is None
    assert equal(run.params, before.params) and float(before.last.loss_scale.scale) == 2.0
    np.testing.assert_array_equal(run.history["loss"], before.history["loss"])
    assert np.isfinite(run.history["loss"]).all()  # means over the rows of steps that were done


def test_killed_and_gone_on_is_never_stopped_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr("jaxnn.io.folder.SAVE_SECONDS", 0.0)
    monkeypatch.setattr("jaxnn.train.group.VISIT_SECONDS", 0.0)

    def killer(population, epoch, row):
        if epoch == 3:
            raise RuntimeError("killed")

    whole = nn.fit(line, (LARGE, Y), dict(lr=0.02, unit=1.0), epochs=5, **OPTIONS)
    with pytest.raises(RuntimeError, match="killed"):
        nn.fit(line, (LARGE, Y), dict(lr=0.02, unit=1.0), epochs=5, folder=tmp_path, callbacks=[killer], **OPTIONS)
    again = nn.fit(line, (LARGE, Y), dict(lr=0.02, unit=1.0), epochs=5, folder=tmp_path, **OPTIONS)
    assert equal(again.last, whole.last) and again.history["loss"].tolist() == whole.history["loss"].tolist()
    loaded = nn.load_runs(tmp_path)[0]
    assert loaded.precision == HALF and np.array_equal(loaded.predict(X), whole.predict(X))
    with pytest.raises(ValueError, match=r"precision was .*loss_scale.*, and not 'float16'"):
        nn.fit(
            line, (LARGE, Y), dict(lr=0.02, unit=1.0), epochs=5, folder=tmp_path, **{**OPTIONS, "precision": "float16"}
        )
    with pytest.raises(ValueError, match=r"cannot go on in this training: \.loss_scale"):
        nn.fit(line, (LARGE, Y), dict(lr=0.02, unit=1.0), epochs=5, start=whole, **{**OPTIONS, "precision": None})


def test_a_state_of_another_precision_is_refused(key):
    trial = line(0.1)
    state = nn.init(trial, key, jnp.asarray(X[:1]))
    with pytest.raises(ValueError, match=r"as it has no loss scale; write nn.init.*precision='float16'"):
        nn.step(trial, state, (X, Y), precision="float16")


def test_a_gradient_passes_through_a_training_with_a_scale(key):
    def last(lr, precision):
        return nn.run(line, {"lr": lr}, key, (X, Y), epochs=2, batch_size=16, precision=precision)[1]["loss"][-1]

    slope = jax.grad(last)(0.02, HALF)
    np.testing.assert_allclose(slope, jax.grad(last)(0.02, None), rtol=0.02)
