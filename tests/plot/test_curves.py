"""Learning curves show the numbers they are given."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import curves


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def _line(ax, label):
    return next(line for line in ax.lines if line.get_label().startswith(label))


def test_one_run_shows_both_parts_and_ends_where_it_stopped():
    history = {"loss": [0.9, 0.5, 0.4, np.nan], "val_loss": [1.0, 0.7, 0.8, np.nan], "accuracy": [0, 0, 0, 0]}
    ax = curves(history, best_epoch=1)
    for label, key in (("training", "loss"), ("validation", "val_loss")):
        assert _line(ax, label).get_xdata().tolist() == [1, 2, 3, 4]
        np.testing.assert_array_equal(_line(ax, label).get_ydata(), history[key])
    assert _line(ax, "best epoch").get_xdata() == [2, 2]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "linear")


def test_a_loss_over_decades_gets_a_logarithmic_axis():
    assert curves({"loss": [10.0, 1.0, 0.1]}).get_yscale() == "log"
    assert curves({"loss": [10.0, 1.0, -0.1]}).get_yscale() == "linear"


def test_many_runs_show_median_and_quantiles_with_stopped_runs_at_their_last_value():
    values = np.random.default_rng(0).uniform(1, 2, (40, 6))
    stopped = values.copy()
    stopped[3, 4:] = np.nan
    stopped[5, 2:] = np.inf
    stopped[7] = np.nan
    values[3, 4:], values[5, 2:] = values[3, 3], values[5, 1]
    values = np.delete(values, 7, axis=0)
    ax = curves({"val_loss": stopped, "loss": stopped}, "val_loss", highlight=[1, 2])
    np.testing.assert_allclose(_line(ax, "validation").get_ydata(), np.median(values, axis=0))
    assert _line(ax, "validation").get_label() == "validation, median of 39 runs"
    for band, share in zip(ax.collections, (0.5, 0.9), strict=True):
        corners = band.get_paths()[0].vertices
        for epoch in range(1, 7):
            ours = corners[corners[:, 0] == epoch][:, 1]
            low, high = np.quantile(values[:, epoch - 1], [0.5 - share / 2, 0.5 + share / 2])
            np.testing.assert_allclose([ours.min(), ours.max()], [low, high])
    assert [text.get_text() for text in ax.get_legend().get_texts()][-1] == "the best 2"
    ax.figure.canvas.draw()


def test_a_part_without_a_finite_run_is_left_out():
    ax = curves({"loss": np.full((3, 2), np.nan), "val_loss": np.ones((3, 2))})
    assert [line.get_label() for line in ax.lines] == ["validation, median of 3 runs"]


def test_it_draws_on_given_axes():
    _, ax = pyplot.subplots()
    assert curves({"accuracy": [0.5, 1.0]}, "accuracy", ax=ax) is ax
    assert ax.get_ylim()[1] <= 1.005


@pytest.mark.parametrize("history", [{}, {"accuracy": [1.0]}, {"loss": [np.nan]}])
def test_no_finite_metric_is_refused(history):
    with pytest.raises(ValueError, match="no finite 'loss'"):
        curves(history)


def test_pictures_need_no_display_and_importing_them_no_matplotlib():
    code = (
        "import sys, os, jaxnn.plot as p; assert 'matplotlib' not in sys.modules; "
        "p.curves({'loss': [1.0, 0.5]}).figure.savefig(os.devnull, format='png')"
    )
    bare = {"PATH": "", "HOME": "/tmp"}
    subprocess.run([sys.executable, "-c", code], env=bare, check=True, timeout=120, capture_output=True)
