"""How fast is one training step of a layer? ``python bench/layers.py``: LeNet, LSTM, GPT and MLP, beside their peers.

Every step is forward, backward and Adam on one batch, in float32. Ours is timed twice: as `nn.fit` runs it, the steps
scanned in one program, and as a loop of one's own calls it, one compiled `nn.step` a time, which is how Flax is called.
"""

import os
import statistics
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import numpy as np
import optax
from common import in_turn, machine, present, save, table
from layers_peers import flax_linen, keras_jax, pytorch

import jaxnn as nn
from jaxnn.train.program import OPTIONS

STEPS = {"lenet": 40, "lstm": 20, "gpt": 20, "mlp": 20}
"""Steps of one measurement."""
TITLES = {
    "lenet": "LeNet-5, 28 x 28, batch 64",
    "lstm": "LSTM 64 -> 128, 100 steps, batch 32",
    "gpt": "GPT, 4 layers of width 128, context 64, batch 12",
    "mlp": "MLP 784 - 3 x 1024 - 10, batch 128",
}
VOCAB, CONTEXT = 96, 64


def batch(task: str) -> tuple[np.ndarray, np.ndarray]:
    """One batch of noise of the shape of ``task``, and its targets."""
    rng = np.random.default_rng(0)
    if task == "gpt":
        ids = rng.integers(0, VOCAB, (12, CONTEXT + 1)).astype(np.int32)
        return ids[:, :-1], ids[:, 1:]
    shape = {"lenet": (64, 28, 28, 1), "lstm": (32, 100, 64), "mlp": (128, 784)}[task]
    return rng.normal(size=shape).astype(np.float32), rng.integers(0, 10, shape[0]).astype(np.int32)


def model(task: str):
    """Our spec of ``task``."""
    return {
        "lenet": lambda: nn.lenet(10, padding=("same", "valid")),
        "lstm": lambda: nn.Sequential(nn.LSTM(128), nn.Dense(10)),
        "gpt": lambda: nn.gpt(VOCAB, CONTEXT, 128, 4, 4),
        "mlp": lambda: nn.mlp((1024,) * 3, 10),
    }[task]()


def ours(task: str, scanned: bool, steps: int):
    """A function that does ``steps`` steps: in one program, or one a call."""
    x, y = (jax.device_put(a) for a in batch(task))
    trial = nn.Trial(model(task), "softmax_cross_entropy", optax.adam(1e-3))
    state = jax.jit(lambda key: nn.init(trial, key, x))(jax.random.key(0))

    def one(state):
        return nn.step(trial, state, (x, y))[0]

    def many(state, xs, ys):
        return jax.lax.scan(lambda s, b: (nn.step(trial, s, b)[0], None), state, (xs, ys))[0]

    def compiled(f, *args):
        options = OPTIONS.get(jax.default_backend())
        return jax.jit(f, donate_argnums=0).lower(*args).compile(compiler_options=options)

    stacked = [jax.device_put(np.broadcast_to(a, (steps, *a.shape))) for a in (x, y)] if scanned else []
    program = compiled(many, state, *stacked) if scanned else compiled(one, state)

    def run():
        nonlocal state
        for _ in range(1 if scanned else steps):
            state = program(state, *stacked)
        jax.block_until_ready(state.params)

    return run


def measure(task: str, repeats: int) -> dict[str, list[float]]:
    """Seconds of a step for every library."""
    steps = STEPS[task]
    x, y = batch(task)
    runs = {
        "jaxnn": ours(task, True, steps),
        "jaxnn, one step a call": ours(task, False, steps),
    }
    for name, (make, package) in {
        "PyTorch, eager": (pytorch, "torch"),
        "Flax linen": (flax_linen, "flax"),
        "Keras on JAX": (keras_jax, "keras"),
    }.items():
        if present(package):
            runs[name] = make(task, x, y, steps)
    seconds = in_turn(runs, repeats)
    return {name: [s / steps * 1e3 for s in values] for name, values in seconds.items()}


def main() -> None:
    """Print the tables and write the JSON."""
    print(machine() + "\n")
    results, tasks = {}, sys.argv[1:] or list(TITLES)
    for task in tasks:
        results[task] = measure(task, 11)
        table(f"{TITLES[task]}: milliseconds of a training step", results[task])
    if tasks == list(TITLES):
        save("layers", results)
    for task, ms in results.items():
        ratio = {name: statistics.median(v) / statistics.median(ms["jaxnn"]) for name, v in ms.items()}
        print(task, {name: round(r, 2) for name, r in ratio.items()})


if __name__ == "__main__":
    main()
