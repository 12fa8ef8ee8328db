"""A saved network in other formats, from the shell."""

import numpy as np
import pytest

import jaxnn as nn
from jaxnn.cli import entry, main
from jaxnn.export.onnx import runs
from tests.export.cases import close, floats, model_of, module

X = floats(4)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a model in it, where the command runs."""
    monkeypatch.setattr(entry, "configure", lambda **settings: None)
    monkeypatch.chdir(tmp_path)
    model = model_of(nn.mlp((8,), out=3), X, "softmax_cross_entropy")
    model.save("model.safetensors")
    return model


def test_the_file_lies_here_under_the_name_of_the_model(folder, tmp_path, capsys):
    assert main(["export", "."]) == 0
    assert capsys.readouterr().err == "onnx written to model.onnx\n"
    close(runs(tmp_path / "model.onnx")(x=X)["probabilities"], folder.predict_proba(X))


def test_the_flags_are_those_of_the_function(folder, tmp_path):
    words = ["--to", "numpy", "--out", "net.py", "--output", "predictions"]
    assert main(["export", "model.safetensors", *words]) == 0
    np.testing.assert_array_equal(module(tmp_path / "net.py").answer(X), folder.predict(X))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "keras"], "--to: 'keras' is none of stablehlo, onnx, numpy, tflite"),
        (["--output", "logits"], "output must be one of"),
        (["--batch", "0"], "--batch"),
    ],
)
def test_bad_words_are_told_in_one_sentence(words, told, capsys):
    assert main(["export", "model.safetensors", *words]) == 2
    assert told in capsys.readouterr().err


def test_a_model_that_is_not_there_is_told(capsys):
    assert main(["export", "nowhere.safetensors"]) == 2
    assert capsys.readouterr().err == "jaxnn: there is no file nowhere.safetensors\n"
