"""TF Lite: by the converter where it is installed, and a clear word where it is not."""

import importlib.util

import pytest

import jaxnn as nn
from tests.export.cases import close, floats, made, model_of, named

NAMES = ("mlp", "lenet", "encoder of ids", "gpt")
there = importlib.util.find_spec("litert_converter") is not None


@pytest.mark.skipif(there, reason="the converter is installed")
def test_without_the_converter_the_line_that_installs_it_is_told(tmp_path):
    with pytest.raises(ImportError, match="write pip install litert-converter"):
        nn.export(model_of(nn.Dense(2), floats(4)), "tflite", tmp_path / "model.tflite")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", NAMES)
def test_the_interpreter_answers_as_the_model(name, tmp_path):
    pytest.importorskip("litert_converter")
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    model, x, wanted = made(name)
    path = nn.export(model, "tflite", tmp_path / "model.tflite", output="outputs", batch=5)
    (found,) = interpreter.Interpreter(model_path=str(path)).get_signature_runner()(**named(model, x, 5)).values()
    close(found, wanted[:5])


def test_a_loop_is_refused(tmp_path):
    pytest.importorskip("litert_converter")
    with pytest.raises(ValueError, match=r"writes no loops over time or depth; write \"onnx\" or \"stablehlo\""):
        nn.export(made("lstm")[0], "tflite", tmp_path / "model.tflite")
