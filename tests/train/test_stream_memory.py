"""A stream takes the memory of a few blocks, however long it is; `bench/stream.py` shows it for 5 GB."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "bench" / "stream.py"


@pytest.mark.slow
def test_a_longer_stream_takes_no_more_memory():
    resident = []
    for gigabytes in ("0.2", "1.2"):
        command = [sys.executable, str(SCRIPT), "--alone", gigabytes]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr[-3000:]
        resident.append(float(done.stdout.split()[2]))
    assert resident[1] < resident[0] + 400  # of 1,000 MB more
