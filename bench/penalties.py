"""What do penalties, schedules and stopping cost, and what does a path save? ``python bench/penalties.py``.

The parts are timed on a small network, 64-100-10 on the digits, batch 32, Adam, hot: each run with a part right after
one without it. ``one-core`` and ``all-cores`` as an argument time the parts alone, ``path`` the paths alone.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

if "one-core" in sys.argv:  # before JAX counts the cores for its threads
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np
import optax
from common import machine, save
from peers import BATCH, digits

import jaxnn as nn

ROUNDS, EPOCHS, STRENGTHS = 9, 50, 100
STEPS = 45 * EPOCHS
S = nn.schedules
SCHEDULES: dict[str, Callable] = {
    "constant": S.constant,
    "linear": lambda lr: S.linear(lr, 0.0, STEPS),
    "polynomial": lambda lr: S.polynomial(lr, 0.0, 2, STEPS),
    "exponential": lambda lr: S.exponential(lr, 500, 0.5, staircase=True),
    "inverse_sqrt": lambda lr: S.inverse_sqrt(lr, 100),
    "cosine": lambda lr: S.cosine(lr, STEPS),
    "piecewise": lambda lr: S.piecewise(lr, {500: 0.5, 1000: 0.5}),
    "piecewise_interpolate": lambda lr: S.piecewise_interpolate("cosine", lr, {500: 0.5, 1000: 0.5}),
    "warmup_constant": lambda lr: S.warmup_constant(0.0, lr, 100),
    "warmup_linear": lambda lr: S.warmup_linear(0.0, lr, 100, STEPS),
    "warmup_cosine": lambda lr: S.warmup_cosine(0.0, lr, 100, STEPS),
    "warmup_exponential": lambda lr: S.warmup_exponential(0.0, lr, 100, 500, 0.5),
    "warmup_inverse_sqrt": lambda lr: S.warmup_inverse_sqrt(0.0, lr, 100),
    "one_cycle": lambda lr: S.one_cycle(STEPS, lr),
    "linear_one_cycle": lambda lr: S.linear_one_cycle(STEPS, lr),
    "cyclic": lambda lr: S.cyclic(0.1 * lr, lr, 500),
    "cosine_restarts": lambda lr: S.cosine_restarts(lr, 200),
    "sgdr": lambda lr: S.sgdr([dict(init_value=0.0, peak_value=lr, warmup_steps=50, decay_steps=STEPS // 2)] * 2),
    "join": lambda lr: S.join([S.constant(lr), S.linear(lr, 0.0, 1000)], [1000]),
    "in_epochs": lambda lr: S.in_epochs(S.cosine(lr, EPOCHS), 45),
}
PARTS: dict[str, Callable] = {
    "l1": lambda lr, c: optax.chain(nn.l1(c), adam(lr)),
    "l2": lambda lr, c: optax.chain(nn.l2(c), adam(lr)),
    "elastic_net": lambda lr, c: optax.chain(nn.elastic_net(c, c), adam(lr)),
    "proximal_l1": lambda lr, c: optax.chain(adam(lr), nn.proximal_l1(c, lr)),
    "proximal_elastic_net": lambda lr, c: optax.chain(adam(lr), nn.proximal_elastic_net(c, c, lr)),
    "proximal_adam, beside optax.adam": lambda lr, c: nn.proximal_adam(lr, c),
    "group_lasso": lambda lr, c: optax.chain(adam(lr), nn.group_lasso(c, lr)),
    "max_norm": lambda lr, c: optax.chain(adam(lr), nn.max_norm(2 + c)),
    "decay": lambda lr, c: optax.chain(adam(lr), nn.decay(c, lr)),
    "clip_by_norm": lambda lr, c: optax.chain(nn.clip_by_norm(1 + c), adam(lr)),
    "clip_by_value": lambda lr, c: optax.chain(nn.clip_by_value(1 + c), adam(lr)),
    "accumulate, every 4": lambda lr, c: nn.accumulate(adam(lr), 4),
    "ema": lambda lr, c: optax.chain(adam(lr), nn.ema(0.99 + c)),
    "swa": lambda lr, c: optax.chain(adam(lr), nn.swa(1000, 45)),
    "plateau": lambda lr, c: optax.chain(adam(lr), nn.plateau(0.5, patience=5, metric="loss")),
}
STOPS = {
    "early stopping": nn.EarlyStopping("loss", patience=1000),
    "target": nn.EarlyStopping("loss", patience=None, target=0.0),
    "best weights": nn.EarlyStopping("loss", patience=None),
}


def adam(rate):
    """Adam in one fused update over one vector of weights, as in `one_fit.py`."""
    return optax.flatten(optax.adam(rate))


def run(optimizer: Callable, stop=None) -> Callable[[], nn.Run]:
    """A hot run of the network with this optimizer, whose program is its own."""

    def trial(lr, c):
        return nn.Trial(nn.mlp((100,), 10), "softmax_cross_entropy", optimizer(lr, c))

    x, y, *_ = digits()
    hparams, options = {"lr": 1e-3, "c": 1e-5}, dict(epochs=EPOCHS, batch_size=BATCH, stop=stop, progress=False)
    once = lambda: nn.fit(trial, (x, y), hparams, **options)  # noqa: E731
    assert once().epochs == EPOCHS
    return once


def overhead() -> dict[str, list[float]]:
    """For every part the ratios of a run with it to the run without it just before, ``ROUNDS`` of them."""
    plain, leaves = run(lambda lr, c: adam(lr)), run(lambda lr, c: optax.adam(lr))
    runs = {name: (leaves if "beside" in name else plain, run(part)) for name, part in PARTS.items()}
    runs |= {n: (plain, run(lambda lr, c, f=f: adam(f(lr)))) for n, f in SCHEDULES.items()}
    runs |= {n: (plain, run(lambda lr, c: adam(lr), stop)) for n, stop in STOPS.items()}
    runs = {"the same again": (plain, run(lambda lr, c: adam(lr)))} | runs
    ratios: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, (without, with_it) in runs.items():
            first, second = seconds(without), seconds(with_it)
            ratios[name].append(second / first)
    ratios["seconds without"] = [seconds(plain) for _ in range(ROUNDS)]
    return ratios


def seconds(function: Callable) -> float:
    """How long a call takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def lasso(l1):
    """Nesterov's gradient descent with a proximal step, in full batch."""
    steps = optax.chain(optax.sgd(0.2, momentum=0.9, nesterov=True), nn.proximal_l1(l1, 2.0))
    return nn.Trial(nn.Dense(1, kernel_init="zeros"), "half_squared_error", steps)


