"""What a grid and a search say to each other: a search of one's own is three methods, and the grid knows no others."""

import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.record import Record, check_search


class Twice:
    """A search that trains every second point, for two epochs."""

    def check(self, entries, folder):
        self.entries = list(entries)

    def work(self, members, epochs):
        return members

    def train(self, populations, callbacks=(), visited=lambda weight: None):
        rung = np.zeros(len(self.entries), int)
        for population in populations:
            population.advance(2, callbacks, visited)
            rung[population.numbers] = population.numbers % 2
        return Record(rung=rung, curves={"lr": np.arange(8.0).reshape(4, 2)})


def line(lr):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))


@pytest.fixture(scope="module")
def runs():
    data = np.ones((4, 1)), np.full(4, 3.0)
    return nn.grid(line, data, dict(lr=[0.3, 0.2, 0.1, 0.01]), epochs=5, batch_size=4, search=Twice(), progress=False)


def test_a_search_of_ones_own_trains(runs):
    assert runs.table["epochs_done"] == [2, 2, 2, 2] and runs.table["rung"] == [0, 1, 0, 1]


def test_the_last_rung_is_in_front(runs):
    assert runs.order("loss").tolist() == [1, 3, 0, 2] and runs.best().hparams == {"lr": 0.2}


def test_its_curves_stand_beside_the_metrics(runs):
    assert runs.history["lr"].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert runs[2].history["lr"].tolist() == [4, 5] and runs.table["lr"] == [1, 3, 5, 7]


@pytest.mark.parametrize("search", ["halving", 3, Twice])
def test_what_is_no_search_is_told(search):
    with pytest.raises(ValueError, match=r"search= takes a search, got"):
        check_search(search)
