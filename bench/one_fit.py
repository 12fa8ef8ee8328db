"""How long does one network take? ``python bench/one_fit.py``: hot, cold and with a warm cache, beside its peers."""

import os
import shutil
import statistics
import tempfile
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
from common import in_turn, machine, present, process, save, table
from peers import PEERS, digits, trial

import jaxnn as nn

COLD = """
import numpy as np
data = np.load({path!r})
{configure}
from peers import {function} as train
train(data["x"], data["y"])(data["x"][:10])
"""


def hot(repeats: int) -> tuple[dict, dict]:
    """Seconds of each peer with everything compiled, and its test accuracy."""
    x, y, x_test, y_test = digits()
    available = {name: f for name, (f, package) in PEERS.items() if present(package)}
    accuracy = {name: f"test accuracy {np.mean(f(x, y)(x_test) == y_test):.4f}" for name, f in available.items()}
    functions = {name: lambda f=f: f(x, y) for name, f in available.items()}
    return in_turn(functions, repeats, warm=False), accuracy


def bar(repeats: int) -> float:
    """What the progress bar costs on long work: the ratio of medians with and without it, 1,000 epochs."""
    x, y, *_ = digits()

    def train(progress: bool) -> None:
        nn.fit(trial, (x, y), {"lr": 1e-3, "l2": 1e-4}, epochs=1000, batch_size=32, progress=progress)

    seconds = in_turn({"without": lambda: train(False), "with": lambda: train(True)}, repeats)
    return statistics.median(seconds["with"]) / statistics.median(seconds["without"])


def cold(repeats: int) -> dict:
    """Seconds of whole fresh processes: with an empty compilation cache, and with a warm one."""
    x, y, *_ = digits()
    folder = Path(tempfile.mkdtemp())
    np.savez(folder / "digits.npz", x=x, y=y)
    keep, fresh = folder / "warm", folder / "fresh"

    def run(name: str, cache: Path | None) -> None:
        configure = f"import jaxnn; jaxnn.configure(compilation_cache={str(cache)!r})" if cache else ""
        code = COLD.format(path=str(folder / "digits.npz"), configure=configure, function=PEERS[name][0].__name__)
        process(code)

    def empty() -> None:
        shutil.rmtree(fresh, ignore_errors=True)
        run("jaxnn", fresh)

    functions = {"jaxnn": empty, "jaxnn, warm cache": lambda: run("jaxnn", keep)}
    for name, (_, package) in PEERS.items():
        if name != "jaxnn" and present(package):
            functions[name] = lambda name=name: run(name, None)
    run("jaxnn", keep)
    seconds = in_turn(functions, repeats, warm=True)
    shutil.rmtree(folder)
    return seconds


def main() -> None:
    """Print the tables and write the JSON."""
    print(machine() + "\n")
    seconds, accuracy = hot(5)
    table("One fit, hot: 64-100-100-10, 50 epochs of 1,437 rows, batch 32", seconds, notes=accuracy)
    whole = cold(5)
    table("One fit, a whole fresh process, imports and compilation included", whole)
    share = bar(5)
    print(f"the progress bar: {share - 1:+.1%} of 1,000 epochs")
    save("one_fit", {"hot": seconds, "process": whole, "accuracy": accuracy, "bar": share})


if __name__ == "__main__":
    main()
