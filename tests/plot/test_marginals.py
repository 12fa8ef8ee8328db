"""Marginals show each setting and the mean of each value."""

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import marginals

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture
def runs(made_runs):
    space = dict(lr=[0.1, 0.01, 0.001], hidden=[(8,), (16, 16)], l2=[0.5], seed=range(3))
    return made_runs(space, val_loss=RNG.uniform(1, 2, size=18))


def test_a_panel_for_every_axis_that_varies(runs):
    panels = marginals(runs)
    assert [p.get_xlabel() for p in panels] == ["lr", "hidden"] and panels[0].get_ylabel() == "val_loss"
    frame = runs.to_pandas().groupby(["lr", "hidden"], sort=False)["val_loss"].mean().reset_index()
    for panel, axis, at in zip(panels, ("lr", "hidden"), (None, {(8,): 0, (16, 16): 1}), strict=True):
        dots = np.asarray(panel.collections[0].get_offsets())
        wanted = np.stack([frame[axis].map(at) if at else frame[axis], frame["val_loss"]], 1).astype(float)
        np.testing.assert_allclose(dots[np.lexsort(dots.T)], wanted[np.lexsort(wanted.T)])
        means = frame.groupby(axis)["val_loss"].mean()
        wanted = means if at is None else means[sorted(at, key=at.get)]
        np.testing.assert_allclose(panel.lines[0].get_ydata(), wanted)
    assert panels[0].get_xscale() == "log"
    assert [t.get_text() for t in panels[0].get_xticklabels()] == ["1e-3", "0.01", "0.1"]
    assert [t.get_text() for t in panels[1].get_xticklabels()] == ["8", "16-16"]
    assert [t.get_text() for t in panels[0].get_legend().get_texts()] == ["a setting", "their mean"]


def test_axes_may_be_chosen_and_seeds_too(runs):
    assert [p.get_xlabel() for p in marginals(runs, axes=["seed"])] == ["seed"]


def test_what_diverged_is_not_drawn(made_runs):
    runs = made_runs(dict(lr=[1.0, 2.0, 3.0]), val_loss=[1.0, 2.0, 9.0], diverged=[2])
    panel = marginals(runs)[0]
    assert np.nanmax(np.asarray(panel.lines[0].get_ydata())) == 2.0


def test_many_axes_fill_several_rows(made_runs):
    space = {name: [1, 2] for name in "abcde"}
    panels = marginals(made_runs(space, val_loss=RNG.uniform(size=32)))
    assert len(panels) == 5 and len(panels[0].figure.axes) == 6
    assert panels[3].get_ylabel() == "val_loss"


def test_it_refuses(made_runs, runs):
    with pytest.raises(ValueError, match="no axis has two values"):
        marginals(made_runs(dict(lr=[0.1], seed=[0, 1]), val_loss=[1.0, 2.0]))
    with pytest.raises(ValueError, match="no axis 'rate'"):
        marginals(runs, axes=["rate"])
