"""StableHLO programs answer in a process that has JAX alone."""

import json
import subprocess
import sys

import jax
import numpy as np
import pytest

import jaxnn as nn
from tests.export.cases import ROWS, close, floats, made, model_of

NAMES = ("mlp", "lenet", "lstm with a mask", "encoder of ids")
ALONE = """
import json, sys, numpy
for name in sys.argv[1:]:
    about = json.load(open(name + ".stablehlo.json"))
    rows = numpy.load(name + ".npz")
    for n in (1, 5, 100):
        x = tuple(rows[key][:n] for key in rows.files)
        x = x if len(x) > 1 else x[0]
        exec(about["call"])
        numpy.save(f"{name}-{n}.npy", answer)
assert "jaxnn" not in sys.modules
"""


def test_a_process_with_jax_alone_answers_as_the_model(tmp_path):
    files = {name: name.replace(" ", "_") for name in NAMES}
    for name, file in files.items():
        model, x, _ = made(name)
        nn.export(model, "stablehlo", tmp_path / f"{file}.stablehlo", output="outputs")
        np.savez(tmp_path / f"{file}.npz", *jax.tree.leaves(x))
    words = [sys.executable, "-c", ALONE, *files.values()]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for name, file in files.items():
        for rows in (1, 5, ROWS):
            close(np.load(tmp_path / f"{file}-{rows}.npy"), made(name)[2][:rows])


def test_the_program_is_for_the_platforms_named_and_any_number_of_rows(tmp_path):
    path = nn.export(model_of(nn.Dense(2), floats(4)), "stablehlo", tmp_path / "model", platforms=("cuda", "tpu"))
    program = jax.export.deserialize(bytearray(path.read_bytes()))
    assert program.platforms == ("cuda", "tpu")
    assert str(program.in_avals[0].shape) == "(batch, 4)"
    assert json.loads((tmp_path / "model.stablehlo.json").read_text())["platforms"] == ["cuda", "tpu"]


def test_a_fixed_number_of_rows(tmp_path):
    path = nn.export(model_of(nn.Dense(2), floats(4)), "stablehlo", tmp_path / "model.stablehlo", batch=7)
    assert jax.export.deserialize(bytearray(path.read_bytes())).in_avals[0].shape == (7, 4)


@pytest.mark.parametrize("platforms", [("gpu",), (), "metal"])
def test_an_unknown_platform_is_refused(platforms, tmp_path):
    with pytest.raises(ValueError, match=r"platforms must be some of 'cpu', 'cuda', 'tpu', 'rocm'"):
        nn.export(model_of(nn.Dense(2), floats(4)), "stablehlo", tmp_path / "model.stablehlo", platforms=platforms)


def test_a_convolution_is_a_convolution(tmp_path):
    path = nn.export(made("lenet")[0], "stablehlo", tmp_path / "model.stablehlo", platforms="cpu")
    text = jax.export.deserialize(bytearray(path.read_bytes())).mlir_module()
    assert text.count(" = stablehlo.convolution(") == 2
