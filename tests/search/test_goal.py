"""What a search goes by: orders with ties and NaN, and metrics whose direction is known or not."""

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.search.goal import Goal

NAN = np.nan


@pytest.mark.parametrize(
    ("rises", "scores", "sick", "order"),
    [
        (False, [3.0, 1.0, 2.0], [0, 0, 0], [1, 2, 0]),
        (True, [3.0, 1.0, 2.0], [0, 0, 0], [0, 2, 1]),
        (False, [1.0, 1.0, 1.0], [0, 0, 0], [0, 1, 2]),  # ties as they come
        (True, [NAN, 1.0, 9.0, NAN], [0, 0, 1, 1], [1, 0, 2, 3]),
        (False, [np.inf, NAN, 1.0], [0, 0, 0], [2, 0, 1]),
    ],
)
def test_order(rises, scores, sick, order):
    assert Goal("m", rises).order(np.array(scores), np.array(sick, bool)).tolist() == order


@pytest.mark.parametrize(
    ("scores", "sick", "count", "top"),
    [
        ([3.0, 1.0, 2.0], [0, 0, 0], 2, [1, 2]),
        ([NAN, 1.0, NAN], [0, 0, 0], 2, [1]),  # who has no score does not survive beside one that has
        ([2.0, 1.0, 0.5], [1, 1, 0], 2, [2]),
        ([2.0, 1.0, NAN], [1, 1, 0], 2, [2, 1]),  # none is healthy
    ],
)
def test_top(scores, sick, count, top):
    assert Goal("m", False).top(np.array(scores), np.array(sick, bool), count).tolist() == top


def test_an_unknown_metric_is_told_with_those_there_are(problem):
    with pytest.raises(ValueError, match=r"looks at 'val_auc', and the history has loss, accuracy, val_loss, val_acc"):
        problem.grid(dict(lr=[0.1]), search=nn.Halving(metric="val_auc"))
    with pytest.raises(ValueError, match=r"write nn.Halving\(metric=\"loss\"\), or grid\(..., validation=0.2\)"):
        problem.grid(dict(lr=[0.1]), search=nn.Halving(metric="val_loss"), validation=None)


def test_a_direction_that_nobody_knows_is_asked_for(problem):
    def unknown(outputs, targets):
        return outputs[:, 0]

    def own(lr):
        built = problem.trial(lr)
        return nn.Trial(built.model, built.loss, built.optimizer, metrics=[unknown])

    with pytest.raises(ValueError, match=r'write nn.Halving\(metric="val_unknown", mode="max"\)'):
        nn.grid(own, problem.data, dict(lr=[0.1]), epochs=1, search=nn.Halving(metric="val_unknown"), **problem.options)


def test_the_default_is_that_of_best(problem):
    rates = dict(lr=problem.rates)
    runs = problem.grid(rates, epochs=3, search=nn.Halving())
    np.testing.assert_array_equal(runs.rungs[0].scores, np.float32(runs.history["val_accuracy"][:, 0]))
