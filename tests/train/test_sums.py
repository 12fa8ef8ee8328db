"""Weighted sums over rows against NumPy's average."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train.heads import Seen
from jaxnn.train.sums import Sums, finished, gathered, per_row, weighted

RNG = np.random.default_rng(0)
OUTPUTS, TARGETS = RNG.normal(size=(7, 3)).astype(np.float32), RNG.integers(0, 3, 7)
WEIGHT = RNG.uniform(0.5, 3, 7).astype(np.float32)


def spread(outputs, targets):
    """Four numbers a row."""
    return jnp.stack([outputs[:, :2], outputs[:, 1:] ** 2], 2)


TRIAL = nn.Trial(nn.softmax_regression(3), "softmax_cross_entropy", optax.sgd(0.1), metrics=(spread,))
HEAD = TRIAL.heads[0]


def numbers():
    shifted = OUTPUTS - OUTPUTS.max(1, keepdims=True)
    loss = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(7), TARGETS]
    hits = (OUTPUTS.argmax(1) == TARGETS).astype(float)
    return {"loss": loss, "accuracy": hits, "spread": np.stack([OUTPUTS[:, :2], OUTPUTS[:, 1:] ** 2], 2)}


def batch(weight=WEIGHT):
    return nn.Batch(None, jnp.asarray(TARGETS, jnp.int32), jnp.asarray(weight))


def seen():
    return HEAD.seen(jnp.asarray(OUTPUTS), batch())


def test_means_are_weighted_averages_of_every_number_of_every_metric():
    sums = Sums.of(per_row(HEAD, seen()), batch().weight)
    assert [(name, shape) for name, shape, _ in sums.shapes] == [("loss", ()), ("accuracy", ()), ("spread", (2, 2))]
    assert sums.values.shape == (6,)
    means = sums.means(HEAD.metrics)
    for name, values in numbers().items():
        np.testing.assert_allclose(means[name], np.average(values, axis=0, weights=WEIGHT), rtol=1e-5)
    np.testing.assert_allclose(sums.loss, (WEIGHT * numbers()["loss"]).sum(), rtol=1e-5)
    np.testing.assert_allclose(sums.weight, WEIGHT.sum(), rtol=1e-6)


def test_the_total_over_batches_is_the_mean_over_all_rows():
    weight = np.r_[WEIGHT, 0].astype(np.float32)
    outputs, targets = np.r_[OUTPUTS, OUTPUTS[:1]], np.r_[TARGETS, 0].astype(np.int32)

    def one(o, t, w):
        return Sums.of(per_row(HEAD, Seen(o, t, w, None)), w)

    stacked = jax.vmap(one)(outputs.reshape(2, 4, 3), targets.reshape(2, 4), weight.reshape(2, 4))
    assert stacked.loss.shape == (2,)
    means = stacked.means(HEAD.metrics)
    for name, values in numbers().items():
        np.testing.assert_allclose(means[name], np.average(values, axis=0, weights=WEIGHT), rtol=1e-5)


@pytest.mark.parametrize("sick", [np.nan, np.inf])
def test_a_row_of_weight_zero_may_hold_anything(sick):
    rows = {"loss": jnp.array([1.0, sick, 3.0]), "m": jnp.array([[1.0, 2.0], [sick, sick], [3.0, 4.0]])}
    sums = Sums.of(rows, jnp.array([1.0, 0.0, 3.0]))
    np.testing.assert_array_equal(sums.values, [10.0, 10.0, 14.0])
    assert float(sums.weight) == 4.0
    assert np.isnan(Sums.of(rows, jnp.array([1.0, 1.0, 3.0])).loss) or np.isinf(sick)


def test_the_widest_dtype_holds_all():
    with jax.enable_x64(True):
        rows = {"loss": jnp.array([1.0, 2.0], jnp.float32), "m": jnp.array([1 / 3, 2.0], jnp.float64)}
        sums = Sums.of(rows, jnp.ones(2, jnp.float32))
        assert sums.values.dtype == jnp.float64 and float(sums.values[1]) == 1 / 3 + 2.0
        assert sums.means(nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1), (m,)).heads[0].metrics)[
            "m"
        ] == ((1 / 3 + 2.0) / 2)


def m(outputs, targets):
    return outputs[:, 0]


def test_without_weight_the_mean_is_not_a_number():
    assert np.isnan(Sums.of({"loss": jnp.ones(2)}, jnp.zeros(2)).means(())["loss"])


def test_a_metric_with_a_finish_is_finished_from_its_means():
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1), metrics=("r2",))
    outputs, y = OUTPUTS[:, :1], OUTPUTS[:, 1]
    batch = nn.Batch(None, jnp.asarray(y), jnp.asarray(WEIGHT))
    (sums,) = gathered(trial, [trial.heads[0].seen(jnp.asarray(outputs), batch)])
    assert sums.weight is None  # those of many batches are put in at once
    found = finished(trial, weighted(trial, [sums], batch.weight))
    mean = np.average(y, weights=WEIGHT)
    residual = np.average((y - outputs[:, 0]) ** 2, weights=WEIGHT)
    expected = 1 - residual / np.average((y - mean) ** 2, weights=WEIGHT)
    np.testing.assert_allclose(found["r2"], expected, rtol=1e-4)
    np.testing.assert_allclose(found["loss"], residual, rtol=1e-5)


def test_a_loss_that_is_known_is_not_computed_again():
    trial = nn.Trial(nn.linear_regression(), lambda o, t: 1 / 0, optax.sgd(0.1))
    known = jnp.arange(7.0)
    assert per_row(trial.heads[0], seen(), known)["loss"] is known
    with pytest.raises(ZeroDivisionError):
        per_row(trial.heads[0], seen())
