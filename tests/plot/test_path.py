"""The picture of a path shows the numbers it is given, strong penalties on the left."""

import numpy as np
import pytest
from matplotlib import pyplot

from jaxnn.plot import path

RNG = np.random.default_rng(0)
STRENGTHS = np.geomspace(1e-3, 1.0, 20)
COEFFICIENTS = RNG.normal(size=(20, 3, 2)) * (RNG.random((20, 3, 2)) < 0.5)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_line_for_every_coefficient_from_strong_to_weak(order):
    ax = path(STRENGTHS[order], COEFFICIENTS[order], name="l1")
    lines = [line for line in ax.lines if len(line.get_xdata()) == 20]
    assert len(lines) == 6
    for line, values in zip(lines, COEFFICIENTS.reshape(20, 6).T, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), STRENGTHS[::-1])
        np.testing.assert_array_equal(line.get_ydata(), values[::-1])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_xscale()) == ("l1", "coefficient", "log")
    assert ax.get_xlim() == (1.0, 1e-3) and len(ax.figure.axes) == 1


def test_the_counts_above_are_those_of_the_coefficients_that_are_not_zero():
    ax = path(STRENGTHS, COEFFICIENTS)
    counted = {t.xy[0]: int(t.get_text()) for t in ax.texts if t.xy[0] in STRENGTHS and t.xy[1] == 1.0}
    expected = dict(zip(STRENGTHS.tolist(), (COEFFICIENTS != 0).sum((1, 2)).tolist(), strict=True))
    assert len(counted) > 5 and all(expected[x] == n for x, n in counted.items())


def test_scores_stand_below_and_the_best_is_marked():
    scores = RNG.random(20)
    ax = path(STRENGTHS, COEFFICIENTS, scores=scores, metric="val_loss", best=4, name="l1")
    below = ax.figure.axes[1]
    np.testing.assert_array_equal(below.lines[-1].get_ydata(), scores[::-1])
    assert (below.get_xlabel(), below.get_ylabel()) == ("l1", "val_loss")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["best, l1 = 4.3e-3"]
    ax.figure.canvas.draw()
    assert below.get_position().y1 < ax.get_position().y0


def test_names_at_the_ends_do_not_overlap():
    ends = np.array([[0.0] * 8, [0.5, 0.5, 0.5, 0.5, 0.51, 0.0, 0.0, -0.3]])
    ax = path([1.0, 0.1], ends, names=list("abcdefgh"))
    heights = {t.get_text(): t.xy[1] for t in ax.texts if t.get_text() in set("abcdefgh")}
    low, high = ax.get_ylim()
    assert np.diff(sorted(heights.values())).min() > 0.04 * (high - low)
    assert heights["h"] == -0.3 and sorted(heights, key=lambda n: heights[n])[0] == "h"


def test_many_coefficients_have_no_names_and_a_zero_strength_makes_the_axis_linear():
    ax = path([1.0, 0.0], RNG.normal(size=(2, 40)))
    assert [t.get_text() for t in ax.texts] == ["40", "40"]
    assert ax.get_xscale() == "linear"
    assert path([0.5], [[1.0, 2.0]]).get_xscale() == "log"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((STRENGTHS[:3], COEFFICIENTS), "there are 3 strengths and coefficients for 20"),
        ((STRENGTHS, COEFFICIENTS, {"scores": [1.0]}), "write one row for each"),
        ((STRENGTHS, COEFFICIENTS, {"names": ["a"]}), "there are 6 coefficients and 1 names"),
    ],
)
def test_lengths_that_differ_are_refused(arguments, message):
    strengths, coefficients, *options = arguments
    with pytest.raises(ValueError, match=message):
        path(strengths, coefficients, **dict(*options))
