"""A trained model behind HTTP; it needs ``pip install 'jaxnn-grid[serve]'``."""

from jaxnn.serve.app import app as app
from jaxnn.serve.reading import Refused as Refused
from jaxnn.serve.reading import Rows as Rows
from jaxnn.serve.running import run as run
