"""Weights brought together layer by layer, on eight devices in a process of their own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = os.path.join(tempfile.gettempdir(), "jaxnn-test-cache")


def test_values_gradients_and_what_is_gathered_on_eight_devices():
    script = Path(__file__).with_name("mesh_8.py")
    env = {
        **os.environ,
        "PYTHONPATH": str(script.parents[2]),
        "JAX_PLATFORMS": "cpu",
        "JAX_NUM_CPU_DEVICES": "8",
        "JAX_COMPILATION_CACHE_DIR": CACHE,
    }
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300, env=env)
    assert done.returncode == 0 and "all is well" in done.stdout, done.stderr[-3000:]
