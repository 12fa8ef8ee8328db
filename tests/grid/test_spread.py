"""One network over many devices, in processes of their own that have eight virtual ones."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import optax
import pytest

import jaxnn as nn
from jaxnn.grid.spread import Spread, rules_of

PARTS = Path(__file__).with_name("spread_8.py")


def _environment():
    """Strict as here, with the programs compiled before."""
    cache: str = jax.config.jax_compilation_cache_dir
    return {**os.environ, "JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_NUMPY_DTYPE_PROMOTION": "strict", "JAX_NUMPY_RANK_PROMOTION": "raise"}  # fmt: skip


@pytest.mark.parametrize("part", ["gpt", "rows", "members", "checkpoints", "compiled", "refused", "planned"])
def test_on_eight_devices(part, tmp_path):
    given = [tmp_path] if part in ("checkpoints", "planned") else []
    done = subprocess.run([sys.executable, "-W", "error", PARTS, part, *given], capture_output=True, text=True,
                          timeout=600, env=_environment())  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


def test_in_two_processes(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    calls = [[sys.executable, PARTS, "process", str(i), str(port), tmp_path] for i in range(2)]
    both = [subprocess.Popen(call, stderr=subprocess.PIPE, text=True, env=_environment()) for call in calls]
    try:
        errors = [process.communicate(timeout=300)[1] for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], "\n".join(error[-2000:] for error in errors)


def test_a_plan_says_how_a_member_is_spread():
    assert nn.Plan().spread is None and nn.Plan(2, 1).spread is None and nn.Plan(data=1).each == 1
    assert nn.Plan(data=4, model=2).each == 8 and "data=4, model=2" in repr(nn.Plan(data=4, model=2))
    assert nn.Plan(data=2).tolerance == 1e-4 and "2 data" in str(nn.Plan(data=2))
    one = jax.devices()[:1]
    assert nn.Plan(on=tuple(one)).mesh.axis_names == ("member", "data", "model")
    mesh = nn.Plan(on=tuple(one)).mesh
    assert not Spread(mesh).splits and Spread(mesh, *rules_of("fully")).splits


def test_more_devices_than_there_are_are_refused():
    line = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
    with pytest.raises(ValueError, match=r"does not fit .* device\(s\); write Plan\(data="):
        nn.fit(line, ([[1.0]], [1.0]), epochs=1, plan=nn.Plan(data=len(jax.devices()) + 1))
