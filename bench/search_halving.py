"""What halving saves and loses: 512 members on the digits, trained whole and by halving, from five seeds.

64-32-10, Adam, batch 32, rate and L2 strength drawn evenly in the logarithm; validation accuracy on 288 rows chooses,
360 rows that nobody saw judge the winner.
"""

import statistics
import sys
import time

import numpy as np
import optax
from peers import BATCH, digits

import jaxnn as nn

MEMBERS, EPOCHS, SEEDS = 512, 27, 5
SEARCHES = {
    "every member to the end": None,
    "nn.Halving(factor=3)": nn.Halving(factor=3),
    "nn.Halving(asynchronous=True)": nn.Halving(factor=3, asynchronous=True),
    "nn.Hyperband(factor=3)": nn.Hyperband(factor=3),
}


def trial(lr, l2):
    """One hidden layer."""
    return nn.Trial(nn.mlp((32,), out=10), "softmax_cross_entropy", optax.chain(nn.l2(l2), optax.adam(lr)))


def one(search, seed: int) -> dict[str, float]:
    """A search from one seed: what it cost, and how good its winner is."""
    x, y, new_x, new_y = digits()
    space = nn.space.random(MEMBERS, seed=seed, lr=nn.space.log(1e-4, 1e-1), l2=nn.space.log(1e-6, 1e-1))
    space = nn.space.Space(tuple(point | {"seed": seed} for point in space.points), (*space.axes, "seed"))
    started = time.perf_counter()
    runs = nn.grid(trial, (x, y), space, epochs=EPOCHS, batch_size=BATCH, validation=0.2, shuffle_seed=seed,
                   search=search, progress=False)  # fmt: skip
    seconds = time.perf_counter() - started
    best, compiling = runs.best("val_accuracy"), sum(report.compile_seconds for report in runs.plan)
    return {
        "member-epochs": sum(runs.table["epochs_done"]), "seconds": seconds - compiling, "programs": runs.n_compiles,
        "validation": 100 * best.metrics["val_accuracy"], "test": 100 * best.evaluate((new_x, new_y))["accuracy"],
    }  # fmt: skip


def run() -> dict[str, dict[str, list[float]]]:
    """Print the table; all numbers by search."""
    found: dict[str, dict[str, list[float]]] = {}
    for seed in range(SEEDS):
        for name, search in SEARCHES.items():
            told = one(search, seed)
            print(f"seed {seed}, {name}: {told}", file=sys.stderr, flush=True)
            for what, value in told.items():
                found.setdefault(name, {}).setdefault(what, []).append(float(value))
    show(found)
    return found


def show(found: dict[str, dict[str, list[float]]]) -> None:
    """Print the table."""
    base = {what: np.mean(values) for what, values in found["every member to the end"].items()}
    print(f"| {MEMBERS} members, {EPOCHS} epochs, means of {SEEDS} seeds | member-epochs | s without compiling, median "
          "| programs compiled | winner, validation % | test % |\n|---|---|---|---|---|---|")  # fmt: skip
    for name, own in found.items():
        mean = {what: np.mean(values) for what, values in own.items()}
        scores = [f"{mean[what]:.2f} ({mean[what] - base[what]:+.2f})" for what in ("validation", "test")]
        share = f"{mean['member-epochs']:.0f} ({mean['member-epochs'] / base['member-epochs']:.1%})"
        cells = [name, share, f"{statistics.median(own['seconds']):.1f}", f"{sum(own['programs']):.0f}", *scores]
        print(f"| {' | '.join(cells)} |")
