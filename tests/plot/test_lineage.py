"""The family tree: who lived when, and from whom."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import lineage

EVENTS = [
    SimpleNamespace(epoch=2, child=0, parent=1, hparams={"lr": 0.25}),
    SimpleNamespace(epoch=4, child=2, parent=0, hparams={"lr": 0.2}),
    SimpleNamespace(epoch=4, child=1, parent=0, hparams={"lr": 0.3}),
]


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture
def runs(made_runs):
    made = made_runs(dict(lr=[0.001, 0.2, 0.4], act=["relu"]), val_loss=np.array([[3.0] * 6, [2.0] * 6, [1.0] * 6]))
    made.lineage = EVENTS
    return made


def segments(ax, k):
    return [tuple(map(tuple, part)) for part in ax.collections[k].get_segments()]


def test_lives_end_where_a_member_is_replaced(runs):
    for ax in (lineage(runs), runs.plot.lineage()):
        assert set(segments(ax, 0)) == {
            ((0, 0), (2, 0)), ((2, 0), (6, 0)), ((0, 1), (4, 1)), ((4, 1), (6, 1)), ((0, 2), (4, 2)), ((4, 2), (6, 2)),
        }  # fmt: skip
        arrows = [(t.xy, t.xyann) for t in ax.texts]
        assert arrows == [((2, 0), (2, 1)), ((4, 2), (4, 0)), ((4, 1), (4, 0))]
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "member")
        assert ax.figure.axes[1].get_ylabel() == "lr" and ax.figure.axes[1].get_yscale() == "log"
        np.testing.assert_allclose(ax.figure.axes[1].get_ylim(), [0.001, 0.4])


def test_the_ancestors_of_the_winner_are_thick(runs):
    ax = lineage(runs)
    assert ax.get_title() == "thick: the ancestors of member 2"
    assert set(segments(ax, 1)) == {((0, 1), (2, 1)), ((2, 0), (4, 0)), ((4, 2), (6, 2))}
    assert set(segments(lineage(runs, winner=0), 1)) == {((0, 1), (2, 1)), ((2, 0), (6, 0))}


def test_words_have_colours_of_their_own(runs):
    ax = lineage(runs, "act")
    assert len(ax.figure.axes) == 1 and len(np.unique(ax.collections[0].get_colors(), axis=0)) == 1


def test_it_refuses(made_runs, runs):
    with pytest.raises(
        ValueError, match=r"no lineage; write nn\.grid\(\.\.\., search=nn\.PopulationBased\(every=5\)\)"
    ):
        lineage(made_runs(dict(lr=[0.1]), val_loss=[1.0]))
    with pytest.raises(ValueError, match="no hyperparameter is called 'rate'; choose one of lr, act"):
        lineage(runs, "rate")
