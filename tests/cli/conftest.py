"""What the tests of the command line share."""

import re

import numpy as np
import pandas
import pytest

from jaxnn.cli import entry, main


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """Each test in a folder of its own, and none changes the settings of the process."""
    monkeypatch.setattr(entry, "configure", lambda **settings: None)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def houses():
    """A function that writes a table whose target is linear in two features, and returns it."""

    def write(path="houses.csv", rows=120):
        draw = np.random.default_rng(0)
        size, age = draw.uniform(50, 200, rows), draw.integers(0, 60, rows)
        frame = pandas.DataFrame({"size": size, "age": age, "price": 300_000 + 2_000 * size - 1_000.0 * age})
        frame.to_parquet(path) if path.endswith("parquet") else frame.to_csv(path, index=False)
        return frame

    return write


@pytest.fixture
def refused(capsys):
    """A function that asserts exit status 2 and one sentence with some words."""

    def check(line, words):
        assert main(line) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert re.match(r"jaxnn: .+\n\Z", captured.err)
        assert re.search(words, captured.err)

    return check
