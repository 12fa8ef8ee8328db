"""`jaxnn.export` is a function, and still the way to its package: ``import jaxnn.export.onnx`` works."""

import importlib
import pkgutil
from pathlib import Path

from jaxnn.export.formats import export

for found in pkgutil.iter_modules([str(Path(__file__).parent)]):
    if found.name != "door":
        vars(export)[found.name] = importlib.import_module(f"jaxnn.export.{found.name}")
