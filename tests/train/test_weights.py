"""Sample weights through a whole fit: the optimum is that of weighted least squares, whatever the batches."""

import numpy as np
import optax
from sklearn.linear_model import LinearRegression

import jaxnn as nn

RNG = np.random.default_rng(4)
X = RNG.normal(size=(40, 1)).astype(np.float32)
HEAVY = np.arange(40) % 4 == 0
Y = (np.where(HEAVY, 2.0, -2.0) * X[:, 0] + RNG.normal(size=40) + HEAVY).astype(np.float32)
WEIGHT = np.where(HEAVY, 50.0, 1.0)


def test_batches_of_four_come_to_scikit_learns_weighted_optimum():
    def slowing(lr):
        return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lambda n: lr / (1 + 0.01 * n)))

    run = nn.fit(slowing, (X, Y, WEIGHT), {"lr": 0.01}, epochs=600, batch_size=4, progress=False)
    best = LinearRegression().fit(X, Y, sample_weight=WEIGHT)
    least = np.average((best.predict(X) - Y) ** 2, weights=WEIGHT)
    assert np.average((run.predict(X) - Y) ** 2, weights=WEIGHT) < 1.01 * least
    np.testing.assert_allclose(run.params["kernel"][0], best.coef_, atol=0.08)
    np.testing.assert_allclose(run.params["bias"], best.intercept_, atol=0.08)
    # Where each batch is divided by its own sum of weights, light batches pull as hard as heavy ones.
    pull = np.ones(40)
    for _ in range(400):
        for rows in RNG.permutation(40).reshape(10, 4):
            pull[rows] += WEIGHT[rows] / WEIGHT[rows].sum()
    wrong = LinearRegression().fit(X, Y, sample_weight=pull).predict(X)
    assert np.average((wrong - Y) ** 2, weights=WEIGHT) > 1.05 * least
