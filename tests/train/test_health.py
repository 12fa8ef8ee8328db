"""A member that falls sick is, to the bit, what it was before the epoch, and harms nobody."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.health import sick_step, sound

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 2)).astype(np.float32)
Y = (X @ [1.0, -2.0]).astype(np.float32)
OPTIONS = dict(batch_size=4, shuffle=False, progress=False)


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def unmarked(state):
    return state._replace(diverged=jnp.int32(-1))


@pytest.mark.parametrize(("bad", "done"), [(0, 0), (3, 0), (4, 1), (9, 2), (11, 2), (12, 3)])
def test_who_diverges_in_epoch_e_is_who_trained_until_then_to_the_bit(rich, bad, done):
    with pytest.warns(
        nn.DivergedWarning, match=f"the network diverged, first at step {min(bad + 1, bad // 4 * 4 + 3)}"
    ):
        sick = rich.fit(bad=bad)
    assert sick.epochs == done == int(sick.last.epoch) and int(sick.last.step) == 4 * done
    # The update of step ``bad`` is not a number, which the next step's loss shows, or the weights in the last step.
    assert sick.diverged == int(sick.last.diverged) == min(bad + 1, bad // 4 * 4 + 3)
    assert f"DIVERGED at step {sick.diverged}, the weights are those before" in repr(sick)
    assert np.isfinite(sick.predict(rich.x)).all()
    if done:
        well = rich.fit(epochs=done)
        assert_equal(sick.history, well.history)
        assert_equal(unmarked(sick.last), well.last)
        assert_equal((sick.params, sick.state), (well.params, well.state))
        assert sick.best_epoch == well.best_epoch
    else:
        assert sick.best_epoch == -1 and "before the first epoch" in repr(sick)
        assert {len(v) for v in sick.history.values()} == {0}
        assert np.isnan(list(sick.metrics.values())).all()


@pytest.mark.parametrize("plan", ["map", "vmap"])
def test_in_a_grid_too_and_the_others_do_not_notice(rich, plan):
    bads = [9, rich.never, 0, 4]
    pop = rich.population(bads, plan=plan)
    pop.advance(4)
    assert pop.outcome.diverged.tolist() == [10, -1, 1, 5]
    assert pop.table["epochs_done"] == [2, 4, 0, 1] and pop.table["diverged_at"] == [10, None, 1, 5]
    assert np.isnan(pop.table["loss"][2]) and pop.going.tolist() == [False, True, False, False]
    for i, epochs in enumerate([2, 4, None, 1]):
        if epochs is None:
            continue
        solo = rich.fit(epochs=epochs)
        member = pop.run(i)
        if plan == "map":
            assert_equal(unmarked(member.last), solo.last)
            assert_equal(member.history, solo.history)
        else:
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3, atol=1e-4),
                         (member.params, member.history), (solo.params, solo.history))  # fmt: skip
    again = pop.outcome.params
    pop.advance(2)
    assert pop.table["epochs_done"] == [2, 6, 0, 1]
    assert_equal(jax.tree.map(lambda a: a[[0, 2, 3]], pop.outcome.params), jax.tree.map(lambda a: a[[0, 2, 3]], again))


def test_without_going_back_the_sick_weights_stay(rich):
    with pytest.warns(nn.DivergedWarning):
        sick = rich.fit(bad=5, rewind=False)
    assert sick.diverged == 6 and sick.epochs == 2 and int(sick.last.step) == 8
    assert not np.isfinite(sick.last.params["dense_0"]["kernel"]).all()
    assert np.isnan(sick.history["loss"][1]) and np.isfinite(sick.history["loss"][0])
    assert np.isfinite(sick.params["dense_0"]["kernel"]).all()  # the best ones
    well = rich.fit(epochs=3, rewind=False)
    assert_equal(well.params, rich.fit(epochs=3).params)


def linear(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


def test_too_large_a_rate_is_found_at_the_first_loss_that_is_not_finite():
    with pytest.warns(nn.DivergedWarning):
        run = nn.fit(linear, (X, Y), {"lr": 1e6}, epochs=9, **OPTIONS)
    concrete = linear(1e6)
    state = nn.init(concrete, jax.random.key(0, impl="threefry2x32"), jnp.asarray(X))
    step = jax.jit(lambda s, b: nn.step(concrete, s, b))
    for number in range(27):
        rows = slice(number % 3 * 4, number % 3 * 4 + 4)
        state, values = step(state, (X[rows], Y[rows]))
        if not np.isfinite(values["loss"]):
            break
    assert run.diverged == number and run.epochs == number // 3 > 0
    assert np.isfinite(run.history["loss"]).all()


def test_weights_that_are_lost_in_the_last_step_of_an_epoch_alone():
    def jump(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lambda n: jnp.where(n == 5, lr, 0.01)))

    with pytest.warns(nn.DivergedWarning):
        run = nn.fit(jump, (X, Y), {"lr": float("inf")}, epochs=4, **OPTIONS)
    assert run.diverged == 5 and run.epochs == 1 and int(run.last.step) == 3
    assert_equal(run.params, nn.fit(jump, (X, Y), {"lr": 0.0}, epochs=1, **OPTIONS).params)


def test_a_gradient_that_is_not_finite_with_a_finite_loss():
    def root(outputs, targets):
        return jnp.sqrt((outputs[:, 0] - targets) ** 2)  # its gradient is 0 / 0 where both are equal

    x, y = np.zeros((4, 2), np.float32), np.zeros(4, np.float32)
    with pytest.warns(nn.DivergedWarning):
        run = nn.fit(nn.Trial(nn.linear_regression(), root, optax.sgd(0.1)), (x, y), epochs=2, **OPTIONS)
    assert run.diverged == 0 and run.epochs == 0 and np.isfinite(run.params["bias"]).all()


def test_a_finite_gradient_of_any_size_is_no_divergence():
    def steep(outputs, targets):
        return jnp.abs(outputs[:, 0] - targets) * 1e25

    trial = nn.Trial(nn.linear_regression(), steep, optax.sgd(1e-28))
    run = nn.fit(trial, (X, Y), epochs=2, **OPTIONS)
    assert run.diverged is None and run.epochs == 2
    state = nn.init(trial, jax.random.key(0, impl="threefry2x32"), jnp.asarray(X))
    assert not np.array_equal(run.params["kernel"], state.params["kernel"])


@pytest.mark.parametrize(
    ("losses", "weight", "expected"),
    [
        ([1, 2, 3], 1.0, -1), ([1, np.nan, 3], 1.0, 8), ([np.inf, np.nan, 3], np.nan, 7), ([1, 2, -np.inf], 1.0, 9),
        ([1, 2, 3], np.nan, 9), ([1, 2, 3], -np.inf, 9),
        ([1, 2, 3], np.finfo(np.float32).max, -1), ([1, 2, 3], 1e-45, -1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("platform", ["cpu", "gpu", None])
def test_the_sick_step_is_the_first_loss_or_the_last_step(losses, weight, expected, platform):
    state = nn.init(linear(0.1), jax.random.key(0), jnp.asarray(X))
    params = {**state.params, "bias": jnp.full(1, weight)}
    found = sick_step(
        state._replace(step=jnp.int32(10), params=params), jnp.asarray(losses, jnp.float32), len(losses), platform
    )
    assert int(found) == expected and found.dtype == jnp.int32


@pytest.mark.parametrize("platform", ["cpu", None])
def test_large_numbers_whole_ones_and_halves_aresound(platform):
    largest = np.finfo(np.float32).max
    params = {"a": jnp.full(1000, largest), "b": jnp.int32(3), "c": jnp.full(3, 60000, jnp.float16)}
    assert sound(params, platform)
    assert not sound({**params, "c": jnp.asarray([1, np.inf], jnp.float16)}, platform)
    assert not sound({**params, "d": jnp.asarray([-np.nan, 1])}, platform)
    assert sound({"b": jnp.int32(3)}, platform) and sound({}, platform)
