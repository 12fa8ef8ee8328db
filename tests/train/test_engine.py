"""The engine: start, advance and close in a plain loop are a fit; a loop over Optax written by hand is one, too."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.core.hyper import split
from jaxnn.data import source as sources
from jaxnn.data.batches import batched
from jaxnn.train import engine
from jaxnn.train.engine import Member, Recipe, advance, close, goes_on, kept, start

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(12, 3)).astype(np.float32), RNG.integers(0, 2, 12)
LAYERS = nn.mlp((5,), out=2, dropout=0.4)


def dropping(lr):
    return nn.Trial(LAYERS, "softmax_cross_entropy", optax.adam(lr))


def order_of(seed, epoch, rows):
    return np.argsort(np.random.Philox(np.random.SeedSequence((seed, epoch))).random_raw(rows))


def by_hand(lr, epochs, seed=0, shuffle_seed=0, batch_size=4):
    """Optax, keys folded with the step, rows in the order of each epoch: nothing of the engine."""
    first, second = jax.random.split(jax.random.key(seed, impl="threefry2x32"))
    params, _ = LAYERS.init(first, jnp.asarray(X[:1]))
    optimizer = optax.adam(lr)
    state = optimizer.init(params)

    @jax.jit
    def step(params, state, x, y, number):
        def loss(params):
            logits, _ = LAYERS.apply(params, {}, x, key=jax.random.fold_in(second, number), train=True)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

        value, grad = jax.value_and_grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, state = optimizer.update(grad, state, params)
        return optax.apply_updates(params, updates), state, value

    losses, number = [], 0
    for epoch in range(epochs):
        order, values = order_of(shuffle_seed, epoch, len(Y)), []
        for i in range(0, len(Y), batch_size):
            rows = order[i : i + batch_size]
            params, state, value = step(params, state, X[rows], Y[rows].astype(np.int32), jnp.int32(number))
            values.append(float(value))
            number += 1
        losses.append(np.mean(values))
    return params, losses


def assert_near(a, b, rtol=1e-4, atol=2e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), a, b)


@pytest.mark.parametrize(("capacity", "pace"), [(64, None), (4, None), (64, 3)])
def test_seventy_epochs_in_calls_of_any_length_are_a_loop_over_optax_by_hand(capacity, pace, monkeypatch):
    """Dropout draws anew in every step of every epoch, and the order of rows goes on from call to call."""
    monkeypatch.setattr(sources, "CAPACITY", capacity)
    if pace is not None:
        monkeypatch.setattr("jaxnn.train.group.VISIT_SECONDS", 0.0)
    params, losses = by_hand(0.01, 70, seed=3, shuffle_seed=2)
    run = nn.fit(dropping, (X, Y), {"lr": 0.01}, epochs=70, batch_size=4, seed=3, shuffle_seed=2, progress=False)
    np.testing.assert_allclose(run.history["loss"], losses, rtol=1e-4)
    assert_near(run.params, params)
    assert len(set(np.round(losses, 6))) == 70


def moves(rich, bad=1e9, epochs=3, held=True):
    """What a plain Python loop over start, advance and close makes of the trial with everything in it."""
    source = sources.read(rich.data, 0.25)
    inside, structure = split({"lr": 0.05, "bad": float(bad)})
    recipe = Recipe(rich.trial, structure, 5, rich.steps, held)
    key = jax.random.key(0, impl="threefry2x32")
    member = Member(inside, rich.options["stop"], key, jnp.int32(epochs), jnp.int32(0))
    state = jax.jit(lambda m: start(recipe, m, source.first_row))(member)
    steps = jax.jit(lambda m, s, b: advance(recipe, m, s, b))
    end = jax.jit(lambda m, s, sums, held: close(recipe, m, s, sums, held))
    data = jax.tree.map(jnp.asarray, source.data)
    validation = jax.tree.map(lambda a: jnp.asarray(a[0]), source.held_batches)
    rows, seen = [], []
    for epoch in range(epochs):
        batches = batched(data, jnp.asarray(source.orders(epoch, 1)[0, 0]), source.rows, 5)
        after, sums = steps(member, state, batches)
        after, row = end(member, after, sums, validation)
        seen.append((state, after, sums))
        state = kept(goes_on(member, state), after, state)
        rows.append(row)
    return state, {name: np.array([row[name] for row in rows]) for name in rows[0]}, seen


def test_a_loop_over_start_advance_and_close_is_a_fit_and_a_run(rich):
    state, history, seen = moves(rich)
    fitted = rich.fit(epochs=3)
    assert set(history) == set(fitted.history) == {"loss", "val_loss", "penalty"}
    assert_near(fitted.history, history, rtol=1e-5)
    assert_near(fitted.last, state)
    assert [int(after.step) for _, after, _ in seen] == [4, 8, 12] and int(state.epoch) == 3
    pure, curves = jax.jit(
        lambda key: nn.run(rich.trial, {"lr": 0.05, "bad": 1e9}, key, rich.data, epochs=3, **rich.options)
    )(jax.random.key(0, impl="threefry2x32"))
    assert_near(curves, history, rtol=1e-5)
    assert_near(pure, state)


def test_the_row_of_an_epoch_is_of_the_weights_at_its_end_and_their_average(rich):
    state, history, seen = moves(rich)
    source = sources.read(rich.data, 0.25)
    average = nn.averaged(state.opt_state, state.params)
    model = rich.trial(0.05, 1e9).model
    held = source.held[0]
    outputs = np.asarray(model.apply(average, state.model_state, jnp.asarray(held.x))[0])[:, 0]
    expected = np.average((outputs - held.y) ** 2, weights=held.weight)
    np.testing.assert_allclose(history["val_loss"][-1], expected, rtol=1e-5)
    squares = sum((np.asarray(average[name]["kernel"]) ** 2).sum() for name in ("dense_0", "dense_1"))
    np.testing.assert_allclose(history["penalty"][-1], 1e-2 * squares, rtol=1e-5)
    best = int(np.argmin(history["val_loss"]))
    assert int(state.best.epoch) == best
    after = seen[best][1]
    assert_near(state.best.params, nn.averaged(after.opt_state, after.params), rtol=1e-6)
    _, _, (sums,) = seen[0]
    np.testing.assert_allclose(history["loss"][0], sums.values[:, 0].sum() / source.data.weight[source.parts[0]].sum(),
                               rtol=1e-5)  # fmt: skip
    np.testing.assert_allclose(sums.weight.sum(), source.data.weight[source.parts[0]].sum(), rtol=1e-6)


def test_metrics_reach_the_optimizer_an_epoch_later(rich):
    """A plateau of patience 0 halves after each epoch that is no better than the best: here by NumPy."""
    run = rich.fit(epochs=6)
    scale, best = 1.0, np.inf
    for value in run.history["val_loss"][:-1]:  # the last one is seen by the next step only
        scale, best = (scale, value) if value < best - 1e-4 * abs(best if best < np.inf else 0) else (scale / 2, best)
    (plateau,) = [s for _, s in optax.tree.get_all_with_path(run.last.opt_state, "PlateauState")]
    assert float(plateau.scale) == scale < 1
    assert int(plateau.seen) == 5


def test_members_side_by_side_keep_their_own_ends():
    ends = [1, 4, 2]
    runs = nn.grid(dropping, (X, Y), {"lr": [0.05], "epochs": ends}, epochs=9, batch_size=4, plan="vmap",
                   states=True, progress=False)  # fmt: skip
    assert [run.epochs for run in runs] == ends == [int(run.last.epoch) for run in runs]
    assert [int(run.last.step) for run in runs] == [3, 12, 6]
    for run in runs:
        solo = nn.fit(dropping, (X, Y), {"lr": 0.05}, epochs=run.epochs, batch_size=4, progress=False)
        assert_near(run.params, solo.params)
        assert_near(run.history, solo.history)


def test_epochs_end_as_soon_as_no_member_goes_on():
    source = sources.read((X, Y))
    inside, structure = split({"lr": 0.01})
    recipe = Recipe(dropping, structure, 4, 3)
    block = jax.tree.map(jnp.asarray, source.block(0, 6, capacity=8))

    def trained(ends, keys):
        member = Member(inside, None, keys, ends, jnp.int32(0))
        return engine.epochs(recipe, member, start(recipe, member, X[:1]), block, "beside")

    keys = jax.vmap(lambda s: jax.random.key(s, impl="threefry2x32"))(jnp.arange(2))
    program = jax.jit(jax.vmap(trained, axis_name="beside"))
    state, history = program(jnp.array([2, 3]), keys)
    assert state.epoch.tolist() == [2, 3] and history["loss"].shape == (2, 8)
    filled = np.asarray(history["loss"]) != 0
    assert filled.sum(1).tolist() == [3, 3]  # the epochs that somebody did, whoever still counts
    assert program(jnp.array([9, 9]), keys)[0].epoch.tolist() == [6, 6]


def test_a_recipe_is_hashable_and_a_built_trial_has_its_clock_and_its_stop():
    def timed(lr, clock):
        assert clock == (3, 7, 21)
        return dropping(lr)

    inside, structure = split({"lr": 0.5})
    recipe = Recipe(timed, structure, 4, 3)
    assert hash(recipe) == hash(Recipe(timed, structure, 4, 3)) and recipe == Recipe(timed, structure, 4, 3)
    stop = nn.EarlyStopping("loss")
    assert recipe.built(Member(inside, stop, None, 7, 0)).stop is stop
    assert recipe.built(Member(inside, None, None, 7, 0)).stop is None


def test_the_names_of_the_history_are_known_from_the_start():
    source = sources.read((X, Y), 0.25)
    inside, structure = split({"lr": 0.5})
    member = Member(inside, None, jax.random.key(0, impl="threefry2x32"), 1, 0)
    bare = jax.eval_shape(lambda: start(Recipe(dropping, structure, 4, 3), member, source.first_row))
    held = jax.eval_shape(lambda: start(Recipe(dropping, structure, 4, 3, True), member, source.first_row))
    assert set(bare.metrics) == {"loss", "accuracy"}
    assert set(held.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}
