"""``python -m jaxnn`` is the command line."""

import sys

from jaxnn.cli import main

sys.exit(main())
