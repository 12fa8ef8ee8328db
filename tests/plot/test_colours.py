"""Colours are seen on white and on black, and apart in grey."""

import numpy as np
import pytest
from matplotlib import colors, pyplot

from jaxnn.plot.colours import WORDS, ground, is_dark, limited, of_values, palette


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def contrast(one, other):
    """The contrast of two colours as WCAG 2.1 defines it, from 1 to 21."""

    def luminance(colour):
        own = np.array(colors.to_rgb(colour))
        return np.where(own <= 0.04045, own / 12.92, ((own + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("style", "dark"), [("default", False), ("dark_background", True)])
def test_all_are_seen_on_their_ground(style, dark):
    with pyplot.style.context(style):
        ax = pyplot.subplots()[1]
        assert is_dark(ax) is dark
        paper = ax.get_facecolor()
        assert all(contrast(paper, palette(ax)(x)) > 1.6 for x in np.linspace(0, 1, 9))
        assert contrast(paper, palette(ax)(1.0)) > 10 and contrast(paper, ground(ax)) == pytest.approx(21)
        assert palette(ax, flipped=True)(0.0) == palette(ax)(1.0)
        assert all(contrast(paper, word) > 1.9 for word in WORDS)


def test_numbers_lie_along_the_scale_and_words_have_their_own():
    ax = pyplot.subplots()[1]
    made = of_values(ax, [0.01, 0.1, 1.0], True, True)
    np.testing.assert_allclose(made[1], palette(ax)(0.5))
    assert of_values(ax, ["a", "b"], False, False) == list(WORDS[:2])
    assert of_values(ax, [3], True, False) == [WORDS[0]]


def test_a_few_bad_values_leave_the_others_distinct():
    norm, beyond = limited(np.array([1.0, 1.1, 1.2, 1.3, 20.0]), lower=True)
    assert (norm.vmin, beyond) == (1.0, "max") and norm.vmax == pytest.approx(1.6)
