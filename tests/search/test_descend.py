"""Descent on hyperparameters: what it reaches, what it costs, what it refuses."""

import jax
import numpy as np
import optax
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge

import jaxnn as nn
from jaxnn.search import hypergradient
from jaxnn.train.ending import DivergedWarning

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 5))
Y = X @ [2.0, 1.0, 0.0, 0.0, 0.0] + RNG.normal(size=60)
PART = {"validation": 0.5, "progress": False}


def ridge(l2, lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2[:, None]), optax.sgd(lr)))


def start(lr=0.1, l2=0.05):
    return {"l2": np.full(5, l2), "lr": lr}


@pytest.fixture(scope="module")
def found():
    return nn.descend(ridge, (X, Y), start(), epochs=20, steps=8, log=("l2", "lr"), **PART)


def test_each_step_is_what_fit_gives_there(found):
    for step in (0, 8):
        run = nn.fit(ridge, (X, Y), found.at(step), epochs=20, **PART)
        np.testing.assert_allclose(run.metrics["val_loss"], found.values[step, 0], rtol=1e-5)
    assert found.values[8, 0] < found.values[0, 0]
    assert found.run().metrics["val_loss"] == pytest.approx(found.values.min(), rel=1e-5)


def test_steps_are_those_of_adam_on_the_logarithms(found):
    for name, first in start().items():
        u, mean, square = np.log(np.asarray(first, np.float64)), 0.0, 0.0
        for step in range(8):
            slope = found.gradients[name][step, 0] * found.path[name][step, 0].astype(np.float64)
            mean, square = 0.9 * mean + 0.1 * slope, 0.999 * square + 0.001 * slope**2
            t = step + 1
            u = u - 0.1 * (mean / (1 - 0.9**t)) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
            np.testing.assert_allclose(found.path[name][t, 0], np.exp(u), rtol=2e-5)


def test_gradients_agree_with_central_differences_in_float64():
    def last(hparams):
        key = jax.random.key(4, impl="threefry2x32")
        return nn.run(noisy, hparams, key, (X, Y), epochs=5, batch_size=8, validation=0.5)[0].metrics["val_loss"]

    def noisy(l2, lr, rate):
        model = nn.mlp((3,), out=1, activation="tanh", dropout=rate)
        return nn.Trial(model, "squared_error", optax.chain(nn.l2(l2[:, None], where="dense_0/kernel"), optax.adam(lr)))

    point = {"l2": np.linspace(0.01, 0.05, 5), "lr": np.float64(0.02), "rate": np.float64(0.2)}
    with jax.enable_x64(True):
        found = nn.descend(noisy, (X, Y), point, epochs=5, steps=1, batch_size=8, seed=4, log="l2", **PART)
        last = jax.jit(last)
        for name, i in [("l2", 0), ("l2", 3), ("lr", ()), ("rate", ())]:
            h = np.zeros_like(point[name])
            h[i] = 1e-6
            slope = (last({**point, name: point[name] + h}) - last({**point, name: point[name] - h})) / 2e-6
            np.testing.assert_allclose(found.gradients[name][0, 0][i], slope, rtol=1e-6)


def test_starts_side_by_side_are_each_its_own(found):
    points = [start(), {**start(0.02, 0.5), "seed": 3}]
    both = nn.descend(ridge, (X, Y), points, epochs=20, steps=8, log=("l2", "lr"), **PART)
    assert both.values.shape == (9, 2)
    np.testing.assert_allclose(both.values[:, 0], found.values[:, 0], rtol=1e-4)
    np.testing.assert_allclose(both.path["l2"][:, 0], found.path["l2"][:, 0], rtol=1e-3)
    alone = nn.descend(ridge, (X, Y), points[1:], epochs=20, steps=8, log=("l2", "lr"), **PART)
    np.testing.assert_allclose(both.values[:, 1], alone.values[:, 0], rtol=1e-4)
    assert len(both.ends) == 2
    assert repr(both).startswith("Descent(2 starts, 8 steps: val_loss ")


def shared(l2, lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.sgd(lr)))


def test_ranges_draw_starts_that_stay_within():
    ranges = {"lr": nn.space.log(0.01, 0.3), "l2": nn.space.log(0.001, 0.1)}
    found = nn.descend(shared, (X, Y), ranges, starts=4, steps=3, outer=optax.sgd(1e3), epochs=10, **PART)
    assert len(np.unique(found.path["lr"][0])) == 4
    for name, ends in {"lr": (0.01, 0.3), "l2": (0.001, 0.1)}.items():
        np.testing.assert_allclose(found.path[name], np.clip(found.path[name], *ends), rtol=1e-5)
        np.testing.assert_allclose(np.abs(np.subtract.outer(ends, found.path[name][-1])).min(0), 0, atol=1e-6)


