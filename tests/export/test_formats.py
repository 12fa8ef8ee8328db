"""The door: formats, paths, and files that are whole or not there."""

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.export.onnx import runs
from tests.export.cases import close, floats, model_of, module

X = floats(4)
MODEL = model_of(nn.mlp((8,), out=3), X, "softmax_cross_entropy", classes=("a", "b", "c"))


@pytest.mark.parametrize(("to", "name"), [("onnx", "net.onnx"), ("stablehlo", "net.stablehlo"), ("numpy", "net.py")])
def test_the_suffix_is_added_and_the_path_comes_back(to, name, tmp_path):
    path = nn.export(MODEL, to, tmp_path / "new" / "net")
    assert path == tmp_path / "new" / name and path.is_file()


def test_an_unknown_format_is_told():
    with pytest.raises(ValueError, match="there is no format 'keras'; write one of 'stablehlo', 'onnx', 'numpy'"):
        nn.export(MODEL, "keras", "net.keras")


@pytest.mark.parametrize("path", [None, "", 3])
def test_a_missing_path_is_told(path):
    with pytest.raises(ValueError, match=r'write where the file goes, as in path="model.onnx"'):
        nn.export(MODEL, "onnx", path)


def test_a_folder_and_a_place_that_cannot_be_written_are_told(tmp_path):
    with pytest.raises(ValueError, match="is a folder; write a file in it"):
        nn.export(MODEL, "onnx", tmp_path)
    (tmp_path / "file").write_text("here")
    with pytest.raises(ValueError, match=r"cannot be written .*; write another path"):
        nn.export(MODEL, "onnx", tmp_path / "file" / "net.onnx")


def test_all_formats_give_the_same(tmp_path):
    graph = runs(nn.export(MODEL, "onnx", tmp_path / "net"))(x=X)["probabilities"]
    file = module(nn.export(MODEL, "numpy", tmp_path / "net"))
    close(graph, MODEL.predict_proba(X))
    close(file.answer(X), MODEL.predict_proba(X))
    assert file.ABOUT["outputs"][0]["classes"] == ["a", "b", "c"]


def test_an_old_file_stays_until_the_new_one_is_whole(tmp_path, monkeypatch):
    path = nn.export(MODEL, "onnx", tmp_path / "net.onnx")
    before = path.read_bytes()
    monkeypatch.setattr("os.fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(ValueError, match="No space left on device"):
        nn.export(model_of(nn.Dense(3), X), "onnx", path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_a_member_of_a_grid_and_its_ensemble(tmp_path):
    import optax

    def line(lr):
        return nn.Trial(nn.Dense(3), "softmax_cross_entropy", optax.adam(lr))

    data = X, np.arange(len(X)) % 3
    found = nn.grid(line, data, dict(lr=[0.01, 0.1]), epochs=2, standardise=True, progress=False)
    for run in (found.best("loss"), found.top(2, "loss").ensemble()):
        answer = runs(nn.export(run, "onnx", tmp_path / "net"))
        close(answer(x=X)["probabilities"], run.predict_proba(X))
    with pytest.raises(ValueError, match=r"a Runs is no trained model; write .*runs.best\(\)"):
        nn.export(found, "onnx", tmp_path / "net")
