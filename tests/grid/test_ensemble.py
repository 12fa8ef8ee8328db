"""Several models as one: means of probabilities or outputs, weighted by the rows where it is scored."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.ensemble import Ensemble

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
CLASSES = RNG.integers(0, 3, 12)
VALUES = X[:, 0].astype(np.float32)
WEIGHT = np.arange(1.0, 13.0)


def runs(loss, out, targets, scale=False):
    trial = nn.Trial(nn.mlp((), out=out), loss, optax.sgd(0.1))
    options = dict(epochs=2, standardise=scale, progress=False)
    return tuple(nn.fit(trial, (X, targets), seed=s, **options) for s in range(3))


def test_classes_are_those_of_the_mean_probability():
    ensemble = Ensemble(runs("softmax_cross_entropy", 3, CLASSES))
    mean = np.mean([run.predict_proba(X) for run in ensemble.runs], 0)
    np.testing.assert_allclose(ensemble.predict_proba(X), mean, rtol=1e-6)
    np.testing.assert_array_equal(ensemble.predict(X), mean.argmax(1))
    right = mean.argmax(1) == CLASSES
    assert 0 < right.mean() < 1 and len(ensemble) == 3
    assert ensemble.evaluate((X, CLASSES))["accuracy"] == pytest.approx(right.mean())
    weighted = (right * WEIGHT).sum() / WEIGHT.sum()
    assert weighted != pytest.approx(right.mean())
    assert ensemble.evaluate((X, CLASSES, WEIGHT))["accuracy"] == pytest.approx(weighted)


def test_two_classes():
    targets = CLASSES > 0
    ensemble = Ensemble(runs("sigmoid_cross_entropy", 1, targets))
    mean = np.mean([run.predict_proba(X) for run in ensemble.runs], 0)
    assert mean.shape == (12, 2)
    np.testing.assert_array_equal(ensemble.predict(X), mean.argmax(1))
    assert ensemble.evaluate((X, targets))["accuracy"] == pytest.approx((mean.argmax(1) == targets).mean())


@pytest.mark.parametrize("scale", [False, True])
def test_values_are_the_mean_of_the_outputs(scale):
    ensemble = Ensemble(runs("squared_error", 1, VALUES, scale))
    mean = np.mean([run.predict(X) for run in ensemble.runs], 0)
    np.testing.assert_allclose(ensemble.predict(X), mean, rtol=1e-6)
    errors = (mean - VALUES) ** 2
    assert ensemble.evaluate((X, VALUES))["loss"] == pytest.approx(errors.mean(), rel=1e-5)
    weighted = ensemble.evaluate((X, VALUES, WEIGHT))["loss"]
    assert weighted == pytest.approx(np.average(errors, weights=WEIGHT), rel=1e-5)


def test_runs_of_different_tasks_or_none_are_refused():
    mixed = (runs("squared_error", 1, VALUES)[0], runs("softmax_cross_entropy", 3, CLASSES)[0])
    for given in ((), mixed):
        with pytest.raises(ValueError, match=r"an ensemble needs runs of one task; write runs\.top\(5\)\.ensemble\(\)"):
            Ensemble(given)


def test_log_probabilities_are_finite_where_probabilities_are_not():
    ensemble = Ensemble(runs("softmax_cross_entropy", 3, CLASSES))
    far = 1000 * X
    found, chances = ensemble.predict_log_proba(far), ensemble.predict_proba(far)
    assert np.isfinite(found).all() and (chances == 0).any()
    np.testing.assert_allclose(np.exp(found), chances, rtol=1e-6)


@pytest.mark.parametrize("kind", ["several labels", "soft labels", "steps"])
def test_whatever_a_run_is_evaluated_on_an_ensemble_is_too(kind):
    soft = RNG.dirichlet(np.ones(3), 12).astype(np.float32)
    steps = X[:, None] * np.ones((1, 2, 1), np.float32)
    loss, x, y = {
        "several labels": ("sigmoid_cross_entropy", X, (soft > 0.3).astype(int)),
        "soft labels": ("softmax_cross_entropy", X, soft),
        "steps": ("softmax_cross_entropy", steps, np.stack([CLASSES, CLASSES], 1)),
    }[kind]
    trial = nn.Trial(nn.Dense(3), loss, optax.sgd(0.1))
    each = tuple(nn.fit(trial, (x, y), seed=s, epochs=2, progress=False) for s in range(3))
    chances = np.mean([run.predict_proba(x) for run in each], 0, dtype=np.float64)
    if kind == "several labels":
        expected = -(np.log(chances) * y + np.log(1 - chances) * (1 - y)).mean(1)
    elif kind == "soft labels":
        expected = -(np.log(chances) * y).sum(1)
    else:
        expected = -np.log(np.take_along_axis(chances, y[..., None], 2)[..., 0]).mean(1)
    values = Ensemble(each).evaluate((x, y, WEIGHT))
    assert values["loss"] == pytest.approx(np.average(expected, weights=WEIGHT), rel=1e-5)
    assert set(values) == set(each[0].evaluate((x, y)))


def test_features_are_standardised_before_they_are_rounded():
    wide, y = X.astype(float) + 1e8, (X[:, 0] > 0).astype(int)
    trial = nn.Trial(nn.Dense(2), "softmax_cross_entropy", optax.adam(0.3))
    each = [nn.fit(trial, (wide, y), seed=s, epochs=30, standardise=True, progress=False) for s in range(2)]
    ensemble = Ensemble(tuple(each))
    assert ensemble.evaluate((wide, y))["accuracy"] == np.mean(ensemble.predict(wide) == y) > 0.9
