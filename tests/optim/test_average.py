"""Averages of the weights: their definitions, PyTorch's, and where they may stand."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn

PARAMS = {"kernel": jnp.array([1.0, -2.0]), "bias": jnp.array([0.5])}
STEPS = 12


def path(optimizer, steps=STEPS, params=PARAMS):
    """The weights after each step, and the average after each."""

    def step(carry, _):
        params, state = carry
        grads = jax.tree.map(lambda p: jnp.sin(3 * p) + jnp.asarray(0.5, p.dtype), params)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), (params, nn.averaged(state, params))

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[1]


def sgd(average):
    return optax.chain(optax.sgd(0.1, momentum=0.5), average)


def test_the_training_is_left_as_it_is():
    plain, _ = path(optax.sgd(0.1, momentum=0.5))
    for average in (nn.ema(0.9), nn.swa(3)):
        chex.assert_trees_all_equal(path(sgd(average))[0], plain)


@pytest.mark.parametrize("debias", [True, False])
def test_ema_is_its_definition(debias):
    weights, averages = path(sgd(nn.ema(0.8, debias=debias)))
    for name, start in PARAMS.items():
        average = np.zeros_like(start) if debias else np.array(start)
        for t, w in enumerate(np.asarray(weights[name], np.float64), 1):
            average = 0.8 * average + 0.2 * w
            np.testing.assert_allclose(averages[name][t - 1], average / (1 - 0.8**t if debias else 1), rtol=1e-5)


@pytest.mark.parametrize(("start", "every"), [(0, 1), (3, 1), (4, 3), (0, 5), (2.5, 2)])
def test_swa_is_the_mean_of_what_it_takes(start, every):
    weights, averages = path(sgd(nn.swa(start, every)))
    for name in PARAMS:
        seen = np.asarray(weights[name], np.float64)
        for t in range(1, STEPS + 1):
            first = int(np.ceil(start)) if start > 0 else every
            due = [s for s in range(first, t + 1) if (s - first) % every == 0]
            expected = seen[np.array(due) - 1].mean(0) if due else seen[t - 1]
            np.testing.assert_allclose(averages[name][t - 1], expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["ema", "swa"])
def test_it_is_the_averaged_model_of_pytorch(kind):
    torch = pytest.importorskip("torch")
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    model = torch.nn.Linear(2, 1)
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.8) if kind == "ema" else None)
    weights, averages = path(sgd(nn.ema(0.8, debias=False) if kind == "ema" else nn.swa()))
    with torch.no_grad():
        for t in range(-1, STEPS):
            now = PARAMS["kernel"] if t < 0 else weights["kernel"][t]
            model.weight.copy_(torch.tensor(np.array(now))[None])
            if t >= 0 or kind == "ema":
                theirs.update_parameters(model)
            if t >= 0:
                np.testing.assert_allclose(averages["kernel"][t], theirs.module.weight[0].numpy(), rtol=1e-5)


NESTINGS = {
    "masked": lambda t: sgd(optax.masked(t, {"kernel": True, "bias": False})),
    "partition": lambda t: optax.partition({"a": sgd(t), "b": optax.sgd(0.1)}, {"kernel": "a", "bias": "b"}),
    "accumulated": lambda t: nn.accumulate(sgd(t), 1),
}


@pytest.mark.parametrize("nesting", NESTINGS)
def test_it_is_found_wherever_it_stands(nesting):
    weights, averages = path(NESTINGS[nesting](nn.ema(0.8)))
    expected = path(sgd(nn.ema(0.8)))[1]
    np.testing.assert_allclose(averages["kernel"], expected["kernel"], rtol=1e-6)
    bias = expected["bias"] if nesting == "accumulated" else weights["bias"]
    np.testing.assert_allclose(averages["bias"], bias, rtol=1e-6)


@pytest.mark.parametrize("nesting", ["plain", "masked", "partition", "accumulated by three"])
@pytest.mark.parametrize(
    "average", [nn.ema(0.8), nn.ema(0.8, debias=False), nn.swa(2, 2)], ids=["ema", "biased", "swa"]
)
def test_a_step_of_the_library_takes_the_average_that_the_optimizer_takes_by_itself(average, nesting):
    make = NESTINGS | {"plain": sgd, "accumulated by three": lambda t: nn.accumulate(sgd(t), 3)}
    optimizer = make[nesting](average)
    trial = nn.Trial(nn.Dense(1, bias_init="normal"), "squared_error", optimizer)
    x, y = jnp.array([[1.0, 2.0], [0.5, -1.0]]), jnp.array([1.0, -1.0])
    start = nn.init(trial, jax.random.key(0), x)

    def loss(params):
        return jnp.mean(((x @ params["kernel"])[:, 0] + params["bias"] - y) ** 2)

    def alone(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), nn.averaged(state, params)

    def together(state, _):
        state, _ = nn.step(trial, state, (x, y))
        return state, nn.averaged(state.opt_state, state.params)

    expected = jax.jit(lambda p: jax.lax.scan(alone, (p, optimizer.init(p)), length=STEPS)[1])(start.params)
    ours = jax.jit(lambda s: jax.lax.scan(together, s, length=STEPS)[1])(start)
    chex.assert_trees_all_close(ours, expected, rtol=1e-5)


X = np.random.default_rng(1).normal(size=(14, 2)).astype(np.float32)
Y = X @ np.float32([1, -2])
Y[8:] = X[8:] @ np.float32([1.7, 0.1]) + 0.7  # on the way there, so that the validation loss falls and rises
START = {"kernel": jnp.float32([[2.0], [1.0]]), "bias": jnp.ones(1)}
EPOCHS = 5


def fitted(optimizer, epochs=EPOCHS, **options):
    """Two steps of four rows an epoch, and six rows that are held out."""
    trial = nn.Trial(nn.Dense(1), "squared_error", optax.chain(nn.l2(0.05), optimizer))
    held, options = (X[8:], Y[8:]), dict(start=START, shuffle=False, progress=False) | options
    return nn.fit(trial, (X[:8], Y[:8]), epochs=epochs, batch_size=4, validation=held, **options)


def mean_square(params, x, y):
    return ((x @ params["kernel"][:, 0] + params["bias"][0] - y) ** 2).mean()


def by_hand(optimizer):
    """The weights and the optimizer's state after each step of the same training, in a plain loop."""
    params, state, seen = START, optimizer.init(START), []
    for i in range(2 * EPOCHS):
        rows = slice(0, 4) if i % 2 == 0 else slice(4, 8)
        grads = jax.grad(mean_square)(params, X[rows], Y[rows])
        grads = grads | {"kernel": grads["kernel"] + 2 * 0.05 * params["kernel"]}
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        seen.append((jax.tree.map(np.float64, params), params, state))
    return seen


