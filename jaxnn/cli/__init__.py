"""The command line: ``jaxnn fit``, ``jaxnn grid``, ``jaxnn predict``."""

from jaxnn.cli.main import main
