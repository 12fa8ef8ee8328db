"""What fit, grid, predict and generate compile for machines that are not here: an H200, TPU chips and slices.

Nothing runs; XLA tells what it made. It needs an environment of its own: see ``bench/elsewhere_devices.py``. ::

    python bench/elsewhere.py h200 1024              # the grid of the digits MLP, 1,024 members side by side, in parts
    python bench/elsewhere.py v5e 64                 # on one chip
    python bench/elsewhere.py v5e:2x2 64             # 64 members dealt over the four chips of a slice
    python bench/elsewhere.py h200 64 lenet gpt      # a line for each program of these kinds of models; "all" for all

The programs are those that run: of `jaxnn.train.lowered`, `jaxnn.train.predict.forward` and
`jaxnn.sampling.generated`. Bytes are at most those that a kernel reads and writes. The least is what a step cannot do
without: weights and moments each way, and gradients each way; of a use, its weights and rows.
"""

import os
import sys
import time

from elsewhere_devices import devices
from elsewhere_read import computations, describe, loop_of, memory, whole

sys.path.insert(0, os.getcwd())  # an environment without the package will do, where it lies here

HEAD = "| program | devices | compiled, s | arguments, results, temporary, MiB | kernels | GB a step | least |"


def timed(job):
    """What XLA made of it, and the seconds."""
    from elsewhere_programs import compiled

    started = time.time()
    made = compiled(job)
    return made, time.time() - started


def row(name, job):
    """A line of the table."""
    made, seconds = timed(job)
    found = computations(made.as_text())
    entry = next(reversed(found))
    step = entry if job.steps is None else loop_of(found, job.steps)
    kernels, moved = whole(found, step) if step is not None else ("-", float("nan"))
    sizes = ", ".join(f"{n:.0f}" for n in memory(made))
    bytes_ = f"{moved / 1e9:.3f} | {job.least / 1e9:.3f}"
    return f"| {name} | {len(job.devices)} | {seconds:.1f} | {sizes} | {kernels} | {bytes_} |"


def main():
    """Compile and report."""
    kind, members, *models = sys.argv[1], int(sys.argv[2]), *sys.argv[3:]
    on = devices(kind)
    from elsewhere_programs import KINDS, jobs, training

    if not models:
        job = training("mlp", members, on)
        made, seconds = timed(job)
        sizes = zip(("argument", "output", "temporary"), memory(made), strict=True)
        print(f"compiled in {seconds:.1f} s; {', '.join(f'{name} {n:.0f} MiB' for name, n in sizes)}")
        print(f"the least of a step on one device: {job.least / 1e9:.2f} GB")
        describe(made.as_text(), 8)
        return
    print(f"{kind}, grids of {members} members\n\n{HEAD}\n|{'---|' * 7}")
    for model in KINDS if models == ["all"] else models:
        for name, make in jobs(model, members, on).items():
            print(row(f"{name} {model}", make()), flush=True)


if __name__ == "__main__":
    main()
