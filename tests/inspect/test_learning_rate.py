"""The learning-rate finder: every step that of a plain Optax loop, and what is read off the curve."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data.batches import epoch_orders
from jaxnn.inspect.learning_rate import RateCurve

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
Y = (X @ np.float32([1, -2, 0.5]) + 1).astype(np.float32)
WEIGHT = np.random.default_rng(1).uniform(0.5, 2, size=10).astype(np.float32)
STEPS = 8
RANGE = dict(low=1e-3, high=1.0, steps=STEPS, batch_size=4)


def momentum(lr, dropout=0.0):
    model = nn.mlp((4,), out=1, activation="tanh", dropout=dropout)
    return nn.Trial(model, "squared_error", optax.sgd(lr, momentum=0.9))


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


def batches():
    """The rows of each step: epochs of steps of four, four and two rows."""
    orders = epoch_orders(3, 0, 3, 10)
    return [order[i : i + 4] for order in orders for i in (0, 4, 8)][:STEPS]


def test_each_step_is_that_of_a_plain_loop_with_its_rate():
    curve = nn.find_learning_rate(momentum, (X, Y, WEIGHT), seed=5, shuffle_seed=3, **RANGE)
    start = nn.init(momentum(0.1), jax.random.key(5, impl="threefry2x32"), jnp.asarray(X[:1]))

    def squares(params, rows):
        first, second = params["dense_0"], params["dense_1"]
        hidden = jnp.tanh(X[rows] @ first["kernel"] + first["bias"][None])
        return WEIGHT[rows] * ((hidden @ second["kernel"])[:, 0] + second["bias"][0] - Y[rows]) ** 2

    params, state, losses = start.params, optax.sgd(0.1, momentum=0.9).init(start.params), []
    rates = np.geomspace(1e-3, 1.0, STEPS)
    for rate, rows in zip(rates, batches(), strict=True):
        losses.append(float(squares(params, rows).sum() / WEIGHT[rows].sum()))
        grads = jax.grad(lambda p, rows=rows: squares(p, rows).mean())(params)
        updates, state = optax.sgd(rate, momentum=0.9).update(grads, state, params)
        params = optax.apply_updates(params, updates)
    np.testing.assert_allclose(curve.rates, rates, rtol=1e-5)
    np.testing.assert_allclose(curve.losses, losses, rtol=1e-4)
    assert abs(losses[-1] / losses[0] - 1) > 0.1


def test_dropout_draws_anew_in_each_step_from_the_seed():
    options = dict(seed=5, shuffle_seed=3, **RANGE)
    curve = nn.find_learning_rate(momentum, (X, Y), dict(dropout=0.5), **options)
    key, losses = jax.random.key(5, impl="threefry2x32"), []
    state = nn.init(momentum(0.1, 0.5), key, jnp.asarray(X[:1]))
    for rate, rows in zip(curve.rates, batches(), strict=True):
        filled = np.concatenate([rows, np.zeros(4 - len(rows), int)])
        batch = nn.Batch(X[filled], Y[filled], np.ones(4, np.float32), np.arange(4) < len(rows))
        state, values = nn.step(momentum(float(rate), 0.5), state, jax.tree.map(jnp.asarray, batch), key=key)
        losses.append(float(values["loss"]))
    np.testing.assert_allclose(curve.losses, losses, rtol=1e-4)
    other = nn.find_learning_rate(momentum, (X, Y), dict(dropout=0.0), **options)
    assert (np.abs(other.losses / curve.losses - 1) > 1e-3).all()


@pytest.fixture(scope="module")
def apart():
    """Squared error of a linear model under rates up to 1e6: it must come apart."""
    return nn.find_learning_rate(line, (X, Y), low=1e-3, high=1e6, steps=200, batch_size=None)


def test_a_run_that_comes_apart_is_read_where_it_was_well(apart):
    sick = ~np.isfinite(apart.losses)
    first = int(np.argmax(sick))
    assert 50 < first < 200 and not np.isfinite(apart.smooth[first:]).any()
    ones = np.concatenate([X, np.ones((10, 1))], 1)
    bound = 2 / np.linalg.eigvalsh(2 * ones.T @ ones / 10).max()  # gradient descent diverges beyond it
    assert 1e-3 < apart.steepest < apart.largest < 8 * bound < apart.rates[first]


def test_the_smooth_loss_is_the_average_of_what_came_before(apart):
    well = np.isfinite(apart.losses)
    for i in np.flatnonzero(well):
        weights = 0.9 ** np.arange(i + 1)[::-1]
        wanted = np.average(apart.losses[: i + 1].astype(np.float64), weights=weights)
        np.testing.assert_allclose(apart.smooth[i], wanted, rtol=1e-6)


@pytest.mark.parametrize("bend", [30, 50, 70])
def test_steepest_and_largest_are_read_off_the_smooth_loss(bend):
    i = np.arange(100)
    smooth = 1 / (1 + np.exp((i - bend) / 3)) + 1e-3 * np.maximum(i - bend - 20, 0) ** 2
    curve = RateCurve(10.0 ** (i / 10 - 6), smooth, smooth)
    assert curve.steepest == pytest.approx(10.0 ** (bend / 10 - 6), rel=0.3)
    assert curve.largest == 10.0 ** (int(np.argmin(smooth)) / 10 - 6)


def test_a_loss_that_only_rises_and_few_steps_give_a_rate_all_the_same():
    rates = np.array([0.1, 1.0, 10.0])
    assert RateCurve(rates, rates, rates).steepest == RateCurve(rates, rates, rates).largest == 0.1
    one = nn.find_learning_rate(line, (X, Y), low=0.1, high=1.0, steps=1)
    assert one.rates.tolist() == pytest.approx([0.1]) and one.steepest == one.largest == pytest.approx(0.1)


def test_a_plateau_and_a_stop_of_the_trial_have_nothing_to_look_at():
    def watched(lr):
        optimizer = optax.chain(optax.sgd(lr), nn.plateau(0.5, patience=0, metric="val_loss"))
        stop = nn.EarlyStopping("val_loss", patience=0)
        return nn.Trial(nn.linear_regression(), "squared_error", optimizer, stop=stop)

    ours, plain = (nn.find_learning_rate(trial, (X, Y), **RANGE) for trial in (watched, line))
    np.testing.assert_allclose(ours.losses, plain.losses, rtol=1e-6)


def labelled(lr):
    return nn.Trial(nn.softmax_regression(2), "softmax_cross_entropy", optax.sgd(lr))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.find_learning_rate(line, (X, Y), low=0.0), "the rates need 0 < low < high, got 0.0 and 10.0"),
        (lambda: nn.find_learning_rate(line, (X, Y), low=2.0, high=1.0), r"got 2\.0 and 1\.0; write nn\.find_learn"),
        (lambda: nn.find_learning_rate(line, (X, Y), high=np.inf), "the rates need 0 < low < high"),
        (lambda: nn.find_learning_rate(line, (X, Y), steps=0), "steps must be a whole number of at least 1, got 0"),
        (lambda: nn.find_learning_rate(line, (X, Y), smoothing=1.0), r"smoothing must lie in \[0, 1\), got 1\.0"),
        (lambda: nn.find_learning_rate(line, (X, Y), batch_size=0), "batch_size must be a whole number"),
        (lambda: nn.find_learning_rate(line, (X, Y), seed=-1), "a seed must be a whole number"),
        (lambda: nn.find_learning_rate(line, (X, Y), name="rate"), "no hyperparameter 'rate'; it takes lr"),
        (lambda: nn.find_learning_rate(line, (X, Y), dict(l2=0.1)), "no hyperparameter 'l2'"),
        (lambda: nn.find_learning_rate(line(0.1), (X, Y)), "a Trial has no hyperparameter 'lr'"),
        (lambda: nn.find_learning_rate(labelled, (X, np.arange(10))), "class 9 and the model gives 2 outputs"),
        (lambda: RateCurve(X[:, 0], X[:, 0], np.full(10, np.nan)).largest, "no loss is finite, the first one neither"),
    ],
)
def test_bad_calls_say_what_to_write(call, message):
    with pytest.raises(ValueError, match=message):
        call()