def mean_with(weights):
    """Of the weights so far, each counted as ``weights(steps)`` says."""

    def evaluated(seen):
        count = weights(len(seen))
        return jax.tree.map(lambda *w: np.average(np.stack(w), axis=0, weights=count), *(p for p, _, _ in seen))

    return evaluated


def eval_params(seen):
    _, params, state = seen[-1]
    return jax.tree.map(np.float64, optax.contrib.schedule_free_eval_params(state, params))


THROUGH_FIT = {
    "ema": (optax.chain(optax.sgd(0.07), nn.ema(0.8)), optax.sgd(0.07), mean_with(lambda t: 0.8 ** np.arange(t)[::-1])),
    "swa": (optax.chain(optax.sgd(0.07), nn.swa(2)), optax.sgd(0.07), mean_with(lambda t: np.arange(1, t + 1) >= 2)),
    "schedule_free": (*[optax.contrib.schedule_free_sgd(0.07, b1=0.7)] * 2, eval_params),
}


@pytest.mark.parametrize("stop", [None, nn.EarlyStopping("val_loss", patience=None)], ids=["last", "best"])
@pytest.mark.parametrize("name", THROUGH_FIT)
def test_fit_evaluates_judges_and_returns_the_average(name, stop):
    optimizer, plain, evaluated = THROUGH_FIT[name]
    run, seen = fitted(optimizer, stop=stop), by_hand(plain)
    wanted = [evaluated(seen[: 2 * epoch]) for epoch in range(1, EPOCHS + 1)]
    for metric, value in {
        "val_loss": lambda w: mean_square(w, X[8:], Y[8:]),
        "penalty": lambda w: 0.05 * (w["kernel"] ** 2).sum(),
    }.items():
        np.testing.assert_allclose(run.history[metric], [value(w) for w in wanted], rtol=1e-4)
        of_the_training = np.array([value(w) for w, _, _ in seen[1::2]])
        assert np.abs(run.history[metric] / of_the_training - 1).max() > 0.05
    held = [mean_square(w, X[8:], Y[8:]) for w in wanted]
    assert 0 < np.argmin(held) < EPOCHS - 1
    assert run.best_epoch == (EPOCHS - 1 if stop is None else int(np.argmin(held)))
    chex.assert_trees_all_close(run.params, jax.tree.map(np.float32, wanted[run.best_epoch]), rtol=1e-4)
    assert run.evaluate((X[8:], Y[8:]))["loss"] == pytest.approx(held[run.best_epoch], rel=1e-4)


