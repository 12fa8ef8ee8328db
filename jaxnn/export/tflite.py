"""The way to TF Lite: by the converter of LiteRT where it is installed, which this package does not bring along."""

from pathlib import Path
from typing import Any

from jaxnn.export.forward import Forward


def write(made: Forward, path: Path) -> None:
    raise NotImplementedError
