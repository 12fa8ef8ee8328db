"""Devices that are not here: an H200 and a chip of a v5e, where their compilers are installed.

JAX_PLATFORMS=cpu python -m pytest -q tests/elsewhere
"""

import sys
from pathlib import Path

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from elsewhere_devices import LIBRARY, devices, missing


@pytest.fixture(scope="session", params=["h200", "v5e"])
def device(request):
    """One device to compile for."""
    lacking = missing(request.param)
    if lacking is not None:
        pytest.skip(f"{lacking} is not installed; bench/elsewhere_devices.py says how to")
    if jax.config.jax_platforms != "cpu":
        pytest.skip("the plugin looks for a GPU where nobody tells it not to; write JAX_PLATFORMS=cpu pytest ...")
    return devices(request.param)[0]


@pytest.fixture(scope="session")
def compiled():
    """``compiled(program, device)`` is what XLA makes of a `Lowered`; none is kept on disk, where none can be read."""
    before = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    yield lambda program, device: program.compile(LIBRARY.get(device.platform))
    jax.config.update("jax_enable_compilation_cache", before)
    compilation_cache.reset_cache()