@pytest.mark.parametrize("average", [nn.ema(0.5), nn.swa(2)], ids=["ema", "swa"])
def test_a_member_that_falls_sick_gives_the_average_of_the_epochs_before(average):
    def rate(count):  # the last step of the third epoch has no size
        return jnp.where(count < 5, 0.1, jnp.nan)

    optimizer = optax.chain(optax.sgd(rate), average)
    with pytest.warns(nn.DivergedWarning):
        sick = fitted(optimizer)
    well = fitted(optimizer, epochs=2)
    assert (sick.diverged, well.diverged, sick.epochs) == (5, None, 2)
    chex.assert_trees_all_equal((sick.params, sick.history), (well.params, well.history))
    chex.assert_trees_all_equal(sick.last.opt_state, well.last.opt_state)


def test_an_average_is_what_its_own_update_computes_finite_or_not():
    def cusp(outputs, targets):
        return jnp.sqrt(jnp.abs(outputs[:, 0] - targets))

    trial = nn.Trial(nn.Dense(1, kernel_init="zeros"), cusp, sgd(nn.ema(0.5)))
    x, y = jnp.ones((2, 1)), jnp.zeros(2)
    state, values = jax.jit(lambda s: nn.step(trial, s, (x, y)))(nn.init(trial, jax.random.key(0), x))
    assert float(values["loss"]) == 0 and int(state.diverged) == -1
    assert not np.isfinite(state.params["kernel"]).any()
    assert not np.isfinite(nn.averaged(state.opt_state, state.params)["kernel"]).any()


def test_a_part_of_the_weights_may_be_schedule_free():
    def free():
        return optax.contrib.schedule_free_sgd(0.1)

    parts = optax.partition({"a": free(), "b": optax.sgd(0.1)}, {"kernel": "a", "bias": "b"})
    weights, averages = path(parts)
    alone = {"kernel": PARAMS["kernel"]}
    wanted = path(free(), params=alone)[1]["kernel"]
    np.testing.assert_allclose(averages["kernel"], wanted, rtol=1e-6)
    assert np.abs(np.asarray(averages["kernel"]) - weights["kernel"]).max() > 1e-3
    np.testing.assert_array_equal(averages["bias"], weights["bias"])


def test_without_an_average_the_parameters_are_the_average():
    assert nn.averaged(optax.adam(0.1).init(PARAMS), PARAMS) is PARAMS
    for average in (nn.ema(0.9), nn.swa(100)):
        chex.assert_trees_all_equal(nn.averaged(average.init(PARAMS), PARAMS), PARAMS)


def test_every_number_rides_under_vmap_and_gradients_pass():
    def ema(decay):
        return path(sgd(nn.ema(decay)))[1]["kernel"]

    def swa(start, every):
        return path(sgd(nn.swa(start, every)))[1]["kernel"]

    decays, starts, every = jnp.array([0.0, 0.5, 0.99]), jnp.array([0, 3, 100]), jnp.array([1, 4, 2])
    for i, average in enumerate(jax.vmap(ema)(decays)):
        np.testing.assert_allclose(average, ema(decays[i]), rtol=1e-6)
    for i, average in enumerate(jax.vmap(swa)(starts, every)):
        np.testing.assert_allclose(average, swa(int(starts[i]), int(every[i])), rtol=1e-6)
    slope = jax.grad(lambda d: ema(d)[-1, 0])(0.5)
    numeric = (ema(0.51)[-1, 0] - ema(0.49)[-1, 0]) / 0.02
    np.testing.assert_allclose(slope, numeric, rtol=1e-2)


def test_averages_of_half_precision_are_kept_in_single():
    params = {"kernel": jnp.ones(2, jnp.bfloat16)}
    for average in (nn.ema(0.999), nn.swa()):
        state = average.init(params)
        _, after = average.update(jax.tree.map(jnp.zeros_like, params), state, params)
        chex.assert_trees_all_equal_shapes_and_dtypes(state, after)
        assert after.average["kernel"].dtype == jnp.float32
        assert nn.averaged(after, params)["kernel"].dtype == jnp.bfloat16
        np.testing.assert_array_equal(nn.averaged(after, params)["kernel"], params["kernel"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.ema(1.0), r"decay must lie in \[0, 1\), got 1\.0; write nn\.ema"),
        (lambda: nn.swa(-1), "start must be 0 or more"),
        (lambda: nn.swa(every=0), "every must be above 0"),
        (lambda: nn.ema(0.9).update(PARAMS, nn.ema(0.9).init(PARAMS)), "ema reads the parameters and got none"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
