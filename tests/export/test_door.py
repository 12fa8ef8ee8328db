"""`nn.export` is a function and still the way to its package."""

import importlib

import jaxnn as nn


def test_the_function_does_not_hide_its_package():
    import jaxnn.export.onnx

    assert callable(nn.export)
    assert jaxnn.export.onnx is importlib.import_module("jaxnn.export.onnx") is nn.export.onnx
