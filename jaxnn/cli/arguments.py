"""The command line's words: five commands, their flags, and help that teaches."""

import argparse
from collections.abc import Callable
from typing import Any, NoReturn

from jaxnn.cli import axes
from jaxnn.cli.axes import Bad
from jaxnn.core.precision import NAMED
from jaxnn.data import named, playground
from jaxnn.export.formats import FORMATS

PLANS = ("auto", "map", "vmap")
TASKS = ("classification", "regression")

DATA = f"""\
DATA is a name or a file:
  {", ".join(named.SETS)}   (need pip install 'jaxnn-grid[data]')
  {", ".join(playground.SETS)}   (drawn; --noise 0.1 blurs them)
  table.csv, table.parquet   with --target COLUMN; all other columns are features, but for --drop and --index
Numbers are scaled, text becomes a column of 0 and 1 for each category, dates become days, gaps are filled and marked.
A target of text, truth values or at most 20 whole numbers is a classification, other numbers are a regression.
"""

AXES = """\
An axis is a flag with several values; the grid trains every combination of them:
  --lr 0.1,0.01,0.001        three values
  --lr 1e-4:1e-1:8           eight values from 1e-4 to 1e-1, even in the logarithm
  --l2 0,1e-5:1e-3:3         four values
  --hidden 100,100/64/none   three structures: two hidden layers of 100, one of 64, a linear model
  --seeds 4                  each combination four times, from other first weights
Numbers ride inside one compiled program: a thousand of them compile no longer than one. Each structure
(--hidden, --activation, --batch-norm, --batch-size) is a program of its own.
"""

GRID = f"""\
Train one network for every combination of the axes, as one compiled program, and show the best.

{DATA}
{AXES}
A test part (--test) is set aside first; no network sees it. A validation part (--validation) of the rest stops
each network early, keeps its best weights, and chooses the winner; the test part then scores the winner once.
Into the folder --out go results.csv (a row for each network), curves.png, heatmap.png (of the two axes with the
most numbers) and winner.safetensors, which jaxnn predict uses. The loss of a regression is in variances of the target.
With --folds 5 each combination is trained once for each fold; the best mean wins and is trained again on all rows.
With --search halving all begin, and the best third goes on for three times as long, and so on: an eighth of the work.
With --folder every few seconds all networks are written as far as they came; after a kill the same line goes on.

Examples:
  jaxnn grid digits
  jaxnn grid digits --lr 1e-4:1e-1:16 --l2 0 --hidden 64/128,128 --seeds 4
  jaxnn grid spiral --noise 0.1 --hidden 8/16,16 --activation relu,tanh
  jaxnn grid houses.csv --target price --epochs 100
  jaxnn grid digits --folds 5 --seeds 1
  jaxnn grid digits --search halving --lr 1e-4:1e-1:64
  jaxnn grid digits --folder runs             killed? the same line goes on, or jaxnn grid digits --resume runs
  srun jaxnn grid digits --folder runs --distributed
"""

FIT = f"""\
Train one network.

{DATA}
Into the folder --out go history.csv (a row for each epoch), curves.png and model.safetensors, which jaxnn predict uses.

Examples:
  jaxnn fit digits
  jaxnn fit houses.csv --target price --lr 3e-3 --hidden 64,64 --epochs 200
"""

PREDICT = """\
Use a saved network on new rows, and write a table of predictions: for a classification the class and the probability
of each class, for a regression the value.

MODEL is a file such as winner.safetensors, or the folder it lies in. DATA is a table with the columns that the
network was trained on, in any order; other columns are left out. If the target is among them, --target COLUMN
scores the predictions.

Examples:
  jaxnn predict jaxnn-houses/winner.safetensors new.csv --out predictions.csv
  jaxnn predict jaxnn-digits digits > predictions.csv
"""


SERVE = """\
Answer for a saved network over HTTP, until Ctrl-C. Requests that come while it is busy are answered together.

MODEL is a file such as winner.safetensors, or the folder it lies in. GET / describes it and shows a request.

Examples:
  jaxnn serve jaxnn-digits/winner.safetensors
  curl localhost:8000/predict -d '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
"""


