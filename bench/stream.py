"""Data larger than memory: ``python bench/stream.py``.

5 GB of rows, made on the fly, train in a process whose resident memory is measured; and as many rows as fit twice are
trained as a stream and in memory, in turn. A stream is to take less than 1.5 GB, and no less than 0.9 of the speed.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import optax
from common import machine, save

import jaxnn as nn

COLUMNS, CLASSES, PIECE = 256, 10, 4096


def rows_of(gigabytes: float) -> int:
    """How many rows there are, in whole pieces."""
    return max(1, round(gigabytes * 1e9 / (4 * COLUMNS * PIECE))) * PIECE


def made(rows: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pieces of rows: one of noise, which is turned and scaled anew for each."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(PIECE, COLUMNS)).astype(np.float32)
    for k in range(rows // PIECE):
        x = np.roll(noise, k % COLUMNS, 1) * np.float32(1 + 0.001 * (k % 7))
        yield x, x[:, :CLASSES].argmax(1).astype(np.int32)


def trial(lr: Any) -> nn.Trial:
    """A dense network."""
    return nn.Trial(nn.mlp((256, 256), out=CLASSES), "softmax_cross_entropy", optax.adam(lr))


def fit(data: Any, epochs: int = 1) -> nn.Run:
    """One training."""
    return nn.fit(trial, data, dict(lr=1e-3), epochs=epochs, batch_size=256, shuffle=False, progress=False)


def alone(gigabytes: float) -> None:
    """Train on a stream and print seconds, loss and the largest resident memory, in MB."""
    rows = rows_of(gigabytes)
    began = time.perf_counter()
    run = fit(lambda: made(rows))
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 if sys.platform == "darwin" else 1024)
    print(f"{time.perf_counter() - began:.1f} {run.history['loss'][-1]:.5f} {resident:.0f}")


def memory(gigabytes: float) -> dict[str, float]:
    """What `alone` tells, of a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--alone", str(gigabytes)], check=True, capture_output=True, text=True
    )
    seconds, loss, resident = map(float, done.stdout.split()[-3:])
    return {"gigabytes": gigabytes, "seconds": seconds, "loss": loss, "resident_mb": resident}


def speed(gigabytes: float, repeats: int, epochs: int) -> dict[str, float]:
    """Seconds of an epoch in memory and of one as a stream, compilation apart, and the ratio of their medians."""
    pieces = list(made(rows_of(gigabytes)))
    whole = tuple(np.concatenate([piece[k] for piece in pieces]) for k in (0, 1))
    took: dict[str, list[float]] = {"memory": [], "stream": []}
    losses = {}
    for _ in range(repeats + 1):
        for name, data in (("memory", whole), ("stream", pieces)):
            run = fit(data, epochs)
            took[name].append(run.timing["run"] / epochs)
            losses[name] = run.history["loss"].tolist()
    assert losses["memory"] == losses["stream"], losses
    medians = {name: statistics.median(seconds[1:]) for name, seconds in took.items()}
    return {**medians, "share": medians["memory"] / medians["stream"]}


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--alone", type=float, help="train so many GB in this process, and say what it took")
    parser.add_argument("--gigabytes", type=float, default=5.0, help="of the stream")
    parser.add_argument("--fits", type=float, default=0.5, help="GB of the rows that are trained in memory too")
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    if given.alone:
        return alone(given.alone)
    print(machine())
    found = {"memory": memory(given.gigabytes), "speed": speed(given.fits, given.repeats, 2)}
    print(found["memory"], found["speed"], sep="\n")
    save("stream", found)


if __name__ == "__main__":
    main()
