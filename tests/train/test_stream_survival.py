"""Streams that are killed and gone on with; `bench/kills_stream.py` kills more often."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "kills_stream.py"


@pytest.mark.slow
def test_killed_in_the_middle_of_epochs_it_is_as_if_nobody_had_touched_it():
    command = [sys.executable, str(SCRIPT), "--kills", "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("'kills': 1") == 3
