"""Metrics in fit, in a grid side by side, in validation and in evaluation: each is scikit-learn's of all the rows."""

import jax
import numpy as np
import optax
import pytest
from scipy import special
from sklearn import metrics as sk

import jaxnn as nn

DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(53, 3)).astype(np.float32)
Y = (X[:, 0] + 0.5 * DRAW.normal(size=53) > 0.3).astype(int)
W = DRAW.uniform(0.2, 2, 53).astype(np.float32)
HELD = (
    DRAW.normal(size=(19, 3)).astype(np.float32),
    DRAW.integers(0, 2, 19),
    DRAW.uniform(0.2, 2, 19).astype(np.float32),
)
NAMES = ("roc_auc", "average_precision", "f1", "balanced_accuracy", "brier_score", "log_loss")
SCORES = dict(zip(NAMES, (sk.roc_auc_score, sk.average_precision_score, sk.f1_score, sk.balanced_accuracy_score,
                          sk.brier_score_loss, sk.log_loss), strict=True))  # fmt: skip


def of_labels(name, outputs, y, w):
    chance = special.expit(np.asarray(outputs, float).reshape(-1))
    return SCORES[name](
        y, (chance > 0.5).astype(int) if name in ("f1", "balanced_accuracy") else chance, sample_weight=w
    )


def still(lr):
    """Does not learn, so that the running training metric is that of the weights at hand."""
    return nn.Trial(nn.logistic_regression(), "sigmoid_cross_entropy", optax.sgd(lr * 0.0), metrics=NAMES)


def learning(lr):
    return nn.Trial(nn.logistic_regression(), "sigmoid_cross_entropy", optax.sgd(lr), metrics=NAMES)


def test_the_running_metric_validation_and_evaluation_are_exact():
    run = nn.fit(still, (X, Y, W), dict(lr=0.1), epochs=2, batch_size=8, validation=HELD, seed=3, progress=False)
    for name in NAMES:
        train, held = of_labels(name, run.outputs(X), Y, W), of_labels(name, run.outputs(HELD[0]), *HELD[1:])
        np.testing.assert_allclose(run.history[name], train, rtol=1e-5)
        np.testing.assert_allclose(run.history[f"val_{name}"], held, rtol=1e-5)
        assert run.evaluate(HELD)[name] == pytest.approx(held, rel=1e-5)


@pytest.mark.parametrize("plan", ["map", "vmap"])
def test_in_a_grid_each_member_has_its_own(plan):
    runs = nn.grid(learning, (X, Y, W), dict(lr=[0.1, 0.5, 1.0]), epochs=3, batch_size=8, validation=HELD, plan=plan,
                   progress=False)  # fmt: skip
    for i, run in enumerate(runs):
        for name in NAMES:
            held = of_labels(name, run.outputs(HELD[0]), *HELD[1:])
            assert runs.history[f"val_{name}"][i, -1] == pytest.approx(held, rel=1e-4)
    assert runs.best("val_roc_auc").metrics["val_roc_auc"] == runs.history["val_roc_auc"][:, -1].max()
    assert runs.best("val_brier_score").metrics["val_brier_score"] == runs.history["val_brier_score"][:, -1].min()


def test_a_grid_over_a_loss_s_number_is_one_program_and_each_member_its_solo_run():
    def trial(gamma):
        return nn.Trial(nn.logistic_regression(), nn.losses.focal(gamma), optax.sgd(0.5))

    options = dict(epochs=3, batch_size=16, progress=False)
    runs = nn.grid(trial, (X, Y), dict(gamma=[0.0, 1.0, 2.5]), plan="map", **options)
    assert runs.n_compiles == 2
    again = nn.grid(trial, (X, Y), dict(gamma=[0.3, 0.7, 4.0]), plan="map", **options)
    assert again.n_compiles == 0
    alone = nn.fit(trial, (X, Y), dict(gamma=2.5), **options)
    np.testing.assert_array_equal(runs.history["loss"][2], alone.history["loss"])
    plain = nn.fit(learning, (X, Y), dict(lr=0.5), **options)
    np.testing.assert_allclose(runs.history["loss"][0], plain.history["loss"], rtol=1e-5)


def test_evaluation_compiles_once_for_all_numbers_of_a_loss(monkeypatch):
    from jaxnn.train import predict

    runs = [
        nn.fit(nn.Trial(nn.linear_regression(), nn.losses.quantile(q), optax.sgd(0.1)), (X, X[:, 0]), epochs=2,
               progress=False) for q in (0.2, 0.8)
    ]  # fmt: skip
    values = [run.evaluate((X, X[:, 0]))["loss"] for run in runs]
    for run, value, q in zip(runs, values, (0.2, 0.8), strict=True):
        assert value == pytest.approx(sk.mean_pinball_loss(X[:, 0], run.predict(X), alpha=q), rel=1e-4)
    keys = [p for p in predict._EVALUATIONS.values() if p.compiled]
    assert sum(len(p.compiled) for p in keys[-1:]) == 1


