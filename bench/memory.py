"""How near the memory that is predicted of a grid is to the compiler's, here, for an H200 and for a TPU chip.

Two small programs, of 16 and 32 members side by side, give a line (`jaxnn.grid.memory`), which is compared with the
compiler's figure for wider ones; beside both what the trace alone says. ``python bench/memory.py`` compiles for this
machine's CPU; ``python bench/memory.py h200 v5e:2x2`` for machines that are not here, in the environment that
`bench/elsewhere.py` describes, ``--models=mlp,gpt`` some of the models, ``--widths=8,64`` other widths.
"""

import argparse
import json
import time
from pathlib import Path

import elsewhere
import jax
import numpy as np
import optax

import jaxnn as nn
from jaxnn.data.source import read
from jaxnn.grid.memory import Gauge
from jaxnn.train.enrol import enrol

MODELS = ("mlp", "lenet", "resnet8", "lstm", "gpt")
RNG = np.random.default_rng(0)


def images(rows, *shape):
    """Rows and classes; what they hold does not matter."""
    return RNG.normal(size=(rows, *shape)).astype(np.float32), RNG.integers(0, 10, rows)


def sample(name):
    """A model, its rows and the rows of a step."""
    if name == "gpt":
        tokens = RNG.integers(0, 65, (256, 65))
        return nn.gpt(65, 64, 64, 4, 4), (tokens[:, :-1], tokens[:, 1:]), 32
    model, rows = {
        "mlp": (nn.mlp((100, 100), 10, dropout=0.1), images(1437, 64)),
        "lenet": (nn.lenet(10), images(1024, 28, 28, 1)),
        "resnet8": (nn.resnet(8, 10), images(512, 32, 32, 3)),
        "lstm": (nn.rnn_classifier(64, 10), images(1024, 28, 28)),
    }[name]
    return model, rows, 32


def rows_of(name, device, widths):
    """For each width: the line's, the compiler's and the trace's bytes, and the seconds that the compiler took."""
    model, rows, batch_size = sample(name)
    source = read(rows, 0.2)
    entry = enrol(lambda lr: nn.Trial(model, "softmax_cross_entropy", optax.adam(lr)), source, dict(lr=0.1),
                  epochs=5, batch_size=batch_size)  # fmt: skip
    gauge = Gauge(entry, source)
    began = time.perf_counter()
    line = gauge.line(nn.Plan(1, max(widths), on=(device,)))
    probed = time.perf_counter() - began
    for width in widths:
        plan = nn.Plan(1, width, width, (device,))
        began = time.perf_counter()
        estimated, compiled = gauge.estimate(plan, width), gauge.compiled(plan, width)
        yield dict(model=name, width=width, line=line.of(width, width), compiled=compiled, estimate=estimated,
                   probes_s=round(probed, 1), compile_s=round(time.perf_counter() - began, 1))  # fmt: skip


def main():
    """Print a row for each model and width, and keep them."""
    words = argparse.ArgumentParser()
    words.add_argument("kinds", nargs="*", default=["cpu"])
    words.add_argument("--models", default=",".join(MODELS))
    words.add_argument("--widths", default="24,64,128")
    given = words.parse_args()
    found = []
    for kind in given.kinds:
        device = jax.devices()[0] if kind == "cpu" else elsewhere.devices(kind)[0]
        print(f"{kind:10} {'model':8} {'width':>5} {'line':>9} {'compiled':>9} {'ratio':>6} {'trace':>6} {'probes':>7}")
        for name in given.models.split(","):
            for row in rows_of(name, device, [int(width) for width in given.widths.split(",")]):
                found.append({"kind": kind, **row})
                told, compiled = row["line"], row["compiled"]
                print(f"{'':10} {name:8} {row['width']:5} {told / 2**20:8.1f}M {compiled / 2**20:8.1f}M "
                      f"{told / compiled:6.2f} {row['estimate'] / compiled:6.2f} {row['probes_s']:6.1f}s",
                      flush=True)  # fmt: skip
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / f"memory_{'_'.join(given.kinds).replace(':', '_')}.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
