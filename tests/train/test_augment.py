"""A trial with ``augment=``: what happens to the rows of a step before the model sees them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.checks import SpecError
from jaxnn.data.batches import epoch_orders

RNG = np.random.default_rng(0)
X = RNG.normal(size=(22, 3)).astype(np.float32)
Y = RNG.integers(0, 3, 22).astype(np.int32)
OPTIONS = {"epochs": 3, "batch_size": 8, "progress": False}


def trial(alpha, lr):
    model = nn.Sequential(nn.Dense(5, "tanh"), nn.Dense(3))
    return nn.Trial(model, "softmax_cross_entropy", optax.sgd(lr), augment=nn.Mixup(alpha))


def plain(lr):
    return nn.Trial(trial(0.0, lr).model, "softmax_cross_entropy", optax.sgd(lr))


def by_hand(alpha, lr, seed, weight):
    """The same training as a loop over Optax, the blended labels written out."""
    built = trial(alpha, lr)
    key = jax.random.key(seed, impl="threefry2x32")
    first, steps = jax.random.split(key)
    params, optimizer = built.model.init(first, X[:1])[0], optax.sgd(lr)
    state, history, step = optimizer.init(params), [], 0

    @jax.jit
    def update(params, state, batch, soft, count):
        def loss(params):
            logits = built.model.apply(params, {}, batch.x)[0]
            rows = batch.weight * optax.losses.softmax_cross_entropy(logits, soft)
            return rows.sum() / count, rows.sum()

        grad, total = jax.grad(loss, has_aux=True)(params)
        updates, state = optimizer.update(grad, state)
        return optax.apply_updates(params, updates), state, total

    for order in epoch_orders(0, 0, 3, 22):
        sums = np.zeros(2)
        for i in range(0, 22, 8):
            index = np.resize(np.append(order[i : i + 8], [order[0]] * 8), 8)
            real = np.arange(8) < len(order[i : i + 8])
            w = np.where(real, weight[index], 0).astype(np.float32)
            own = jax.random.fold_in(jax.random.fold_in(steps, step), jnp.uint32(2**32 - 1))
            batch = nn.Mixup(alpha)(own, nn.Batch(jnp.asarray(X[index]), jnp.asarray(Y[index]), jnp.asarray(w), real))
            share = np.asarray(batch.y.share)[:, None]
            soft = share * np.eye(3)[batch.y.one] + (1 - share) * np.eye(3)[batch.y.other]
            params, state, total = update(params, state, batch, jnp.asarray(soft, jnp.float32), jnp.float32(real.sum()))
            sums += [float(total), float(batch.weight.sum())]
            step += 1
        history.append(sums[0] / sums[1])
    return params, history


@pytest.mark.parametrize("weight", [np.ones(22), RNG.uniform(0, 2, 22) * (RNG.uniform(size=22) > 0.2)])
def test_fit_with_mixup_is_a_loop_over_optax(weight):
    weight = weight.astype(np.float32)
    run = nn.fit(trial, (X, Y, weight), {"alpha": 0.7, "lr": 0.3}, seed=5, shuffle_seed=0, **OPTIONS)
    params, history = by_hand(0.7, 0.3, 5, weight)
    np.testing.assert_allclose(run.history["loss"], history, rtol=2e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), run.params, params)


def test_a_grid_over_alpha_is_one_program_and_each_member_its_solo_run():
    alphas = [0.0, 0.2, 1.0]
    runs = nn.grid(trial, (X, Y), {"alpha": alphas, "lr": [0.3]}, plan="map", validation=(X, Y), **OPTIONS)
    again = nn.grid(trial, (X, Y), {"alpha": [0.1, 0.4, 3.0], "lr": [0.2]}, plan="map", validation=(X, Y), **OPTIONS)
    assert again.n_compiles == 0
    assert len({float(run.history["loss"][-1]) for run in runs}) == 3
    solo = nn.fit(trial, (X, Y), {"alpha": 1.0, "lr": 0.3}, validation=(X, Y), **OPTIONS)
    for name, curve in solo.history.items():
        np.testing.assert_array_equal(runs[2].history[name], curve)
    without = nn.fit(plain, (X, Y), {"lr": 0.3}, validation=(X, Y), **OPTIONS)
    for name, curve in without.history.items():
        np.testing.assert_allclose(runs[0].history[name], curve, rtol=1e-5, err_msg=name)


def test_evaluation_sees_the_rows_as_they_are():
    run = nn.fit(trial, (X, Y), {"alpha": 1.0, "lr": 0.3}, validation=(X, Y), **OPTIONS)
    logits = np.asarray(run.model.outputs(X))
    expected = optax.losses.softmax_cross_entropy_with_integer_labels(logits, Y).mean()
    np.testing.assert_allclose(run.history["val_loss"][-1], expected, rtol=1e-5)
    np.testing.assert_allclose(run.evaluate((X, Y))["loss"], expected, rtol=1e-5)


def test_a_function_of_ones_own_may_change_inputs_and_targets():
    def mirrored(key, batch):
        sign = jnp.where(jax.random.bernoulli(key, 0.5, batch.y.shape), 1.0, -1.0)
        return batch._replace(x=batch.x * sign[:, None], y=batch.y * sign)

    def odd(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), augment=mirrored)

    y = (X @ np.array([1.0, -2.0, 0.5]) + 3).astype(np.float32)
    run = nn.fit(odd, (X, y), {"lr": 0.05}, epochs=60, batch_size=8, progress=False)
    even = nn.fit(lambda lr: nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr)), (X, y), {"lr": 0.05},
                  epochs=60, batch_size=8, progress=False)  # fmt: skip
    assert abs(float(run.params["bias"][0])) < 1 < float(even.params["bias"][0])


def test_steps_of_ones_own_take_it_too():
    built, key = trial(1.0, 0.1), jax.random.key(0, impl="threefry2x32")
    state = nn.init(built, key, X)
    mixed = nn.step(built, state, (X, Y), key=key)[1]["loss"]
    assert float(mixed) != float(nn.step(plain(0.1), state, (X, Y), key=key)[1]["loss"])
    with pytest.raises(
        SpecError, match=r"augment= draws random numbers and got no key; write nn.step\(trial, state, b"
    ):
        nn.step(built, state, (X, Y))


@pytest.mark.parametrize(
    "augment",
    [lambda key, batch: (batch.x, batch.y), lambda key, batch: batch._replace(x=batch.x[:2]), lambda k, b: b.x],
)
def test_what_gives_no_batch_of_as_many_rows_is_told(augment):
    wrong = nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.1), augment=augment)
    with pytest.raises(TypeError, match=r"augment= must return the Batch it got, .*write def augment\(key, batch\)"):
        nn.fit(wrong, (X, Y), **OPTIONS)


def test_what_is_no_function_is_told():
    with pytest.raises(TypeError, match=r"augment must be \(key, batch\) -> batch, got 0.2; write augment=nn.Mixup"):
        nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.1), augment=0.2)


def test_a_record_of_it_is_a_hyperparameter_whose_number_is_traced():
    def mixing(mixup):
        return nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.sgd(0.1), augment=mixup)

    runs = nn.grid(mixing, (X, Y), {"mixup": [nn.Mixup(0.2), nn.Mixup(0.9)]}, **OPTIONS)
    assert len(runs.plan) == 1
    assert runs[0].history["loss"][-1] != runs[1].history["loss"][-1]


def test_layers_that_augment_are_a_loop_over_optax_with_a_key_for_each_step_and_layer():
    layers = (nn.RandomFlip(), nn.RandomCrop(1), nn.RandomRotation(20.0), nn.GaussianNoise(0.1), nn.Flatten())
    images = RNG.normal(size=(20, 4, 4, 1)).astype(np.float32)
    labels = RNG.integers(0, 3, 20).astype(np.int32)

    def augmenting(lr):
        return nn.Trial(nn.Sequential(*layers, nn.Dense(3)), "softmax_cross_entropy", optax.sgd(lr))

    options = {"epochs": 2, "batch_size": 10, "progress": False, "shuffle_seed": 3}
    runs = nn.grid(augmenting, (images, labels), {"lr": [0.1, 0.5], "seed": [4]}, plan="map", **options)
    first, steps = jax.random.split(jax.random.key(4, impl="threefry2x32"))
    params, optimizer = augmenting(0.5).model.init(first, images[:1])[0]["dense_0"], optax.sgd(0.5)

    @jax.jit
    def update(params, x, y, key):
        for i, layer in enumerate(layers):
            x, _ = layer.apply({}, {}, x, key=jax.random.fold_in(key, i), train=True)

        def loss(params):
            logits = x @ params["kernel"] + params["bias"][None]
            return optax.losses.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        grad = jax.grad(loss)(params)
        return optax.apply_updates(params, optimizer.update(grad, optimizer.init(params))[0])

    for step, rows in enumerate(epoch_orders(3, 0, 2, 20).reshape(4, 10)):
        params = update(params, images[rows], labels[rows], jax.random.fold_in(steps, step))
    solo = nn.fit(augmenting, (images, labels), {"lr": 0.5}, seed=4, **options)
    for found in (runs[1].params["dense_0"], solo.params["dense_0"]):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), found, params)
