"""A model as a TF Lite file, by the converter of LiteRT, from the StableHLO program of a CPU.

The package ``litert-converter`` is before its first release and brings 70 MB along, so it is in no extra of this one.
"""

import json
from pathlib import Path
from typing import Any

from jaxnn.core.files import replace
from jaxnn.export.forward import Forward
from jaxnn.export.stablehlo import program


def write(made: Forward, path: Path) -> None:
    """Write the file, with one signature that names inputs and outputs, and ``about`` beside it as ``path.json``.

    The number of rows is fixed, 1 unless ``batch`` says so.

    Raises:
        ValueError: for an operation that the converter cannot write; version 0.5 writes no loop, so that recurrent
            layers and blocks that are scanned have no form.
        ImportError: without the package ``litert-converter``.
    """
    data = converted(made)
    replace(path.with_name(f"{path.name}.json"), json.dumps(made.about, indent=1).encode())
    replace(path, data)


def converted(made: Forward) -> bytes:
    """The bytes of the file."""
    try:
        from litert_converter import converter_api_ext as converter  # pyright: ignore[reportMissingImports]
        from litert_converter.mlir import ir, passmanager  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise ImportError(
            'this needs the package litert-converter; write pip install litert-converter flatbuffers, or export "onnx"'
        ) from None
    text = program(made, ("cpu",)).mlir_module()
    if " stablehlo.while(" in text:
        raise ValueError('LiteRT\'s converter writes no loops over time or depth; write "onnx" or "stablehlo"')
    context: Any = ir.Context()
    converter.prepare_mlir_context(context)
    try:
        with context, ir.Location.unknown():
            module = ir.Module.parse(text)
            (main,) = [op for op in module.body.operations if op.name.value == "main"]
            names = [[part["name"] for part in made.about[end]] for end in ("inputs", "outputs")]
            converter.set_signature(main.operation, "serving_default", *names)
            converter.run_convert_to_tfl_passes(module, passmanager.PassManager(), converter.ConvertToTFLConfig())
            return converter.export_flatbuffer_to_bytes(module.operation)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:300]
        raise ValueError(f'TF Lite has no form of this model ({reason}); write "onnx" or "stablehlo"') from error
