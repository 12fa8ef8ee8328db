"""Writing a trained model in a format of others."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxnn.export import numpy, onnx, stablehlo, tflite
from jaxnn.export.forward import forward

FORMATS = {"stablehlo": ".stablehlo", "onnx": ".onnx", "numpy": ".py", "tflite": ".tflite"}
"""The formats, and how the names of their files end."""


def export(
    run: Any,
    to: str,
    path: str | os.PathLike,
    *,
    output: str | None = None,
    batch: int | None = None,
    platforms: Sequence[str] = stablehlo.PLATFORMS,
) -> Path:
    """Write a trained model for a process that has no jaxnn: preparation, scaling, weights and the reading of outputs.

    Numbers of rows stay open, and all is float32. What comes in are rows as `Run.predict` takes them, float32 or
    int32; masked sequences are two inputs, ``x`` and ``mask``. Of a model that was trained on a table of more than
    numbers, a row has a number for each column: a date is days since 1970-01-01, a text its place among the
    categories or -1 for another one, a gap NaN; the columns and their categories are in the JSON that goes along.

    - ``"stablehlo"``: a program of `jax.export`, for the platforms named, and ``path.json`` that says how to call it.
      It is a means of deployment: a later JAX reads it for months, an earlier one may not.
    - ``"onnx"``: a graph for ONNX Runtime, TensorRT and others; inputs, outputs and weights by readable names, the
      JSON in its metadata. Loops over time or depth are ``Scan``.
    - ``"numpy"``: a file of Python that needs only NumPy and reads like the formulas, and ``.npz`` beside it with the
      weights: for dense, convolutional and recurrent networks and transformers.
    - ``"tflite"``: by the converter of LiteRT, where the package ``litert-converter`` is installed; for ``batch`` rows
      at a time, or one.

    Args:
        run: a `Run`, a `Model`, a member of a grid as ``runs.best()``, or an ensemble.
        to: the format.
        path: of the file; its name ends in ``.stablehlo``, ``.onnx``, ``.py`` or ``.tflite``, which is added if it
            lacks. It appears when it is whole.
        output: ``"outputs"`` for what `Run.outputs` gives, such as logits, ``"probabilities"`` for those of
            `Run.predict_proba`, ``"predictions"`` for what `Run.predict` gives, classes as numbers; None for
            probabilities where there are some, and predictions elsewhere.
        batch: a fixed number of rows, for what cannot be traced for any; None leaves it open.
        platforms: those of a StableHLO program.

    Returns:
        The path that was written.

    Raises:
        ValueError: for an unknown format or output, a model that has no form in it, with the layer, or a path that
            cannot be written.
        ImportError: where a package is needed, with the line that installs it.

    Source: https://docs.jax.dev/en/latest/export/export.html, https://onnx.ai.

    Example:
        >>> import tempfile, numpy as np, jaxnn as nn
        >>> weights = {"kernel": np.ones((2, 1), np.float32), "bias": np.zeros(1, np.float32)}
        >>> model = nn.Model(nn.Dense(1), weights, {}, "squared_error", row=np.ones((1, 2), np.float32))
        >>> nn.export(model, "numpy", tempfile.mkdtemp() + "/line.py").name
        'line.py'
    """
    if to not in FORMATS:
        raise ValueError(f"there is no format {to!r}; write one of {', '.join(map(repr, FORMATS))}")
    place = _place(path, FORMATS[to])
    made = forward(run, output, 1 if to == "tflite" and batch is None else batch)
    try:
        if to == "stablehlo":
            stablehlo.write(made, place, platforms)
        else:
            {"onnx": onnx, "numpy": numpy, "tflite": tflite}[to].write(made, place)
    except OSError as error:
        raise ValueError(f"{place} cannot be written ({error.strerror or error}); write another path") from error
    return place


def _place(path: Any, suffix: str) -> Path:
    if not isinstance(path, (str, os.PathLike)) or not str(path):
        raise ValueError(f'path is {path!r}; write where the file goes, as in path="model{suffix}"')
    place = Path(path)
    if place.is_dir():
        raise ValueError(f'{place} is a folder; write a file in it, as in path="{place / f"model{suffix}"}"')
    return place if place.suffix == suffix else place.with_name(place.name + suffix)
