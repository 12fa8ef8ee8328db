"""From words to rows, a trial and a space; scores and units against scikit-learn."""

from argparse import Namespace

import numpy as np
import optax
import pytest
from sklearn.metrics import accuracy_score, mean_absolute_error, r2_score

import jaxnn as nn
from jaxnn.cli.axes import Bad
from jaxnn.cli.problem import in_units, scores, space
from jaxnn.data.split import standardise

AXES = {"seeds": 2, "hidden": [(8,), ()], "activation": ["relu"], "batch_norm": [False], "batch_size": [32]}


class Constant:
    """A model that predicts what it is given."""

    def __init__(self, values):
        self.values = values

    def predict(self, x):
        return self.values


def test_scores_are_those_of_scikit_learn():
    draw = np.random.default_rng(0)
    y, guess = draw.normal(size=50) * 1e3, (draw.normal(size=50) * 1e3).astype(np.float32)
    ours = scores(Constant(guess), None, y)
    assert ours["r2"] == pytest.approx(r2_score(y, guess), rel=1e-12)
    assert ours["mean_absolute_error"] == pytest.approx(mean_absolute_error(y, guess), rel=1e-12)
    codes, guessed = draw.integers(0, 3, 50), draw.integers(0, 3, 50)
    assert scores(Constant(guessed), None, codes) == {"accuracy": pytest.approx(accuracy_score(codes, guessed))}


def test_a_regression_predicts_in_the_units_of_its_target():
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    price = 300_000 + 50_000 * x[:, 0]
    target = standardise(price)
    trial = nn.Trial(nn.mlp((), out=1), "squared_error", optax.sgd(0.5))
    run = nn.fit(trial, (x, target.transform(price)), epochs=60, batch_size=None, progress=False)
    assert np.abs(run.predict(x)).max() < 2, "it was trained in units of the standard deviation"
    np.testing.assert_allclose(in_units(run, target).predict(x), price, rtol=1e-3)
    assert in_units(run, None) is run


def test_what_is_zero_throughout_is_no_axis_and_costs_nothing():
    axes = space(Namespace(**AXES, lr=[0.1, 0.01], l2=[0.0], l1=[0.0, 1e-4], dropout=[0.0]))
    assert list(axes) == ["seed", "hidden", "activation", "batch_norm", "batch_size", "l1", "lr"]
    assert axes["seed"] == [0, 1] and axes["l1"] == [0.0, 1e-4]


def test_more_networks_than_one_could_mean():
    many = Namespace(**{**AXES, "seeds": 200}, lr=[0.1] * 300, l2=[0.0], l1=[0.0], dropout=[0.0])
    with pytest.raises(Bad, match="these axes make 120000 networks, more than 100000; write fewer values"):
        space(many)
