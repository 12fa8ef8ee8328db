"""Tables as text."""

import math

import pytest

from jaxnn.grid.printing import ROWS, printed, with_errors


def test_long_tables_are_cut_and_say_so():
    text = printed({"n": [str(i) for i in range(ROWS + 3)]}).splitlines()
    assert len(text) == ROWS + 2 and text[-1] == "... 3 more rows"


def test_no_line_ends_in_blanks():
    assert not any(line.endswith(" ") for line in printed({"a": ["x"], "b": ["1   "]}).splitlines())


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [(0.71871, 0.0904, "0.719 ± 0.090"), (123.4, 1.5, "123.4 ± 1.5"), (1e-9, 2e-10, "1e-09 ± 2e-10"),
     (2e7, 3.0, "2e+07 ± 3"), (0.5, math.nan, "0.5"), (0.5, 0.0, "0.5 ± 0")],
)  # fmt: skip
def test_digits_are_those_that_the_interval_deserves(mean, half, text):
    assert with_errors([mean], [mean + half]) == [text]
