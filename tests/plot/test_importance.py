"""Bars of importance are as long as the shares."""

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import importance


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def test_bars_are_the_shares_and_their_totals(made_runs):
    f, g = np.array([-1.0, 1.0]), np.array([-1.0, 1.0])
    runs = made_runs(dict(lr=[0.1, 0.2], act=["a", "b"]), val_loss=2 * f[:, None] + g + f[:, None] * g)
    for ax in (importance(runs), importance(runs.importance())):
        assert [t.get_text() for t in ax.get_yticklabels()][-1] == "lr"
        alone, others = ([bar.get_width() for bar in part] for part in ax.containers)
        np.testing.assert_allclose(alone, [1 / 6, 1 / 6, 4 / 6])
        np.testing.assert_allclose(sorted(others), [0, 1 / 6, 1 / 6])
        assert [t.get_text() for t in ax.texts] == ["16.7%", "16.7%", "66.7%"]
        assert ax.get_xlabel() == "share of the variance of val_loss"
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["alone", "with others"]


def test_one_axis_has_no_others_and_many_are_cut(made_runs):
    ax = importance(made_runs(dict(lr=[0.1, 0.2]), val_loss=[1.0, 2.0]))
    assert len(ax.containers) == 1 and ax.get_legend() is None
    runs = made_runs({name: [0, 1] for name in "abcdef"}, val_loss=np.random.default_rng(0).normal(size=64))
    assert len(importance(runs).get_yticklabels()) == 8
