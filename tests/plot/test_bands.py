"""Curves by an axis show the means and the intervals of their runs."""

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.collections import FillBetweenPolyCollection
from scipy import stats

from jaxnn.plot import curves

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture
def runs(made_runs):
    space = dict(lr=[0.1, 0.01], act=["relu", None, (8, 8)], seed=range(4))
    return made_runs(
        space, val_loss=RNG.uniform(1, 2, size=(24, 5)), loss=RNG.uniform(1, 2, size=(24, 5)), diverged=[1]
    )


def ends(band):
    """Lower and upper end of a band at each epoch."""
    x, y = band.get_paths()[0].vertices.T
    return np.array([[y[x == e].min(), y[x == e].max()] for e in np.unique(x)]).T


@pytest.mark.parametrize("error", ["interval", "sem", "std"])
def test_lines_are_means_and_bands_their_errors(runs, error):
    ax = curves(runs, by="lr", error=error)
    bands = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)]
    assert len(ax.lines) == len(bands) == 2
    rows = np.setdiff1d(np.arange(24), [1])
    for line, band, lr in zip(ax.lines, bands, (0.01, 0.1), strict=True):
        own = runs.history["val_loss"][[i for i in rows if runs.table["lr"][i] == lr]]
        assert line.get_xdata().tolist() == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(line.get_ydata(), own.mean(0))
        half = {"sem": stats.sem(own), "std": own.std(0, ddof=1)}.get(error)
        wanted = stats.t.interval(0.95, len(own) - 1, own.mean(0), stats.sem(own)) if half is None else (
            own.mean(0) - half, own.mean(0) + half
        )  # fmt: skip
        np.testing.assert_allclose(ends(band), wanted)


def test_it_says_what_it_shows(runs):
    ax = curves(runs, "loss", by=("act", "lr"))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    assert ax.get_title() == "mean and 95 % interval over seed"
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "act, lr"
    texts = [t.get_text() for t in legend.get_texts()]
    assert len(texts) == 6 and texts[1] == "relu, 0.1 (3 runs)" and texts[4] == "8-8, 0.01 (4 runs)"
    assert len({line.get_color() for line in ax.lines}) == 6


@pytest.mark.parametrize(("rates", "scale"), [(np.geomspace(1e-4, 1, 9), "log"), (np.linspace(1, 2, 9), "linear")])
def test_many_numbers_have_a_colour_bar(made_runs, rates, scale):
    runs = made_runs(dict(lr=rates, seed=[0, 1]), val_loss=RNG.uniform(size=(18, 3)))
    ax = curves(runs, by="lr")
    assert len(ax.lines) == 9 and ax.get_legend() is None and not ax.collections
    bar = ax.figure.axes[1]
    assert bar.get_ylabel() == "lr" and bar.get_yscale() == scale and ax.get_title() == "mean over seed"
    np.testing.assert_allclose(bar.get_ylim(), [rates[0], rates[-1]])


def test_a_run_that_stopped_counts_with_its_last_value(made_runs):
    ax = curves(made_runs(dict(seed=[0, 1], lr=[0.1]), val_loss=[[4.0, 2.0, np.nan], [4.0, 4.0, 4.0]]), by="lr")
    assert ax.lines[0].get_ydata().tolist() == [4, 3, 3]


def test_one_run_of_one_epoch_is_a_point(made_runs):
    ax = curves(made_runs(dict(lr=[0.1, 0.2]), val_loss=[1.0, 2.0]), by="lr")
    assert [line.get_marker() for line in ax.lines] == ["o", "o"] and not ax.collections
    assert ax.get_title() == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(by="rate"), "no axis 'rate'"),
        (dict(by="lr", name="speed"), "no 'speed'; choose one of loss, val_loss"),
        (dict(by="lr", error="max"), 'error is "interval", "std" or "sem"'),
    ],
)
def test_it_refuses(runs, options, message):
    with pytest.raises(ValueError, match=message):
        curves(runs, **options)


def test_without_runs_there_is_no_axis_and_without_healthy_ones_no_curve(made_runs):
    with pytest.raises(ValueError, match=r"write nn\.plot\.curves\(runs, by='lr'\)"):
        curves({"loss": [1.0]}, by="lr")
    with pytest.raises(ValueError, match="did not diverge"):
        curves(made_runs(dict(lr=[0.1]), val_loss=[1.0], diverged=[0]), by="lr")
