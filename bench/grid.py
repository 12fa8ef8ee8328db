"""How long do 64 networks take? ``python bench/grid.py``: 8 learning rates x 8 L2, 20 epochs, beside its peers."""

import itertools
import os
import time

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import jax.numpy as jnp
import numpy as np
from common import in_turn, machine, present, save, table
from peers import BATCH, PEERS, digits, trial

import jaxnn as nn

EPOCHS = 20
RATES, STRENGTHS = nn.logspace(1e-4, 1e-1, 8), nn.logspace(1e-6, 1e-2, 8)
SIXTEENTH = 16
FRESH = itertools.count()
MULTIPLY_ADDS = 64 * 100 + 100 * 100 + 100 * 10


def ours(fresh: bool = False, seed: int = 0) -> nn.Runs:
    """The grid; with ``fresh`` a trial function that reads another number, so that everything is compiled anew."""
    number = next(FRESH) if fresh else 0
    function = (lambda lr, l2: (number, trial(lr, l2))[1]) if fresh else trial
    x, y, *_ = digits()
    space = {"lr": RATES, "l2": STRENGTHS, "seed": [seed]}
    return nn.grid(function, (x, y), space, epochs=EPOCHS, batch_size=BATCH, shuffle_seed=seed, progress=False)


def some(name: str) -> list:
    """A loop with a peer over every sixteenth point; its seconds count sixteen times."""
    x, y, *_ = digits()
    points = [(lr, l2) for lr in RATES for l2 in STRENGTHS][::SIXTEENTH]
    return [PEERS[name][0](x, y, lr, l2, EPOCHS) for lr, l2 in points]


def joblib_on_all_cores(seed: int = 0) -> list:
    """scikit-learn's networks, spread over all cores by joblib."""
    from joblib import Parallel, delayed

    x, y, *_ = digits()
    train = PEERS["scikit-learn"][0]
    return Parallel(n_jobs=-1)(delayed(train)(x, y, lr, l2, EPOCHS, seed) for lr in RATES for l2 in STRENGTHS)


def best_accuracy(models: list) -> float:
    """The best test accuracy among predict functions."""
    *_, x_test, y_test = digits()
    return max(float(np.mean(predict(x_test) == y_test)) for predict in models)


def product_rate() -> float:
    """GFLOP/s of a 2048 x 2048 product on this machine, both cores, the best of ten."""
    a = jnp.ones((2048, 2048))
    f = jax.jit(lambda a: a @ a)
    f(a).block_until_ready()
    seconds = []
    for _ in range(10):
        started = time.perf_counter()
        f(a).block_until_ready()
        seconds.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(seconds) / 1e9


def main() -> None:
    """Print the table and write the JSON."""
    nn.configure(cpu_devices="auto")
    print(machine() + "\n")
    steps = -(-len(digits()[0]) // BATCH)
    flops = 3 * 2 * BATCH * MULTIPLY_ADDS * steps * EPOCHS * len(RATES) * len(STRENGTHS)
    rates: list[tuple[float, float]] = []
    best: dict[str, list[float]] = {"jaxnn": [], "scikit-learn, joblib on all cores": []}

    def hot() -> None:
        runs = ours()
        rates.append((flops / sum(r.run_seconds for r in runs.plan) / 1e9, product_rate()))

    functions = {"jaxnn": lambda: ours(fresh=True), "jaxnn, hot": ours}
    if present("sklearn"):
        joblib = "scikit-learn, joblib on all cores"
        functions[joblib] = lambda: best[joblib].append(best_accuracy(joblib_on_all_cores(len(best[joblib]))))
    loops = [n for n in PEERS if n not in ("jaxnn", "scikit-learn") and present(PEERS[n][1])]
    functions |= {name: lambda name=name: some(name) for name in loops}
    hot()
    seconds = in_turn(functions, 5, warm=False)
    for name in loops:
        seconds[name] = [SIXTEENTH * s for s in seconds[name]]
    best["jaxnn"] = [best_accuracy([r.predict for r in ours(seed=k)]) for k in range(5)]
    notes = {n: f"best test accuracy {sum(v) / len(v):.4f}, mean of {len(v)} seeds" for n, v in best.items() if v}
    notes |= dict.fromkeys(loops, f"{64 // SIXTEENTH} of the 64 networks, times {SIXTEENTH}")
    table("64 networks, 20 epochs; jaxnn with compilation unless hot", seconds, notes=notes)
    rates.clear()
    for _ in range(5):
        hot()
    shares = sorted(rate / product for rate, product in rates)
    rate, product = sorted(rates)[2]
    print(
        f"while running: {rate:.0f} GFLOP/s, {shares[2]:.0%} of this machine's 2048 x 2048 product, "
        f"{product:.0f} GFLOP/s"
    )
    save("grid", {"seconds": seconds, "notes": notes, "best": best, "gflops": rates, "share_of_product": shares[2]})


if __name__ == "__main__":
    main()
