"""What does descent on hyperparameters reach beside a grid, and what does it cost? ``python bench/descend.py``.

Ridge regression on the diabetes data of scikit-learn, 10 features: the best of 1,000 shared strengths of L2, and one
strength for each feature by descent from there. A fifth of the rows judges both, unseen. Then the memory and the time
of one gradient through more and more epochs.
"""

import statistics
import time

import jax
import numpy as np
import optax
from common import machine, save
from sklearn.datasets import load_diabetes

import jaxnn as nn

SPLITS, EPOCHS, STEPS = 5, 200, 100


def shared(l2):
    return nn.Trial(nn.linear_regression(), "squared_error", optax.chain(nn.l2(l2), optax.adam(0.05)))


def each(l2):
    return shared(l2[:, None])


def split(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Training, validation and test rows, scaled by the first."""
    x, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    parts = np.split(order, [len(y) * 2 // 5, len(y) * 4 // 5])
    mean, spread = (f(np.c_[x, y][parts[0]], axis=0) for f in (np.mean, np.std))
    rows = (np.c_[x, y] - mean) / spread
    return [(rows[part, :-1], rows[part, -1]) for part in parts]


def compared(seed: int) -> dict[str, float]:
    train, held, test = split(seed)
    options = dict(epochs=EPOCHS, batch_size=None, validation=held, progress=False)
    began = time.perf_counter()
    runs = nn.grid(shared, train, dict(l2=nn.logspace(1e-6, 1e2, 1000)), **options)
    between = time.perf_counter()
    best = runs.best("val_loss")
    found = nn.descend(each, train, dict(l2=np.full(10, best.hparams["l2"])), log="l2", steps=STEPS, **options)
    ended = time.perf_counter()
    run = found.run()
    return {
        "grid_validation": best.metrics["val_loss"], "descent_validation": run.metrics["val_loss"],
        "grid_test": best.evaluate(test)["loss"], "descent_test": run.evaluate(test)["loss"],
        "grid_seconds": between - began, "descent_seconds": ended - between,
    }  # fmt: skip


def gradient(epochs: int, remat: bool) -> dict[str, float]:
    """Bytes and seconds of one gradient of the validation loss."""
    train, held, _ = split(0)

    def last(l2, lr):
        trial = lambda l2, lr: nn.Trial(  # noqa: E731
            nn.mlp((32,), out=1, activation="tanh"), "squared_error", optax.chain(nn.l2(l2), optax.adam(lr))
        )
        key = jax.random.key(0, impl="threefry2x32")
        options = dict(epochs=epochs, batch_size=44, validation=held, remat=remat)
        return nn.run(trial, {"l2": l2, "lr": lr}, key, train, **options)[0].metrics["val_loss"]

    program = jax.jit(jax.value_and_grad(last)).lower(1e-3, 1e-2).compile()
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        jax.block_until_ready(program(1e-3, 1e-2))
        seconds.append(time.perf_counter() - began)
    forward = jax.jit(last).lower(1e-3, 1e-2).compile()
    began = time.perf_counter()
    jax.block_until_ready(forward(1e-3, 1e-2))
    return {
        "epochs": epochs, "remat": remat, "bytes": program.memory_analysis().temp_size_in_bytes,
        "seconds": statistics.median(seconds[1:]), "forward": time.perf_counter() - began,
    }  # fmt: skip


if __name__ == "__main__":
    print(machine())
    rows = [compared(seed) for seed in range(SPLITS)]
    for row in rows:
        print({name: round(value, 4) for name, value in row.items()})
    memory = [gradient(epochs, remat) for epochs in (16, 1024) for remat in (False, True)]
    for row in memory:
        print(row)
    save("descend", {"diabetes": rows, "gradient": memory})
