"""Models of other libraries under this one's protocol; each library is imported by the one file named after it.

``nn.interop.flax`` is imported when it is first asked for, and Flax with it.
"""

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    if name == "flax":
        return importlib.import_module("jaxnn.interop.flax")
    raise AttributeError(f"jaxnn.interop holds flax, not {name!r}")
