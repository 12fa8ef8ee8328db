"""The run as a pure function: gradients through it, jit, vmap, and `fit` as its compiled form."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(1)
X = RNG.normal(size=(24, 3))
Y = (X[:, 0] - X[:, 1] > 0).astype(np.int32)


def trial(lr, l2, dropout):
    model = nn.mlp((5,), out=2, activation="tanh", dropout=dropout)
    return nn.Trial(model, "softmax_cross_entropy", optax.chain(nn.l2(l2), optax.adam(lr)))


@jax.jit
@jax.value_and_grad
def last_loss(hparams):
    key = jax.random.key(3, impl="threefry2x32")
    _, history = nn.run(trial, hparams, key, (X, Y), epochs=3, batch_size=10, validation=0.25)
    return history["val_loss"][-1]


@pytest.mark.parametrize("name", ["lr", "l2", "dropout"])
def test_the_gradient_of_the_last_validation_loss_agrees_with_central_differences(name):
    point = {k: np.float64(v) for k, v in {"lr": 0.03, "l2": 0.02, "dropout": 0.3}.items()}
    with jax.enable_x64(True):
        slope = last_loss(point)[1][name]
        up, down = (last_loss({**point, name: point[name] + step})[0] for step in (1e-6, -1e-6))
        assert slope.dtype == jnp.float64
        np.testing.assert_allclose(slope, (up - down) / 2e-6, rtol=1e-4)


def test_a_rematerialised_run_is_the_run(key):
    def noisy(lr, dropout):
        model = nn.Sequential(nn.Dropout(dropout), nn.Dense(2))
        return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr))

    def both(hparams, remat):  # 17 epochs are no product, and the last block is filled up
        options = dict(epochs=17, batch_size=10, validation=0.25, remat=remat)
        state, history = nn.run(noisy, hparams, key, (X, Y), **options)
        return state.metrics["val_loss"], history

    point = {"lr": 0.03, "dropout": 0.3}
    (_, plain), slopes = jax.jit(jax.value_and_grad(both, has_aux=True), static_argnums=1)(point, False)
    (_, again), same = jax.jit(jax.value_and_grad(both, has_aux=True), static_argnums=1)(point, True)
    assert again["loss"].shape == (17,)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), plain, again)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4), slopes, same)


def test_run_under_vmap_over_hyperparameters_and_keys():
    keys = jax.vmap(lambda s: jax.random.key(s, impl="threefry2x32"))(jnp.arange(3))
    rates = jnp.array([0.1, 0.01, 0.001])

    def one(lr, key):
        hparams = {"lr": lr, "l2": 0.0, "dropout": 0.2}
        return nn.run(trial, hparams, key, (X, Y), epochs=2, batch_size=8)[1]["loss"]

    together = jax.jit(jax.vmap(one))(rates, keys)
    alone = jnp.stack([jax.jit(one)(lr, key) for lr, key in zip(rates, keys, strict=True)])
    assert together.shape == (3, 2)
    np.testing.assert_allclose(together, alone, rtol=1e-5)


def test_fit_is_the_run():
    hparams = {"lr": 0.05, "l2": 0.01, "dropout": 0.1}
    options = {"epochs": 4, "batch_size": 10, "validation": 0.25, "shuffle_seed": 5}
    solo = nn.fit(trial, (X, Y), hparams, seed=2, progress=False, **options)
    state, history = jax.jit(lambda k: nn.run(trial, hparams, k, (X, Y), **options))(
        jax.random.key(2, impl="threefry2x32")
    )
    for name, values in history.items():
        np.testing.assert_allclose(solo.history[name], values, rtol=2e-5, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), solo.params, state.params)


def test_fit_is_a_plain_loop_over_step():
    hparams = {"lr": 0.05, "l2": 0.01, "dropout": 0.0}
    solo = nn.fit(trial, (X, Y), hparams, epochs=2, batch_size=24, seed=4, shuffle=False, progress=False)
    concrete = trial(**hparams)
    x = jnp.asarray(X, jnp.float32)
    state = nn.init(concrete, jax.random.key(4, impl="threefry2x32"), x)
    take = jax.jit(lambda s: nn.step(concrete, s, (x, jnp.asarray(Y))))
    losses = []
    for _ in range(2):
        state, values = take(state)
        losses.append(values["loss"])
    np.testing.assert_allclose(solo.history["loss"], losses, rtol=1e-6)


def test_run_stops_where_fit_stops():
    hparams = {"lr": 0.3, "l2": 0.0, "dropout": 0.0}
    options = {"epochs": 12, "batch_size": 8, "validation": 0.25, "stop": nn.EarlyStopping("val_loss", patience=2)}
    solo = nn.fit(trial, (X, Y), hparams, progress=False, **options)
    state, history = jax.jit(lambda k: nn.run(trial, hparams, k, (X, Y), **options))(
        jax.random.key(0, impl="threefry2x32")
    )
    assert solo.epochs == int(state.epoch) < 12
    assert solo.best_epoch == int(state.best.epoch) == solo.epochs - 3
    assert np.isnan(history["loss"][solo.epochs :]).all()
    assert np.isfinite(history["loss"][: solo.epochs]).all()
    assert solo.metrics["val_loss"] == np.min(solo.history["val_loss"])


def test_every_row_counts_once_in_an_epoch():
    """With a rate of zero the mean loss over padded batches is the mean over the rows, weights included."""
    weight = RNG.uniform(0.5, 2, size=24)
    run = nn.fit(
        lambda lr: nn.Trial(nn.mlp((4,), out=2), "softmax_cross_entropy", optax.sgd(lr)),
        (X, Y, weight), {"lr": 0.0}, epochs=1, batch_size=7, progress=False,
    )  # fmt: skip
    logits = run.outputs(X)
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(24), Y]
    np.testing.assert_allclose(run.history["loss"][0], np.average(losses, weights=weight), rtol=1e-5)
    np.testing.assert_allclose(run.history["accuracy"][0], np.average(logits.argmax(1) == Y, weights=weight), rtol=1e-6)


def normalised(lr):
    return nn.Trial(nn.mlp((4,), out=2, batch_norm=True), "softmax_cross_entropy", optax.sgd(lr))


def test_a_row_of_weight_zero_is_a_row_like_any_other_whose_loss_does_not_count():
    """It counts in BatchNorm's statistics and in the number of rows; its target is never looked at."""
    weight = np.r_[np.ones(20), np.zeros(4)]
    options = {"epochs": 1, "batch_size": 24, "shuffle": False, "progress": False}
    other = np.r_[Y[:20], 1 - Y[20:]]
    silent = nn.fit(normalised, (X, Y, weight), {"lr": 0.1}, **options)
    same = nn.fit(normalised, (X, other, weight), {"lr": 0.1}, **options)
    jax.tree.map(np.testing.assert_array_equal, (silent.params, silent.history), (same.params, same.history))
    loud = nn.fit(normalised, (X, Y), {"lr": 0.1}, **options)
    np.testing.assert_allclose(silent.state["batch_norm_0"]["mean"], loud.state["batch_norm_0"]["mean"], rtol=1e-6)
    wild = np.r_[X[:20], X[20:] * 100]
    moved = nn.fit(normalised, (wild, Y, weight), {"lr": 0.1}, **options)
    assert np.abs(moved.state["batch_norm_0"]["var"] - loud.state["batch_norm_0"]["var"]).max() > 1