def test_what_is_no_float_and_what_is_static_is_held():
    def trial(lr, momentum, hidden):
        return nn.Trial(nn.mlp(hidden, out=1), "squared_error", optax.sgd(lr, momentum))

    point = {"lr": 0.01, "momentum": nn.static(0.5), "hidden": (3,)}
    found = nn.descend(trial, (X, Y), point, epochs=2, steps=1, **PART)
    assert list(found.path) == ["lr"]
    assert found.best["hidden"] == (3,)
    assert found.run().hparams["momentum"] == 0.5


def test_a_metric_that_rises_is_climbed():
    def scored(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), metrics="r2")

    found = nn.descend(scored, (X, Y), {"lr": 0.01}, log="lr", metric="val_r2", epochs=5, steps=5, **PART)
    assert found.values[-1, 0] > found.values[0, 0]
    assert found.best["lr"] == found.hparams["lr"] > 0.01


def test_a_start_that_diverges_stays_where_it_was_and_is_told():
    points = [{"lr": 0.3, "l2": 0.01}, {"lr": 0.001, "l2": 0.01}]
    options = dict(epochs=60, batch_size=None, **PART)
    with pytest.warns(DivergedWarning, match=r"1 of 2 starts came where val_loss .* first at step 1, and stayed"):
        found = nn.descend(shared, (X, Y), points, outer=optax.sgd(0.05), steps=3, **options)
    assert found.diverged.tolist() == [-1, 1]
    assert (found.path["lr"][:, 1] == np.float32(0.001)).all()
    assert (found.values[:, 1] == found.values[0, 1]).all()
    assert found.values[3, 0] < found.values[0, 0]
    assert found.best_index == (3, 0)
    assert "1 DIVERGED" in repr(found)


def test_a_root_of_zero_in_the_trial_is_told():
    """Adam's root of a second moment that is 0, here of an input that is 0 in all rows, has no derivative."""

    def trial(lr, eps_root):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.adam(lr, eps_root=eps_root))

    x = X * np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    options = dict(epochs=2, steps=1, **PART)
    with pytest.raises(
        ValueError, match=r"no start can be descended: val_loss has no finite gradient .* eps_root=1e-8"
    ):
        nn.descend(trial, (x, Y), {"lr": 0.1, "eps_root": nn.static(0.0)}, **options)
    found = nn.descend(trial, (x, Y), {"lr": 0.1, "eps_root": nn.static(1e-8)}, **options)
    assert np.isfinite(found.gradients["lr"]).all()


def test_another_start_compiles_nothing(monkeypatch):
    programs, remember = [], hypergradient.remembered

    def remembered(*args):
        programs.append(remember(*args))
        return programs[-1]

    monkeypatch.setattr(hypergradient, "remembered", remembered)
    compiled = []
    for first in (start(), start(0.03, 0.2)):
        nn.descend(ridge, (X, Y), first, epochs=20, steps=2, log=("l2", "lr"), **PART)
        compiled.append(len(programs[-1].program.compiled))
    assert programs[0] is programs[1]
    assert compiled[0] == compiled[1]


def test_a_strength_for_each_feature_beats_the_best_of_a_thousand_shared_ones():
    """Diabetes data; the shared strengths by their closed form, ``alpha = n l2`` in scikit-learn's terms."""
    x, y = load_diabetes(return_X_y=True)
    x, y = x / x.std(0), (y - y.mean()) / y.std()
    train, held = (x[:221], y[:221]), (x[221:], y[221:])
    grid = [Ridge(221 * l2).fit(*train) for l2 in np.geomspace(1e-6, 1e3, 1000)]
    best = min(np.mean((model.predict(held[0]) - held[1]) ** 2) for model in grid)

    def each(l2):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2[:, None]), optax.sgd(0.1, 0.9)))

    options = dict(epochs=100, batch_size=None, validation=held, progress=False)
    found = nn.descend(each, train, {"l2": np.full(10, 0.01)}, log="l2", steps=40, **options)
    assert found.run().metrics["val_loss"] < best - 0.005


def forest(lr, hidden=(3,)):
    return nn.Trial(nn.mlp(hidden, out=2), "softmax_cross_entropy", optax.sgd(lr))


def stopping(lr):
    trial = shared(0.0, lr)
    return nn.Trial(trial.model, trial.loss, trial.optimizer, stop=nn.EarlyStopping("val_loss", patience=2))


