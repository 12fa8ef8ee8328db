"""Heat maps against pandas' own pivot tables."""

import numpy as np
import pandas
import pytest
from matplotlib import pyplot

from jaxnn.plot import heatmap


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.fixture
def table():
    draw = np.random.default_rng(0)
    points = [(lr, l2, seed) for lr in (1e-3, 1e-4, 1e-2) for l2 in (0.0, 1e-4) for seed in range(3)]
    frame = pandas.DataFrame(points, columns=["lr", "l2", "seed"])
    return frame.assign(val_accuracy=draw.uniform(size=18), val_loss=draw.uniform(0.1, 9.0, size=18))


@pytest.mark.parametrize(
    ("value", "how", "gather"),
    [
        ("val_accuracy", "best", "max"),
        ("val_loss", "best", "min"),
        ("val_loss", "mean", "mean"),
        ("val_accuracy", "mean", "mean"),
    ],
)
def test_cells_are_those_of_pandas(table, value, how, gather):
    table.loc[0, value] = np.nan
    ax = heatmap(table, "lr", "l2", value, how=how)
    ours = ax.images[0].get_array()
    theirs = table.pivot_table(index="l2", columns="lr", values=value, aggfunc=gather)
    np.testing.assert_allclose(np.asarray(ours), theirs.to_numpy())
    assert [text.get_text() for text in ax.texts] == [f"{cell:.3f}" for cell in theirs.to_numpy().ravel()]
    best = (np.argmin if "loss" in value else np.argmax)(theirs.to_numpy())
    frame = ax.patches[-1]
    assert (frame.get_y() + 0.5, frame.get_x() + 0.5) == np.unravel_index(best, (2, 3))
    assert ax.figure.axes[1].get_ylabel() == f"{value}, {how} of 3 runs"


def test_labels_are_the_values_in_order(table):
    ax = heatmap(table.sample(frac=1, random_state=1), "lr", "l2")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1e-4", "1e-3", "0.01"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "1e-4"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lr", "l2")


def test_a_cell_without_a_finite_run_is_hatched_and_empty(table):
    table.loc[(table.lr == 1e-2) & (table.l2 == 0), "val_loss"] = [np.nan, np.inf, np.nan]
    ax = heatmap(table, "lr", "l2", "val_loss")
    assert np.ma.getmaskarray(ax.images[0].get_array())[0, 2]
    assert [patch.get_hatch() for patch in ax.patches] == ["///", None]
    assert len(ax.texts) == 5


def test_equally_good_cells_are_all_framed():
    ax = heatmap({"x": [0, 1, 2], "y": [0, 0, 0], "r2": [0.9, 0.5, 0.9]}, "x", "y", "r2")
    assert [patch.get_x() + 0.5 for patch in ax.patches] == [0, 2]


@pytest.mark.parametrize(("name", "sign", "side"), [("val_accuracy", 1, "min"), ("val_loss", -1, "max")])
def test_one_bad_cell_leaves_the_colours_to_the_others(name, sign, side):
    values = np.array([1.0, 0.99, 0.98, 0.97, -5.0]) * sign
    ax = heatmap({"x": range(5), "y": [0] * 5, name: values}, "x", "y", name)
    np.testing.assert_allclose(sorted(ax.images[0].get_clim()), sorted([1.0 * sign, 0.94 * sign]))
    assert ax.images[0].colorbar.extend == side
    even = heatmap({"x": range(5), "y": [0] * 5, name: np.arange(5.0)}, "x", "y", name)
    assert even.images[0].get_clim() == (0.0, 4.0)
    assert even.images[0].colorbar.extend == "neither"


def test_structures_words_and_dicts_of_columns():
    table = {
        "hidden": [(64,), (32, 32), (), (64,)],
        "act": ["relu", "tanh", "relu", "tanh"],
        "r2": [0.1, 0.2, 0.3, 0.4],
    }
    ax = heatmap(table, "hidden", "act", "r2")
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["none", "32-32", "64"]
    mixed = heatmap({"a": [1, "x"], "b": [0, 0], "r2": [1.0, 2.0]}, "a", "b", "r2")
    assert [tick.get_text() for tick in mixed.get_xticklabels()] == ["1", "x"]


def test_many_values_get_fewer_labels_and_no_numbers():
    side = np.arange(50)
    table = {"x": np.repeat(side, 50), "y": np.tile(side, 50), "val_loss": np.arange(2500.0) + 1}
    ax = heatmap(table, "x", "y", "val_loss")
    assert len(ax.get_xticklabels()) <= 16
    assert not ax.texts
    assert type(ax.images[0].norm).__name__ == "LogNorm"
    ax.figure.canvas.draw()


@pytest.mark.parametrize(
    ("change", "options", "words"),
    [
        ({}, {"x": "rate"}, "no column 'rate'; its columns are lr, l2, seed"),
        ({}, {"how": "worst"}, 'must be "best" or "mean"'),
        ({"val_accuracy": np.nan}, {}, "no run has a finite 'val_accuracy'"),
    ],
)
def test_heatmap_refuses(table, change, options, words):
    with pytest.raises(ValueError, match=words):
        heatmap(table.assign(**change), **({"x": "lr", "y": "l2"} | options))
