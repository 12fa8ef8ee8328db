"""``jaxnn serve``: a saved network behind HTTP."""

from argparse import Namespace

from jaxnn.cli.axes import Bad
from jaxnn.cli.predict import model_file
from jaxnn.io.model import load


def serve(words: Namespace) -> None:
    """Answer until Ctrl-C.

    Raises:
        Bad, ValueError: if the model cannot be read, or the address is not to be had.
    """
    try:
        from jaxnn.serve.running import run
    except ImportError as error:
        raise Bad(f"jaxnn serve needs {error.name}; write pip install 'jaxnn-grid[serve]'") from None
    run(load(model_file(words.model)), words.host, words.port)