def softmax(l1):
    """A softmax regression with exact zeros, by gradient descent."""
    steps = optax.chain(optax.sgd(0.1), nn.proximal_l1(l1, 0.1))
    return nn.Trial(nn.softmax_regression(10), "softmax_cross_entropy", steps)


def paths() -> dict[str, dict]:
    """A path of 100 strengths in one program, and 100 hot fits one after the other, with compile time apart."""
    from jaxnn import data

    nn.configure(cpu_devices="auto")
    diabetes, (x, y, *_) = data.load("diabetes"), digits()
    rows = (np.asarray(a, np.float64) for a in (diabetes.x, diabetes.y))
    scaled = tuple((a - a.mean(0)) / a.std(0) for a in rows)
    found = {}
    for name, trial, rows, options in (
        ("lasso on diabetes, 442 x 10, full batch, 500 steps", lasso, scaled, dict(epochs=500, batch_size=None)),
        ("softmax on digits, 1,437 x 64, batch 32, 10 epochs", softmax, (x, y), dict(epochs=10, batch_size=32)),
        ("softmax on digits, 1,437 x 64, full batch, 100 steps", softmax, (x, y), dict(epochs=100, batch_size=None)),
    ):
        strengths, options = nn.logspace(1e-4, 1.0, STRENGTHS), options | dict(progress=False)
        path = lambda t=trial, r=rows, s=strengths, o=options: nn.path(t, r, l1=s, **o)  # noqa: E731
        fits = lambda t=trial, r=rows, s=strengths, o=options: [nn.fit(t, r, {"l1": float(v)}, **o) for v in s]  # noqa: E731
        first, alone = path(), fits()
        both = [(seconds(path), seconds(fits)) for _ in range(ROUNDS)]
        apart = max(np.abs(run.params["kernel"] - first.coefficients[i]).max() for i, run in enumerate(alone))
        found[name] = {
            "path": [a for a, _ in both],
            "fits": [b for _, b in both],
            "ratio": statistics.median(b / a for a, b in both),
            "compile path": sum(report.compile_seconds for report in first.runs.plan),
            "compile fit": alone[0].timing["compile"],
            "plan": str(first.runs.plan[0].plan),
            "largest difference of a coefficient": float(apart),
        }
    return found


def show(ratios: dict[str, dict[str, list[float]]], found: dict[str, dict]) -> None:
    """Print the tables."""
    print(f"| | {' | '.join(ratios)} |\n|---|{'---|' * len(ratios)}")
    for name in next(iter(ratios.values())):
        if name == "seconds without":
            cells = [f"{statistics.median(r[name]):.3f} s" for r in ratios.values()]
        else:
            cells = [f"{statistics.median(r[name]) - 1:+.1%}" for r in ratios.values()]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| | path s | 100 fits s | times | compiling, path and fit s |\n|---|---|---|---|---|")
    for name, t in found.items():
        print(
            f"| {name} | {statistics.median(t['path']):.3f} | {statistics.median(t['fits']):.2f} | "
            f"{t['ratio']:.1f} | {t['compile path']:.1f}, {t['compile fit']:.1f} |"
        )


def main() -> None:
    """Print the tables and write the JSON; with an argument print the numbers of that part as JSON."""
    if len(sys.argv) > 1:
        print(json.dumps(paths() if sys.argv[1] == "path" else overhead()))
        return
    print(machine() + "\n")
    parts = {}
    for part in ("one-core", "all-cores", "path"):
        done = subprocess.run([sys.executable, __file__, part], check=True, stdout=subprocess.PIPE, text=True)
        parts[part] = json.loads(done.stdout)
    found = parts.pop("path")
    show({name.replace("-", " "): ratios for name, ratios in parts.items()}, found)
    save("penalties", {"ratios": parts, "paths": found})


if __name__ == "__main__":
    main()