def test_padding_leaves_no_trace_in_running_statistics():
    options = {"epochs": 3, "shuffle": False, "progress": False}
    padded = nn.fit(normalised, (X[:10], Y[:10]), {"lr": 0.0}, batch_size=7, **options)
    hidden = X[:10] @ np.asarray(padded.params["dense_0"]["kernel"], float)
    mean, var = np.zeros(4), np.ones(4)
    for part in [hidden[:7], hidden[7:]] * 3:
        mean, var = 0.99 * mean + 0.01 * part.mean(0), 0.99 * var + 0.01 * part.var(0)
    np.testing.assert_allclose(padded.state["batch_norm_0"]["mean"], mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(padded.state["batch_norm_0"]["var"], var, rtol=1e-4)


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


def test_a_row_of_weight_zero_that_holds_nan_harms_no_run(key):
    weight = jnp.asarray(np.r_[np.ones(20), np.zeros(4)], jnp.float32)
    x, y = jnp.asarray(X, jnp.float32), jnp.asarray(Y, jnp.float32)

    @jax.jit
    def losses(x, y, weight):
        return nn.run(line, {"lr": 0.1}, key, (x, y, weight), epochs=2, batch_size=10)[1]["loss"]

    expected = losses(x, y, weight)
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(losses(x.at[21].set(jnp.nan), y.at[22].set(jnp.inf), weight), expected)


def test_under_jit_data_may_be_closed_over_jax_arrays(key):
    x, y = jnp.asarray(X, jnp.float32), jnp.asarray(Y, jnp.float32)
    options = dict(epochs=2, batch_size=10, validation=0.25)
    loss = jax.jit(lambda k: nn.run(line, {"lr": 0.1}, k, (x, y), **options)[1]["loss"])(key)
    solo = nn.fit(line, (x, y), {"lr": 0.1}, progress=False, **options)
    np.testing.assert_allclose(loss, solo.history["loss"], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int8"}, "precision must be None, .* got 'int8'"),
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
    ],
)
def test_a_run_refuses_what_a_fit_refuses(options, message, key):
    with pytest.raises(ValueError, match=message):
        nn.run(line, {"lr": 0.1}, key, (X, Y), **{"epochs": 1, **options})


def test_bfloat16_computes_and_keeps_float32_parameters():
    options = {"epochs": 30, "batch_size": 8, "progress": False}
    hparams = {"lr": 0.05, "l2": 0.0, "dropout": 0.0}
    half = nn.fit(trial, (X, Y), hparams, precision="bfloat16", **options)
    full = nn.fit(trial, (X, Y), hparams, **options)
    assert {str(a.dtype) for a in jax.tree.leaves(half.params)} == {"float32"}
    assert half.history["loss"].dtype == np.float32
    assert half.history["loss"][0] != full.history["loss"][0]
    np.testing.assert_allclose(half.history["loss"][-1], full.history["loss"][-1], atol=0.05)
    text = str(jax.make_jaxpr(lambda k: nn.run(trial, hparams, k, (X, Y), epochs=1, precision="bfloat16"))(
        jax.random.key(0)
    ))  # fmt: skip
    assert "bf16" in text


def test_ten_and_a_thousand_epochs_are_one_program():
    def plain(lr):
        return nn.Trial(nn.mlp((3,), out=2), "softmax_cross_entropy", optax.sgd(lr))

    first = nn.fit(plain, (X, Y), {"lr": 0.1}, epochs=10, progress=False)
    second = nn.fit(plain, (X, Y), {"lr": 0.1}, epochs=1000, progress=False)
    assert first.timing["compiles"] == 2
    assert second.timing["compiles"] == 0
    np.testing.assert_array_equal(first.history["loss"], second.history["loss"][:10])
    assert second.epochs == 1000
