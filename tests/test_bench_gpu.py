"""``bench/gpu.py`` on a CPU, with sizes that tell nothing: each table is there, and one that fails costs no other."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results" / "gpu.json"


def bench(out, *words):
    before = RESULTS.read_bytes() if RESULTS.exists() else None
    environment = {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": os.path.join(tempfile.gettempdir(), "jaxnn-test-cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    done = subprocess.run(
        [sys.executable, ROOT / "bench" / "gpu.py", "--tiny", "--out", out, *words],
        capture_output=True, text=True, timeout=500, env=environment, cwd=ROOT,
    )  # fmt: skip
    assert (RESULTS.read_bytes() if RESULTS.exists() else None) == before, "a tiny look wrote over a machine's results"
    return done, json.loads(out.read_text())


@pytest.mark.slow
def test_every_table_is_made_on_a_cpu(tmp_path):
    done, found = bench(tmp_path / "gpu.json")
    assert done.returncode == 0, done.stdout + done.stderr
    tables = [name for name in found if name not in ("machine", "tiny")]
    assert tables == ["member", "digits", "peers", "gpt2", "attention", "compile"] and found["tiny"]
    for name in tables:
        assert f"**{name}: " in done.stdout and "error" not in found[name], found[name]
    assert all(row["within"] == "True" and row["off by"] <= row["tolerance"] for row in found["member"]["rows"])
    for row in found["digits"]["rows"]:
        assert row["microseconds of a step"] > 0 and row["least by bandwidth"] is None  # of a CPU nothing is known
    assert [row["members"] for row in found["digits"]["rows"]] == [1, 3]
    assert found["gpt2"]["rows"][0]["tokens a second"] > 0 and 3 < found["gpt2"]["rows"][0]["loss"] < 5
    ours = {row["by"]: row for row in found["attention"]["rows"]}
    assert ours["xla"]["milliseconds"] > 0 and "cuDNN" in ours["cudnn"]["failed"]
    assert found["compile"]["rows"][0]["compiling, s"] > 0
    assert found["peers"]["note"].startswith("PyTorch")


def test_what_fails_costs_no_other_table_and_the_status_says_so(tmp_path):
    done, found = bench(tmp_path / "gpu.json", "--only", "nothing", "attention")
    assert done.returncode == 1
    assert "there is no table 'nothing'; write --only member digits" in found["nothing"]["error"]
    assert found["attention"]["rows"][0]["milliseconds"] > 0
    assert "error: ended with 1" in done.stdout and "| tokens |" in done.stdout


def test_the_budget_is_kept(tmp_path):
    done, found = bench(tmp_path / "gpu.json", "--only", "digits", "gpt2", "--budget", "1")
    assert done.returncode == 1
    assert {found[name]["error"] for name in ("digits", "gpt2")} == {"no time was left; write a larger --budget"}


def test_the_least_of_a_step_is_that_of_the_machines_page():
    """1,024 members: 0.58 GB, 0.12 ms at the 4.8 TB/s of an H200; the weights are those of the spec."""
    code = (
        "import jax, jaxnn as nn, numpy as np; from gpu_population import least_bytes;"
        "p, _ = jax.eval_shape(nn.mlp((100, 100), out=10).init, jax.random.key(0), np.ones((1, 64), np.float32));"
        "print(least_bytes(1024), 32 * 1024 * sum(a.size for a in jax.tree.leaves(p)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "bench")])}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, env=environment)
    least, wanted = map(int, said.stdout.split())
    assert least == wanted and round(least / 1e9, 2) == 0.58