EXPORT = """\
Write a saved network for a process that has no jaxnn: preparation, scaling, weights and probabilities in one file.

MODEL is a file such as winner.safetensors, or the folder it lies in. Formats: onnx (ONNX Runtime, TensorRT; needs pip
install 'jaxnn-grid[onnx]'), stablehlo (any process with JAX; 'jaxnn-grid[export]'), numpy (a readable file of Python),
tflite (needs pip install litert-converter).

Examples:
  jaxnn export jaxnn-digits --to onnx
  jaxnn export jaxnn-houses/winner.safetensors --to numpy --out price.py
"""


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` that raises `Bad` instead of printing its usage and ending the process."""

    def error(self, message: str) -> NoReturn:
        """Turn what argparse found into one sentence."""
        raise Bad(f"{message}; see {self.prog} --help")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line.

    Args:
        argv: the words after the program's name; None takes those of the process.

    Returns:
        A namespace with ``command`` and the flags; those of axes are lists.

    Raises:
        Bad: for words that cannot be understood.

    Example:
        >>> parse(["grid", "digits", "--lr", "1e-3:1e-1:3"]).lr
        [0.001, 0.01, 0.1]
    """
    parser = Parser(
        prog="jaxnn",
        description="Neural networks on JAX: one fit, or hundreds in one program.",
        epilog="jaxnn grid --help explains axes and data. The shortest start: jaxnn grid digits",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    grid = _command(commands, "grid", "train a grid of networks and show the best", GRID)
    fit = _command(commands, "fit", "train one network", FIT)
    predict = _command(commands, "predict", "use a saved network on new rows", PREDICT)
    export = _command(commands, "export", "write a saved network for other runtimes", EXPORT)
    for parser_of_data in (grid, fit):
        _data(parser_of_data)
    _add(grid, "--lr", axes.numbers("--lr", axes.POSITIVE), "1e-4:1e-1:8", "AXIS", "learning rates of Adam")
    _add(grid, "--l2", axes.numbers("--l2", axes.NOT_NEGATIVE), "0,1e-5:1e-3:3", "AXIS", "strengths of the L2 penalty")
    _add(grid, "--l1", axes.numbers("--l1", axes.NOT_NEGATIVE), "0", "AXIS", "strengths of the L1 penalty")
    _add(grid, "--dropout", axes.numbers("--dropout", axes.RATE), "0,0.2", "AXIS", "drop rates after hidden layers")
    _structure(grid, "AXIS")
    _add(grid, "--seeds", axes.count("--seeds"), "2", "N", "first weights for each combination")
    _training(grid)
    _add(
        grid,
        "--plan",
        _word("--plan", "auto", "map", "vmap"),
        "auto",
        "PLAN",
        "how networks share the machine: auto, map or vmap",
    )
    _add(grid, "--folds", axes.count("--folds", 2), None, "K", "compare over K folds, in the place of --validation")
    _add(
        grid,
        "--search",
        _word("--search", "halving"),
        None,
        "SEARCH",
        "halving: only the best third goes on, thrice as long",
    )
    _add(grid, "--folder", str, None, "FOLDER", "where to write while it trains, and go on from after a kill")
    _add(grid, "--resume", str, None, "FOLDER", "go on from this folder, which must be there")
    grid.add_argument("--ray", action="store_true", help="train the parts of the grid as tasks of a Ray cluster")
    grid.add_argument(
        "--distributed",
        action="store_true",
        help="be one of the processes that srun, mpirun or a pod has started: each trains a part of the grid",
    )
    _add(fit, "--lr", _one(axes.numbers("--lr", axes.POSITIVE)), "1e-3", "RATE", "learning rate of Adam")
    _add(fit, "--l2", _one(axes.numbers("--l2", axes.NOT_NEGATIVE)), "1e-4", "STRENGTH", "strength of the L2 penalty")
    _add(fit, "--l1", _one(axes.numbers("--l1", axes.NOT_NEGATIVE)), "0", "STRENGTH", "strength of the L1 penalty")
    _add(fit, "--dropout", _one(axes.numbers("--dropout", axes.RATE)), "0", "RATE", "drop rate after hidden layers")
    _structure(fit, "VALUE")
    _add(fit, "--seed", axes.count("--seed", 0), "0", "N", "of the first weights and the dropout")
    _training(fit)
    serve = _command(commands, "serve", "answer for a saved network over HTTP", SERVE)
    serve.add_argument("model", metavar="MODEL", help="a .safetensors file, or the folder of a fit or a grid")
    _add(serve, "--host", str, "127.0.0.1", "ADDRESS", "of this machine; 0.0.0.0 hears everybody")
    _add(serve, "--port", axes.count("--port", 0), "8000", "N", "0 for any that is free")
    predict.add_argument("model", metavar="MODEL", help="a .safetensors file, or the folder of a fit or a grid")
    predict.add_argument("data", metavar="DATA", help="a .csv or .parquet file, or a named data set")
    _add(predict, "--target", str, None, "COLUMN", "column to score the predictions against")
    _add(predict, "--index", str, None, "COLUMN", "column that names the rows, put before the predictions")
    _add(predict, "--out", str, None, "FILE", "where to write the predictions (default: print them)")
    export.add_argument("model", metavar="MODEL", help="a .safetensors file, or the folder of a fit or a grid")
    _add(export, "--to", _word("--to", *FORMATS), "onnx", "FORMAT", f"one of {', '.join(FORMATS)}")
    _add(export, "--out", str, None, "FILE", "where to write it (default: the model's name, here)")
    _add(
        export, "--output", str, None, "WHAT", "outputs, probabilities or predictions (default: probabilities, if any)"
    )
    _add(export, "--batch", axes.count("--batch"), None, "N", "a fixed number of rows (default: any)")
    return parser.parse_args(argv)


def _command(commands: Any, name: str, short: str, long: str) -> argparse.ArgumentParser:
    return commands.add_parser(
        name, help=short, description=long, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def _add(parser: Any, flag: str, read: Any, default: str | None, metavar: str, text: str) -> None:
    """A flag whose value ``read`` turns from text into what it means, the default included."""
    shown = f"{text} (default: {default})" if default is not None else text
    parser.add_argument(flag, type=read, default=default, metavar=metavar, help=shown)


def _data(parser: Any) -> None:
    parser.add_argument("data", metavar="DATA", help="a named data set, or a .csv or .parquet file")
    _add(parser, "--target", str, None, "COLUMN", "the column of the file to predict")
    _add(
        parser,
        "--task",
        _word("--task", "classification", "regression"),
        None,
        "TASK",
        "classification or regression, where the target does not tell",
    )
    _add(parser, "--drop", axes.names("--drop"), None, "COLUMNS", "columns of the file that are no features: a,b")
    _add(parser, "--index", str, None, "COLUMN", "the column of the file that names the rows")
    _add(parser, "--noise", axes.number("--noise", axes.NOISE), None, "NOISE", "of the drawn sets, 0 to 0.5")
    _add(parser, "--test", axes.number("--test", axes.SHARE), "0.2", "SHARE", "rows set aside for the test")
    _add(
        parser,
        "--validation",
        axes.number("--validation", axes.SHARE),
        "0.2",
        "SHARE",
        "rows of the rest that choose",
    )
    _add(parser, "--split-seed", axes.count("--split-seed", 0), "0", "N", "draws the test and validation rows")
    _add(parser, "--metric", str, None, "NAME", "chooses the winner (default: accuracy, or r2; or loss, ...)")


def _structure(parser: Any, metavar: str) -> None:
    one = _one if metavar != "AXIS" else lambda read: read
    _add(parser, "--hidden", one(axes.structures("--hidden")), "100,100", metavar, "widths of the hidden layers")
    _add(parser, "--activation", one(axes.activations("--activation")), "relu", metavar, "of the hidden layers")
    _add(parser, "--batch-norm", one(axes.switch("--batch-norm")), "off", metavar, "off or on, in a grid also both")
    _add(parser, "--batch-size", one(axes.counts("--batch-size")), "32", metavar, "rows of a step")


def _training(parser: Any) -> None:
    _add(parser, "--epochs", axes.count("--epochs"), "40", "N", "passes over the training rows, at most")
    _add(parser, "--patience", axes.count("--patience", 0), "8", "N", "epochs without improvement; 0 never stops")
    _add(
        parser,
        "--precision",
        _word("--precision", *NAMED),
        None,
        "NAME",
        "float32, bfloat16 or float16, whose weights stay float32 (default: the platform's)",
    )
    _add(parser, "--out", str, None, "FOLDER", "where to write the results (default: jaxnn-DATA)")
    parser.add_argument("--quiet", action="store_true", help="print only errors")


def _one(read: Any) -> Any:
    def single(text: str) -> Any:
        values = read(text)
        if len(values) > 1:
            raise Bad(
                f"{text!r} is an axis of {len(values)} values, and jaxnn fit trains one network; write jaxnn grid"
            )
        return values

    return single


def _word(name: str, *words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise Bad(f"{name}: {text!r} is none of {', '.join(words)}; write {name} {words[0]}")
        return text

    return read
