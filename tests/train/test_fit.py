"""`fit` against outside oracles, and its door."""

import numpy as np
import optax
import pytest

import jaxnn as nn

RNG = np.random.default_rng(2)
X = RNG.normal(size=(60, 4))


def linear(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.adam(lr), metrics=("r2", "mean_absolute_error"))


def test_linear_regression_is_least_squares():
    y = X @ [1.0, -2.0, 0.5, 3.0] + 0.7 + RNG.normal(size=60)
    design = np.c_[X, np.ones(60)]
    expected, *_ = np.linalg.lstsq(design, y, rcond=None)
    schedule = lambda lr: nn.Trial(  # noqa: E731
        nn.linear_regression(), "squared_error", optax.sgd(lambda step: lr * 0.995 ** (step / 2)), metrics="r2"
    )
    run = nn.fit(schedule, (X, y), {"lr": 0.2}, epochs=400, batch_size=60, progress=False)
    got = np.r_[run.params["kernel"][:, 0], run.params["bias"]]
    np.testing.assert_allclose(got, expected, rtol=1e-4)
    residual = y - design @ expected
    np.testing.assert_allclose(
        run.evaluate((X, y))["r2"], 1 - residual @ residual / ((y - y.mean()) ** 2).sum(), rtol=1e-5
    )


