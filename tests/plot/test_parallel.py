"""Parallel coordinates: a line for each setting, the best one last."""

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import parallel

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.mark.parametrize(("metric", "sign"), [("val_loss", 1), ("val_accuracy", -1)])
def test_a_line_for_every_setting_from_worst_to_best(made_runs, metric, sign):
    rates = np.geomspace(1e-4, 1, 9)
    values = RNG.uniform(size=(9, 2, 3))
    runs = made_runs(dict(lr=rates, act=["relu", "tanh"], l2=[0.5], seed=range(3)), **{metric: values})
    ax = parallel(runs)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["lr", "act", metric]
    means = values.mean(2)
    low, high = means.min(), means.max()
    drawn = np.array([line.get_ydata() for line in ax.lines])
    assert drawn.shape == (18, 3)
    order = np.argsort(-sign * means, axis=None)
    np.testing.assert_allclose(drawn[:, 2], ((means - low) / (high - low)).ravel()[order])
    np.testing.assert_allclose(drawn[:, 0], np.repeat(np.linspace(0, 1, 9), 2)[order], atol=1e-12)
    assert np.all((drawn[:, 1] > 0.5) == np.tile([False, True], 9)[order])
    assert ax.lines[-1].get_linewidth() > 2 * ax.lines[0].get_linewidth()
    assert ax.figure.axes[1].get_ylabel() == metric
    texts = [t.get_text() for t in ax.texts]
    assert texts[:5] == ["1e-4", "1e-3", "0.01", "0.1", "1"] and {"relu", "tanh"} <= set(texts)


def test_lines_through_one_value_lie_side_by_side(made_runs):
    runs = made_runs(dict(a=[0, 1], b=[0, 1, 2]), val_loss=np.arange(6.0))
    drawn = np.array([line.get_ydata() for line in parallel(runs).lines])
    assert len(np.unique(drawn[:, 0].round(9))) == len(np.unique(drawn[:, 1].round(9))) == 6
    assert drawn.min() >= 0 and drawn.max() <= 1


def test_settings_without_a_mean_are_left_out(made_runs):
    runs = made_runs(dict(lr=[0.1, 0.2, 0.3]), val_loss=[1.0, np.nan, 3.0], diverged=[0])
    assert len(parallel(runs).lines) == 1
    with pytest.raises(ValueError, match="no setting has a finite mean of 'val_loss'"):
        parallel(made_runs(dict(lr=[0.1, 0.2]), val_loss=[1.0, 2.0], diverged=[0, 1]))
    with pytest.raises(ValueError, match="no axis 'rate'"):
        parallel(runs, axes=["rate"])
