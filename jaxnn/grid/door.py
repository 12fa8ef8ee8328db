"""`jaxnn.grid` is a function, and still the way to its package: ``import jaxnn.grid.plan`` works."""

import importlib
import pkgutil
from pathlib import Path

from jaxnn.grid.engine import grid

for found in pkgutil.iter_modules([str(Path(__file__).parent)]):
    if found.name != "door":
        vars(grid)[found.name] = importlib.import_module(f"jaxnn.grid.{found.name}")
