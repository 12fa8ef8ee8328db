"""The repository passes its own linters."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import jaxnn

ROOT = Path(jaxnn.__file__).parent.parent


@pytest.mark.parametrize(
    "command", ["ruff check .", "ruff format --check .", pytest.param("pyright", marks=pytest.mark.slow)]
)
def test_is_clean(command):
    tool, *arguments = command.split()
    program = Path(sysconfig.get_path("scripts"), tool)
    if not program.exists():
        pytest.skip(f"{tool} is not installed")
    if tool == "pyright":
        arguments = ["--pythonpath", sys.executable]
    done = subprocess.run(
        [program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
