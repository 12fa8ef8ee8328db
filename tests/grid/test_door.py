"""`jaxnn.grid` is a function and the way to its package."""

import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import jaxnn as nn

MODULES = sorted(m.name for m in pkgutil.iter_modules([str(Path(nn.__file__).parent / "grid")]) if m.name != "door")


def test_it_is_the_function():
    assert callable(nn.grid) and nn.grid is import_module("jaxnn.grid.engine").grid


@pytest.mark.parametrize("name", MODULES)
def test_every_module_is_reached_through_it(name):
    module = import_module(f"jaxnn.grid.{name}")
    assert getattr(nn.grid, name) is module


@pytest.mark.parametrize(
    "line",
    [
        "import jaxnn.grid.plan; jaxnn.grid.plan.Plan; assert callable(jaxnn.grid)",
        "import jaxnn.grid.plan as p; p.Plan",
        "from jaxnn.grid.plan import Plan",
        "from jaxnn.grid import plan; plan.Plan",
        "import jaxnn as nn, jaxnn.grid.space as s; assert nn.grid.space is s is nn.space",
    ],
)
def test_every_way_of_importing_works_in_a_fresh_process(line):
    subprocess.run([sys.executable, "-c", line], check=True, timeout=120)
