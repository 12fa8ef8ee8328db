"""The rungs of a halving: a line for every member, as long as it trained."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import rungs
from jaxnn.plot.colours import WORDS

RECORDS = [
    SimpleNamespace(budget=1, members=np.array([0, 1, 2, 3]), scores=np.array([0.4, 0.3, 0.2, np.nan])),
    SimpleNamespace(budget=3, members=np.array([1, 2]), scores=np.array([0.2, 0.1])),
    SimpleNamespace(budget=9, members=np.array([2]), scores=np.array([0.05])),
]


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def test_lines_are_the_scores_of_members(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2, 0.3, 0.4]), val_loss=np.ones(4))
    runs.rungs = RECORDS
    for ax in (rungs(runs, unit="epochs"), runs.plot.rungs(unit="epochs")):
        tracks = {tuple(line.get_xdata()): line for line in ax.lines}
        assert len(ax.lines) == 4 and {(1.0,), (1.0, 3.0), (1.0, 3.0, 9.0)} == set(tracks)
        winner = tracks[1.0, 3.0, 9.0]
        assert winner.get_ydata().tolist() == [0.2, 0.1, 0.05] and winner.get_color() == WORDS[0]
        assert tracks[1.0, 3.0].get_color() != WORDS[0]
        assert [t.get_text() for t in ax.texts] == ["4", "2", "1"]
        assert [t.get_text() for t in ax.get_xticklabels()] == ["1", "3", "9"]
        assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("epochs", "val_loss", "log")


def test_brackets_with_the_same_budget_are_counted_together():
    more = [*RECORDS, SimpleNamespace(budget=3, members=np.array([4]), scores=np.array([0.3]))]
    ax = rungs(SimpleNamespace(rungs=more), "val_loss")
    assert [t.get_text() for t in ax.texts] == ["4", "3", "1"] and len(ax.lines) == 5


def test_runs_without_rungs_are_told(made_runs):
    with pytest.raises(ValueError, match=r"no rungs; write nn\.grid\(\.\.\., search=nn\.Halving\(factor=3\)\)"):
        rungs(made_runs(dict(lr=[0.1]), val_loss=[1.0]))