def test_logistic_regression_is_maximum_likelihood():
    linear_model = pytest.importorskip("sklearn.linear_model")
    y = (RNG.uniform(size=60) < 1 / (1 + np.exp(-(X @ [1.0, -1.0, 0.5, 0.0] + 0.3)))).astype(int)
    expected = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(X, y)
    trial = nn.Trial(nn.logistic_regression(), "sigmoid_cross_entropy", optax.sgd(3.0), metrics="log_likelihood")
    run = nn.fit(trial, (X, y), epochs=2000, batch_size=60, progress=False)
    np.testing.assert_allclose(run.params["kernel"][:, 0], expected.coef_[0], rtol=1e-4)
    np.testing.assert_allclose(run.params["bias"], expected.intercept_, rtol=1e-4)
    np.testing.assert_allclose(run.predict_proba(X), expected.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(run.predict(X), expected.predict(X))


def test_softmax_regression_with_l2_is_scikit_learns():
    linear_model = pytest.importorskip("sklearn.linear_model")
    y = (X[:, :3] + RNG.normal(size=(60, 3))).argmax(1)
    expected = linear_model.LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(X, y)
    # scikit-learn: sum of losses + |w|^2 / (2 C); here: mean of losses + c |w|^2.
    trial = nn.Trial(nn.softmax_regression(3), "softmax_cross_entropy", optax.chain(nn.l2(0.5 / 60), optax.sgd(1.0)))
    run = nn.fit(trial, (X, y), epochs=2000, batch_size=60, progress=False)
    np.testing.assert_allclose(run.params["kernel"].T, expected.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(run.predict_proba(X), expected.predict_proba(X), atol=1e-4)


def test_the_perceptron_separates_in_finitely_many_updates():
    points = RNG.uniform(0, 5, size=(80, 2))
    margin = points.sum(1) - 5
    points, dog = points[abs(margin) > 0.3], margin[abs(margin) > 0.3] > 0
    trial = nn.Trial(nn.perceptron(), "perceptron", optax.sgd(1.0))
    run = nn.fit(trial, (points, dog.astype(int)), epochs=300, batch_size=1, progress=False)
    assert run.history["accuracy"][-1] == 1
    np.testing.assert_array_equal(run.history["loss"][-5:], 0)
    np.testing.assert_array_equal(run.predict(points), dog)


def test_a_perceptron_epoch_is_rosenblatts_rule():
    points, labels = RNG.normal(size=(20, 2)), RNG.integers(0, 2, 20)
    run = nn.fit(
        nn.Trial(nn.perceptron(), "perceptron", optax.sgd(1.0)), (points, labels),
        epochs=2, batch_size=1, shuffle=False, progress=False,
    )  # fmt: skip
    w, b = np.zeros(2, np.float32), np.float32(0)
    for _ in range(2):
        for x, t in zip(points.astype(np.float32), labels * 2 - 1, strict=True):
            if t * (x @ w + b) <= 0:
                w, b = w + t * x, b + t
    np.testing.assert_allclose(run.params["kernel"][:, 0], w, rtol=1e-5)
    np.testing.assert_allclose(run.params["bias"][0], b, rtol=1e-5)


@pytest.mark.parametrize(("rate", "after"), [(1.0, 8.0), (0.1, 2.6)])
def test_gradient_descent_of_the_lecture(rate, after):
    """y_hat = a + x with x = 1, y = 6 and half a squared error of gradient -(y - y_hat) * 2: 2 -> 8 and 2 -> 2.6."""

    @nn.spec
    class Offset:
        def init(self, key, x):
            return {"bias": np.full(1, 2.0, np.float32)}, {}

        def apply(self, params, state, x, *, key=None, train=False, rows=None):
            return x + params["bias"].reshape(1, 1), state

    trial = nn.Trial(Offset(), "squared_error", optax.sgd(rate))
    run = nn.fit(trial, ([[1.0]], [6.0]), epochs=1, progress=False)
    assert float(run.params["bias"][0]) == pytest.approx(after, abs=1e-6)
    if rate < 1:
        run = nn.fit(trial, ([[1.0]], [6.0]), epochs=100, progress=False)
        assert float(run.params["bias"][0]) == pytest.approx(5, abs=1e-5)


def test_standardise_is_fitted_on_the_training_part_and_kept():
    x = X * [1, 10, 100, 1000] + [0, 5, -50, 1e4]
    y = X.sum(1)
    run = nn.fit(linear, (x, y), {"lr": 0.1}, epochs=60, validation=0.25, standardise=True, progress=False)
    rows, _ = nn.data.holdout(60, 0.25, seed=0)
    np.testing.assert_allclose(run.standardiser.mean, x[rows].mean(0), rtol=1e-6)
    np.testing.assert_allclose(run.predict(x), y, atol=0.2)
    assert run.evaluate((x, y))["r2"] > 0.99


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (([[1.0], [np.nan]], [0.0, 1.0]), {}, "NaN or infinite"),
        (([[1.0], [2.0]], [0.0]), {}, "one row of x for one row of y"),
        (([["a"], ["b"]], [0.0, 1.0]), {}, "text or objects"),
        ((np.zeros((0, 2)), np.zeros(0)), {}, "no rows"),
        (([[1.0], [2.0]], [[0.0, 1.0], [1.0, 2.0]]), {}, r"outputs \(2, 1\) and the targets are \(2, 2\)"),
        (([[1.0], [2.0]], [0.0, 1.0], [1.0, -1.0]), {}, "weights of the data must be 0 or more"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"epochs": 0}, "epochs must be a whole number"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"batch_size": 2.5}, "batch_size must be a whole number"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"validation": 1.5}, "validation must lie in"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"validation": ([[1.0, 2.0]], [0.0])}, "rows of the data have shapes"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"stop": nn.EarlyStopping()}, "no validation part"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"stop": nn.EarlyStopping("speed")}, "early stopping looks at 'speed'"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"hparams": {"lr": 0.1, "l3": 1.0}}, "no hyperparameter 'l3'"),
        (([[1.0], [2.0]], [0.0, 1.0]), {"hparams": {}}, "'lr' has no value"),
        (42, {}, r"must be \(x, y\)"),
    ],
)
def test_bad_input_fails_at_the_door(data, options, message):
    options = {"epochs": 1, "hparams": {"lr": 0.1}, "progress": False, **options}
    with pytest.raises(ValueError, match=message):
        nn.fit(linear, data, **options)


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("softmax_cross_entropy", [0, 3], "class 3 and the model gives 3 outputs"),
        ("softmax_cross_entropy", [0, -1], "class -1"),
        ("softmax_cross_entropy", [0.0, 0.5], "class numbers"),
        ("sigmoid_cross_entropy", [[0, 1, 0], [1, 2, 0]], "needs 0 to 1"),
    ],
)
def test_labels_out_of_range_fail_at_the_door(loss, y, message):
    with pytest.raises(ValueError, match=message):
        nn.fit(nn.Trial(nn.softmax_regression(3), loss, optax.sgd(0.1)), (np.ones((2, 2)), y), epochs=1, progress=False)


def test_a_model_that_does_not_fit_names_the_layer():
    model = nn.Sequential(nn.Dense(4), nn.Residual(nn.Dense(3)))
    with pytest.raises(ValueError, match=r"residual_0: Residual adds \(60, 4\) to \(60, 3\)"):
        nn.fit(nn.Trial(model, "squared_error", optax.sgd(0.1)), (X, X[:, :3]), epochs=1, progress=False)


def test_two_early_stoppings_are_refused():
    def stopping(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), stop=nn.EarlyStopping("loss"))

    with pytest.raises(ValueError, match="the trial has a stop of its own, and stop= gives another"):
        nn.fit(stopping, (X, X[:, 0]), {"lr": 0.1}, epochs=1, stop=nn.EarlyStopping("loss", 3), progress=False)
    assert nn.fit(stopping, (X, X[:, 0]), {"lr": 0.0}, epochs=20, progress=False).epochs == 11
