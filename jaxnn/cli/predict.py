"""``jaxnn predict``: a saved network on new rows."""

import csv
import io
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn.cli.axes import Bad
from jaxnn.core.files import replace
from jaxnn.core.records import OF_CHANCES
from jaxnn.data import tables
from jaxnn.data.datasets import load as load_data
from jaxnn.io.model import load
from jaxnn.train.result import Run


def predict(words: Namespace) -> None:
    """Write a table of predictions to ``--out`` or the standard output; remarks go to the standard error.

    Raises:
        Bad, ValueError: if the model cannot be read, or the rows do not fit it.
    """
    run = load(model_file(words.model))
    if not isinstance(run, Run):
        raise Bad(f"{words.model} holds an ensemble; write nn.load(path).predict(x) in Python, or give one model")
    if tables.is_table(words.data):
        x, truth, index = _from_table(run, words)
    else:
        (x, truth), index = _from_name(run, words), {}
    table, predicted = _predictions(run, x)
    table = index | table
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*table.values(), strict=True))
    if words.out is None:
        sys.stdout.write(text.getvalue())
        sys.stdout.flush()
    else:
        if Path(words.out).is_dir():
            raise Bad(f"{words.out} is a folder; write a file, as in --out predictions.csv")
        replace(words.out, text.getvalue().encode())
        _remark(f"{len(x)} predictions written to {words.out}")
    if truth is not None:
        _remark(_told(predicted, truth))


def model_file(path: str) -> Path:
    """The file of a model, which may be given by its folder.

    Raises:
        Bad: for a folder without one.
    """
    if not Path(path).is_dir():
        return Path(path)
    for name in ("winner.safetensors", "model.safetensors"):
        if (Path(path) / name).is_file():
            return Path(path) / name
    raise Bad(f"the folder {path} holds no winner.safetensors and no model.safetensors; give the path of a model")


def _from_table(run: Run, words: Namespace) -> tuple[Any, Any, dict[str, list]]:
    """The features of a file in the order of the model, what was to be predicted, if it is known, and the index."""
    path, target = words.data, words.target
    frame = tables.read(path)
    column = None if target is None else tables.pick(frame, target, path)
    index = {} if words.index is None else {words.index: tables.pick(frame, words.index, path).tolist()}
    if run.features is None:
        rest = frame.drop(columns=[name for name in (target, words.index) if name is not None])
    else:
        missing = [name for name in run.features if name not in frame.columns]
        if missing:
            raise Bad(
                f"{path} lacks {len(missing)} of the {len(run.features)} columns that the model was trained on "
                f"({', '.join(missing[:5])}); it has {tables.listed(frame.columns)}"
            )
        rest = frame[list(run.features)]
        unused = [name for name in frame.columns if name not in (*run.features, target, words.index)]
        if unused:
            _remark(f"columns that the model does not use: {tables.listed(unused)}")
    x = tables.numbers(rest, path) if run.prepare is None else rest
    _check_width(run, x, path)
    if column is None:
        return x, None, index
    tables.missing(column, path)
    if run.model.task == "values":
        return x, tables.numbers(column.to_frame(), path)[:, 0], index
    return x, _known(run, [str(value) for value in column], f"{target} of {path}"), index


def _from_name(run: Run, words: Namespace) -> tuple[Any, Any]:
    if words.target is not None or words.index is not None:
        raise Bad(f"{words.data} has its own target and no index; leave --target and --index out")
    data = load_data(words.data)
    if run.features is not None and run.features != data.features:
        raise Bad(f"the model was trained on the features {', '.join(run.features[:5])}, ..., which {data.name} lacks")
    _check_width(run, data.x, data.name)
    if (run.model.task == "values") != (data.classes is None):
        return data.x, None
    if data.classes is None:
        return data.x, data.y
    return data.x, _known(run, [data.classes[code] for code in data.y], data.name)


def _check_width(run: Run, x: Any, where: str) -> None:
    if (
        run.standardiser is not None
        and not isinstance(run.standardiser.mean, dict)
        and run.standardiser.mean.shape != x.shape[1:]
    ):
        raise Bad(
            f"{where} has {x.shape[1]} columns of features and the model was trained on "
            f"{'x'.join(map(str, run.standardiser.mean.shape))}; give the same columns, and the target by --target"
        )


def _known(run: Run, names: list[str], where: str) -> list[str]:
    classes = _classes(run)
    for row, name in enumerate(names if classes else []):
        if name not in classes:
            raise Bad(
                f"{where} holds {name!r} in row {row + 1}, which is none of the classes {', '.join(classes[:12])}"
            )
    return names


def _classes(run: Run, count: int = 0) -> Sequence[str]:
    return [str(name) for name in run.classes or range(count)]


def _predictions(run: Run, x: np.ndarray) -> tuple[dict[str, list], Any]:
    """The columns of the table, and what is compared with the truth."""
    if run.model.task not in OF_CHANCES:
        values = np.asarray(run.predict(x))
        columns = values[:, None] if values.ndim == 1 else values
        names = ["prediction"] if values.ndim == 1 else [f"prediction_{i}" for i in range(columns.shape[1])]
        return {n: [f"{v:.8g}" for v in column] for n, column in zip(names, columns.T, strict=True)}, values
    chances = run.predict_proba(x)
    classes = _classes(run, chances.shape[1])
    chosen = [classes[code] for code in chances.argmax(axis=1)]
    columns = {f"p_{name}": [f"{p:.6g}" for p in chances[:, i]] for i, name in enumerate(classes)}
    return {"prediction": chosen, **columns}, chosen


def _told(predicted: Any, truth: Any) -> str:
    if isinstance(truth, list):
        return f"accuracy {np.mean([a == b for a, b in zip(predicted, truth, strict=True)]):.4f} on {len(truth)} rows"
    error = truth - np.asarray(predicted, np.float64)
    told = f"mean absolute error {np.mean(np.abs(error)):.6g} on {len(truth)} rows"
    return told if np.var(truth) == 0 else f"r2 {1 - np.mean(error**2) / np.var(truth):.4f}, {told}"


def _remark(text: str) -> None:
    print(text, file=sys.stderr)
