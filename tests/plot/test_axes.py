"""Where pictures are drawn, and numbers as short text."""

import sys

import numpy as np
import pytest

from jaxnn.plot.axes import axes, short

pyplot = pytest.importorskip("matplotlib.pyplot")


def test_given_axes_are_used_and_new_ones_have_the_size():
    given = axes(size=(3.0, 2.0))
    assert given.figure.get_size_inches().tolist() == [3.0, 2.0]
    assert axes(given) is given
    pyplot.close(given.figure)


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'jaxnn-grid\[plot\]'"):
        axes()


def test_short_text_is_the_number_to_the_digits_that_it_shows():
    numbers = [0.0, 1.0, -0.5, 0.01, 0.00999, 123.4, 999.9, 1234.5, 9999.0, 1e4, 2.5e-7, -3e8, 10.0**-12]
    for number in [*numbers, *map(np.float32, numbers)]:
        text = short(number)
        assert float(text) == pytest.approx(float(number), rel=5e-2) and len(text) <= 7, (number, text)


def test_what_is_no_number_is_itself():
    assert [short(v) for v in (None, True, "relu", (), [1, (2, 0.5)])] == ["None", "True", "relu", "none", "1-2-0.5"]
