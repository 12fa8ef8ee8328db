"""A model as one StableHLO program, which any process with JAX runs on any platform it was written for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
from jax import export as jax_export

from jaxnn.core.files import replace
from jaxnn.core.plain import plain_operations
from jaxnn.export.forward import Forward

PLATFORMS = ("cpu", "cuda", "tpu")
KNOWN = (*PLATFORMS, "rocm")
RECIPE = """\
import jax, jax.export
program = jax.export.deserialize(bytearray(open({file!r}, "rb").read()))
answer = jax.jit(program.call)(x)
"""
"""How a process without jaxnn uses the file; it stands in the JSON beside it."""


def write(made: Forward, path: Path, platforms: Sequence[str] = PLATFORMS) -> None:
    """Write the program, and ``about`` beside it as ``path.json``.

    Raises:
        ValueError: for an unknown platform.
        ImportError: without the package ``flatbuffers``.
    """
    platforms = (platforms,) if isinstance(platforms, str) else tuple(platforms)
    if not platforms or not {*platforms} <= {*KNOWN}:
        raise ValueError(f"platforms must be some of {', '.join(map(repr, KNOWN))}, got {platforms}; write {PLATFORMS}")
    try:
        import flatbuffers  # noqa: F401  which jax.export needs and does not bring along
    except ImportError:
        raise ImportError('this needs the package flatbuffers; write pip install "jaxnn-grid[export]"') from None
    about = made.about | {"platforms": list(platforms), "call": RECIPE.format(file=path.name)}
    data = program(made, platforms).serialize()
    replace(path.with_name(f"{path.name}.json"), json.dumps(about, indent=1).encode())
    replace(path, data)


def program(made: Forward, platforms: Sequence[str]) -> Any:
    """The `jax.export.Exported` of a model, its weights inside."""
    with plain_operations():
        return jax_export.export(jax.jit(lambda x: made.function(made.weights, x)), platforms=platforms)(made.x)
