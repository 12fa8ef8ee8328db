"""Loss and metrics over rows, in use."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnn as nn
from jaxnn.core.precision import NAMED
from jaxnn.data.batches import in_order
from jaxnn.train.evaluation import given_out, judged_by

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float32)
Y = RNG.normal(size=12).astype(np.float32)
W = RNG.uniform(0.1, 2.0, 12).astype(np.float32)


def begun(trial):
    return nn.init(trial, jax.random.key(0, impl="threefry2x32"), X)


def test_evaluation_is_the_average_over_all_rows_however_they_are_stacked():
    trial = nn.Trial(nn.mlp((4,), out=1, batch_norm=True, dropout=0.5), "squared_error", optax.sgd(0.1), ("r2",))
    state = begun(trial)
    state = state._replace(model_state=jax.tree.map(lambda a: a + 0.5, state.model_state))
    outputs = np.asarray(trial.model.apply(state.params, state.model_state, jnp.asarray(X))[0])[:, 0]
    expected = np.average((outputs - Y) ** 2, weights=W)
    centred = np.average((Y - np.average(Y, weights=W)) ** 2, weights=W)
    for size in (6, 4, 1):
        values = nn.evaluate(trial, state.params, state.model_state, in_order(nn.Batch(X, Y, W), size))
        np.testing.assert_allclose(values["loss"], expected, rtol=1e-5)
        np.testing.assert_allclose(values["r2"], 1 - expected / centred, rtol=1e-4)


def test_the_first_of_the_batches_count_where_not_all_are_there():
    trial = nn.Trial(nn.linear_regression(), "squared_error", optax.identity())
    batches = in_order(nn.Batch(X, Y, W), 4)
    outputs = lambda batch: batch.x[:, 0]  # noqa: E731
    sums = judged_by(trial, outputs, batches, limit=jnp.int32(2))[0]
    expected = [(W[i : i + 4] * (X[i : i + 4, 0] - Y[i : i + 4]) ** 2).sum() for i in (0, 4)]
    np.testing.assert_allclose(sums.loss, [*expected, 0.0], rtol=1e-5)


def test_outputs_are_judged_in_single_precision_unless_told():
    half = jnp.ones(2, jnp.bfloat16)
    assert given_out(half, NAMED["bfloat16"]).dtype == jnp.float32
    assert given_out(half, nn.Precision(output="bfloat16")).dtype == jnp.bfloat16
