"""``runs.plot``: the pictures of a grid's runs."""

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot.runs import RunsPlots


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


class _Runs:
    """What `RunsPlots` needs of a grid."""

    def __init__(self):
        self.history = {"loss": np.array([[3.0, 1.0], [3.0, 2.0]]), "val_loss": np.array([[3.0, 2.0], [3.0, 1.0]])}
        self.table = {"lr": [0.1, 0.01], "l2": [0.0, 0.0], "val_loss": [2.0, 1.0]}
        self.default_metric = "val_loss"

    def rises(self, metric, mode=None):
        return False

    def order(self, metric):
        return np.argsort(self.table[metric])


def test_the_pictures_of_runs():
    runs = _Runs()
    assert [text.get_text() for text in RunsPlots(runs).heatmap("lr", "l2").texts] == ["1.000", "2.000"]
    for name in ("loss", "val_loss"):
        ax = RunsPlots(runs).curves(name, highlight=1)
        assert ax.lines[-1].get_ydata().tolist() == [3.0, 1.0]
        assert ax.lines[-1].get_label() == "the best 1"


def test_each_picture_takes_the_runs_and_the_metric(made_runs):
    values = np.random.default_rng(0).uniform(size=(12, 3))
    plot = made_runs(dict(lr=[0.1, 0.2], act=["a", "b"], seed=range(3)), val_loss=values, loss=values).plot
    assert plot.curves(by="lr").get_ylabel() == "val_loss" and plot.curves("loss", by="lr").get_ylabel() == "loss"
    assert plot.marginals("loss")[0].get_ylabel() == "loss"
    assert plot.importance("loss").get_xlabel() == "share of the variance of loss"
    assert plot.parallel("loss", axes=["act"]).figure.axes[1].get_ylabel() == "loss"
