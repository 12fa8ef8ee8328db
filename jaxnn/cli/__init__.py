"""The command line: ``jaxnn fit``, ``jaxnn grid``, ``jaxnn predict``."""

from jaxnn.cli.entry import main as main