FACTOR = 1.0


def scaled(outputs, targets):
    return FACTOR * abs(outputs[:, 0] - targets)


def test_a_changed_global_of_a_loss_is_seen_by_evaluation(monkeypatch):
    run = nn.fit(nn.Trial(nn.linear_regression(), scaled, optax.sgd(0.0)), (X, X[:, 0]), epochs=1, progress=False)
    before = run.evaluate((X, X[:, 0]))["loss"]
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    assert run.evaluate((X, X[:, 0]))["loss"] == pytest.approx(3 * before, rel=1e-6)


def counts(lr):
    return nn.Trial(nn.linear_regression(), "poisson", optax.adam(lr), metrics=("mae", "r2"))


def test_losses_of_distributions_predict_their_means_and_metrics_read_them_so():
    y = DRAW.poisson(np.exp(0.5 * X[:, 0] + 1))
    run = nn.fit(counts, (X, y), dict(lr=0.05), epochs=60, batch_size=16, progress=False)
    predicted = run.predict(X)
    np.testing.assert_allclose(predicted, np.exp(run.outputs(X)[:, 0]), rtol=1e-6)
    assert run.evaluate((X, y))["mae"] == pytest.approx(sk.mean_absolute_error(y, predicted), rel=1e-5)
    assert run.evaluate((X, y))["r2"] == pytest.approx(sk.r2_score(y, predicted), rel=1e-4)
    trial = nn.Trial(nn.Dense(2), "gaussian_nll", optax.adam(0.05), metrics="rmse")
    sure = nn.fit(trial, (X, X[:, 0]), epochs=3, progress=False)
    assert sure.predict(X).shape == (53,)
    wanted = sk.root_mean_squared_error(X[:, 0], sure.predict(X))
    assert sure.evaluate((X, X[:, 0]))["rmse"] == pytest.approx(wanted, rel=1e-5)


def nll(logits, labels):
    return -jax.nn.log_softmax(logits)[jax.numpy.arange(len(labels)), labels]


def test_without_a_task_outputs_are_values_and_probabilities_show_the_call():
    bare = nn.fit(nn.Trial(nn.Dense(2), nll, optax.sgd(0.1)), (X, Y), epochs=1, progress=False)
    assert bare.model.task is None and list(bare.history) == ["loss"] and bare.predict(X).shape == (53, 2)
    with pytest.raises(ValueError, match=r'run.outputs\(x\), or define the loss by @nn.loss\(task="classes"\)'):
        bare.predict_proba(X)
    told = nn.Loss("nll", nll, "classes")
    run = nn.fit(nn.Trial(nn.Dense(2), told, optax.sgd(0.1)), (X, Y), epochs=1, progress=False)
    np.testing.assert_allclose(run.predict_proba(X), special.softmax(run.outputs(X), 1), rtol=1e-5)
    assert set(run.predict(X)) <= {0, 1} and "accuracy" in run.history


def gain(outputs, targets):
    return (abs(outputs[:, 0] - targets) < 0.5).astype("float32")


@pytest.mark.parametrize("stop", [nn.EarlyStopping("gain", 3), nn.EarlyStopping("val_gain", 3)])
def test_stopping_on_a_metric_without_a_direction_fails_at_the_door(stop):
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1), metrics=(gain,))
    with pytest.raises(ValueError, match=r'nn.EarlyStopping\("(val_)?gain", mode="max"\) or mode="min"'):
        nn.fit(trial, (X, X[:, 0]), validation=0.2, stop=stop, epochs=1, progress=False)
    told = nn.Trial(
        nn.linear_regression(), "squared_error", optax.sgd(0.1), (nn.Metric("gain", gain, rises=True),), stop
    )
    assert told.stop.rises and told.directions["val_gain"] is True


def test_a_metric_with_the_name_of_a_hyperparameter_is_refused():
    def trial(gain):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(gain), metrics=(globals()["gain"],))

    with pytest.raises(ValueError, match=r"'gain' is a hyperparameter and a metric.*write nn.metric"):
        nn.grid(trial, (X, X[:, 0]), dict(gain=[0.1, 0.2]), epochs=1, progress=False)


def test_a_stored_folder_knows_the_directions(tmp_path):
    def trial(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr), (nn.Metric("gain", gain, rises=True),))

    data = X, X[:, 0]
    runs = nn.grid(trial, data, dict(lr=[0.001, 0.3]), epochs=4, validation=0.2, folder=tmp_path, progress=False)
    stored = nn.load_runs(tmp_path, trial)
    assert stored.best("val_gain").hparams == runs.best("val_gain").hparams == {"lr": 0.3}
