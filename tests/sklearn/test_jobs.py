"""Orders of the rows as scikit-learn shuffles them, and trainings together as alone."""

import numpy as np
import pytest
from sklearn.utils import shuffle

from jaxnn.core.types import Batch
from jaxnn.sklearn import jobs
from jaxnn.sklearn.jobs import Job, Orders, train
from tests.sklearn.trials import values

X = np.random.default_rng(0).normal(size=(23, 2)).astype("float32")
DATA = Batch(X, X @ np.ones(2, "float32"), None)


def test_orders_are_those_of_shuffle(monkeypatch):
    monkeypatch.setattr(jobs, "KEPT", 3)
    random, rows, theirs = np.random.RandomState(1), np.arange(7), []
    orders = Orders(random, 7)
    for _ in range(6):
        rows = shuffle(rows, random_state=random)
        theirs.append(rows)
    for epoch in (0, 1, 5, 4, 0, 3):  # the first ones again, though they were dropped
        np.testing.assert_array_equal(orders.of(epoch), theirs[epoch])
    assert Orders(random, 7, shuffle=False).of(3).tolist() == list(range(7))


@pytest.mark.parametrize("batch_size", [5, 30])
def test_together_is_alone(batch_size):
    found = []
    for seed, (first, last) in enumerate(((0, 20), (4, 23), (3, 23))):  # the last steps have 5 and 4 rows, or 20 and 19
        rows = np.arange(first, last)
        orders = Orders(np.random.RandomState(seed), len(rows))
        point = {"lr": 0.01 * (seed + 1), "outputs": 1}
        found.append(Job(values, point, rows, None, orders, min(batch_size, len(rows)), 4, seed))
    together = train(DATA, found)
    for job, trained in zip(found, together, strict=True):
        (alone,) = train(Batch(X[job.rows], DATA.y[job.rows], None), [job._replace(rows=np.arange(len(job.rows)))])
        np.testing.assert_allclose(trained.history["loss"], alone.history["loss"], rtol=1e-4)
        np.testing.assert_allclose(
            trained.params["dense_0"]["kernel"], alone.params["dense_0"]["kernel"], rtol=1e-3, atol=1e-5
        )