def searching(lr):
    """An optimizer with a loop whose length is not known before, as the line search of L-BFGS."""
    halved = lambda g: jax.lax.while_loop(lambda v: v > 1.0, lambda v: v / 2, g)  # noqa: E731
    update = lambda grads, state, params=None: (jax.tree.map(lambda g: -halved(lr * g.sum()) * g, grads), state)  # noqa: E731
    return nn.Trial(nn.linear_regression(), "squared_error", optax.GradientTransformation(lambda params: (), update))


ONE = {"lr": 0.1, "l2": 0.01}
BAD = [
    (
        shared,
        {"lr": 1, "l2": 0},
        {},
        "only floats and arrays of floats descend, and the hyperparameters are lr=1, l2=0; ",
    ),
    (shared, {"lr": 0.1, "l2": 0}, {"log": "l2"}, "'l2' is 0, no float, and lr descend; write l2=1.0 among hparams"),
    (shared, ONE, {"log": "rate"}, "'rate' is no hyperparameter, and l2, lr descend"),
    (shared, {"lr": 0.1, "l2": 0.0}, {"log": "l2"}, "l2 holds 0, which has no logarithm; write l2=1e-6"),
    (shared, ONE, {"bounds": {"lr": (0.2, 0.3)}}, r"lr begins outside of its bounds \(0.2, 0.3\)"),
    (shared, ONE, {"bounds": {"lr": 0.3}}, r"bounds are two ends, got lr=0.3; write bounds=dict\(lr=\(0.0, 0.9\)\)"),
    (shared, ONE, {"starts": 4}, r"starts=4 are drawn from ranges, and there is none; write lr=nn.space.log\("),
    (shared, ONE, {"validation": None}, "val_loss is measured on the validation part, and there is none; write val"),
    (shared, ONE, {"metric": "val_r2"}, "there is no 'val_r2' in the history, which has loss, penalty, val_loss"),
    (shared, {**ONE, "epochs": 3}, {}, r"epochs is the same for all starts; write nn.descend\(..., epochs=3\)"),
    (shared, ONE, {"outer": 0.1}, r"outer must be an optimizer of Optax, got 0.1; write outer=optax.adam\(0.1\)"),
    (shared, 0.1, {}, r"hyperparameters go by name, got 0.1; write nn.descend\("),
    (stopping, {"lr": 0.1}, {}, "early stopping chooses an epoch, and a choice has no derivative; leave stop= out"),
    (forest, [{"lr": 0.1}, {"lr": 0.1, "hidden": (4,)}], {}, "starts differ by more than numbers"),
    (forest, {"lr": 0.1}, {"metric": "val_accuracy"}, "gradient of val_accuracy is exactly 0 in lr: it counts"),
    (searching, {"lr": 0.1}, {}, "a loop whose length is not known before, .* such as the line search"),
    (
        ridge,
        start() | {"l2": np.ones(4)},
        {},
        r"strength of l2 has shape \(4, 1\), which does not broadcast to kernel of",
    ),
]


@pytest.mark.parametrize(("trial", "hparams", "options", "message"), BAD, ids=lambda v: getattr(v, "__name__", ""))
def test_bad_calls_say_what_to_write(trial, hparams, options, message):
    y = (Y > 0).astype(int) if trial is forest else Y
    with pytest.raises(ValueError, match=message):
        nn.descend(trial, (X, y), hparams, **{"epochs": 2, "steps": 1, **PART, **options})


def test_what_no_gradient_reaches_is_told():
    def trial(lr, unused):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))

    with pytest.warns(UserWarning, match="the gradient of val_loss is exactly 0 in unused, which stay"):
        nn.descend(trial, (X, Y), {"lr": 0.1, "unused": 1.0}, epochs=2, steps=1, **PART)


def test_a_function_that_reads_as_one_before_is_traced_itself():
    """As in a notebook whose cell is run again when what the old function read is gone."""
    code = "def trial(lr):\n    return nn.Trial(nn.linear_regression(), 'squared_error', optax.sgd(lr * 5.0))"
    old: dict = {"nn": nn, "optax": optax}
    new = dict(old)
    exec(code, old), exec(code, new)
    options = dict(epochs=2, steps=1, **PART)
    nn.descend(old["trial"], (X, Y), dict(lr=0.01), **options)
    old.clear()
    again = nn.descend(new["trial"], (X[:, :3], Y), dict(lr=0.01), **options)
    assert np.isfinite(again.gradients["lr"]).all()
