"""``jaxnn export``: a saved network in the format of another runtime."""

import sys
from argparse import Namespace
from pathlib import Path

from jaxnn.cli.predict import model_file
from jaxnn.export.formats import FORMATS
from jaxnn.export.formats import export as write
from jaxnn.io.model import load


def export(words: Namespace) -> None:
    """Write a saved model to ``--out``, or under its own name beside where the command runs.

    Raises:
        ValueError: if the model cannot be read, or has no form in this format.
        ImportError: where a package is needed.
    """
    model = model_file(words.model)
    name = model.stem.replace("-", "_") if words.to == "numpy" else model.stem
    place = Path(f"{name}{FORMATS[words.to]}") if words.out is None else Path(words.out)
    path = write(load(model), words.to, place, output=words.output, batch=words.batch)
    print(f"{words.to} written to {path}", file=sys.stderr)
