"""The page that shows Keras and jaxnn side by side: both halves run, and ours is no longer and no other network."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DATA, *HALVES = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "side_by_side.md").read_text(), re.DOTALL)
PAIRS = dict(zip(("lenet", "tagger", "transformer"), zip(HALVES[::2], HALVES[1::2], strict=True), strict=True))
SIZES = {  # parameters by hand, kernels and biases in order
    "lenet": 156 + 2416 + 48_120 + 10_164 + 850,
    "tagger": 800 + 2 * 4 * ((16 + 32) * 32 + 32) + 64 * 5 + 5,
    "transformer": 50 * 32 + 12 * 32 + 2 * (2 * 64 + 4 * (32 * 32 + 32) + 128 * 33 + 32 * 129) + 66,
}


def lines(half):
    """The lines of code of a half."""
    return [line for line in half.splitlines() if line.strip() and not line.startswith("#")]


def run(half, after):
    """Run a half in a process of its own, as a user would, on the data of the page."""
    short = DATA + half.replace("epochs=5", "epochs=1") + after
    subprocess.run(
        [sys.executable, "-c", short],
        check=True,
        timeout=300,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize("name", PAIRS)
def test_ours_needs_no_more_lines(name):
    keras, ours = map(lines, PAIRS[name])
    assert (PAIRS[name][0].startswith("# Keras"), PAIRS[name][1].startswith("# jaxnn")) == (True, True)
    assert max(map(len, keras + ours)) <= 120
    assert len(ours) <= len(keras), f"{len(ours)} lines, and Keras needs {len(keras)}"


@pytest.mark.parametrize("name", PAIRS)
def test_our_half_runs(name):
    shape = {"tagger": "(64, 12)"}.get(name, "(64,)")
    run(
        PAIRS[name][1],
        f"""
import jax
assert sum(p.size for p in jax.tree.leaves(run.params)) == {SIZES[name]}, jax.tree.map(lambda p: p.shape, run.params)
assert predicted.shape == {shape}, predicted.shape
""",
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.skipif(find_spec("keras") is None, reason="keras is not installed")
def test_the_half_of_keras_runs_and_is_the_same_network(name):
    run(
        PAIRS[name][0],
        f"""
count = sum(int(np.prod(w.shape)) for w in model.trainable_weights)
assert count == {SIZES[name]}, (count, [(w.path, w.shape) for w in model.trainable_weights])
""",
    )
