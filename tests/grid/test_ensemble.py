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
