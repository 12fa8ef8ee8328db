"""The file of a search's rungs: what is written comes back, and a damaged one is told."""

import json

import numpy as np
import pytest

from jaxnn.grid.record import PLAIN, Record, Rung
from jaxnn.grid.recorded import RUNGS, read_rungs, write_rungs

RECORD = Record(
    [Rung(1, np.arange(3), np.array([0.5, np.nan, 0.25])), Rung(3, np.array([2]), np.array([0.1]))], np.array([0, 0, 1])
)


def test_what_is_written_comes_back(tmp_path):
    write_rungs(tmp_path, RECORD)
    back = read_rungs(tmp_path, 3)
    assert back.rung is not None and back.rung.tolist() == [0, 0, 1]
    for ours, theirs in zip(back.rungs, RECORD.rungs, strict=True):
        assert ours.budget == theirs.budget
        np.testing.assert_array_equal(ours.members, theirs.members)
        np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_a_grid_without_a_search_has_no_such_file(tmp_path):
    write_rungs(tmp_path, PLAIN)
    assert not (tmp_path / RUNGS).exists() and read_rungs(tmp_path, 3) is PLAIN


@pytest.mark.parametrize(
    "change",
    [
        {"rung": [0, 0]}, {"rung": [0, 0, "a"]}, {"rungs": 3}, {"rungs": [3]}, {"rungs": [{"budget": 1}]},
        {"rungs": [{"budget": 1, "members": [7], "scores": [0.5]}]},
        {"rungs": [{"budget": 1, "members": [1], "scores": []}]},
        {"rungs": [{"budget": True, "members": [1], "scores": [0.5]}]},
        {"rungs": [{"budget": 1, "members": [1], "scores": ["a"]}]},
    ],
)  # fmt: skip
def test_a_damaged_file_is_told(tmp_path, change):
    write_rungs(tmp_path, RECORD)
    about = json.loads((tmp_path / RUNGS).read_text())
    (tmp_path / RUNGS).write_text(json.dumps(about | change))
    with pytest.raises(ValueError, match="is damaged: it holds no rungs of 3 members"):
        read_rungs(tmp_path, 3)
