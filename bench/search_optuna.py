"""What do batches of 64 cost and find beside one trial at a time? ``python bench/search_optuna.py``: TPE, digits."""

import statistics
import sys
import time
from typing import Any

import optuna
from common import machine, save
from peers import BATCH, digits, trial

import jaxnn as nn

EPOCHS = 20
SPACE = {"lr": nn.space.log(1e-5, 1.0), "l2": nn.space.log(1e-7, 1e-1)}
METRIC = "val_loss"


class Timed:
    """A study that counts the seconds that Optuna takes: to propose, and to store."""

    def __init__(self, study: optuna.Study):
        self.study, self.directions, self.asking, self.telling = study, study.directions, 0.0, 0.0

    def ask(self, *args: Any) -> Any:
        """As the study does."""
        started = time.perf_counter()
        try:
            return self.study.ask(*args)
        finally:
            self.asking += time.perf_counter() - started

    def tell(self, *args: Any, **options: Any) -> Any:
        """As the study does."""
        started = time.perf_counter()
        try:
            return self.study.tell(*args, **options)
        finally:
            self.telling += time.perf_counter() - started


def search(trials: int, batch: int, seed: int = 0, epochs: int = EPOCHS) -> dict[str, float]:
    """One search by TPE: its best validation loss, and where the seconds went; programs are there already.

    Returns:
        ``best``, ``seconds`` of all, of these ``optuna`` (proposing and storing), ``training`` (compilation
        included), ``handing over`` (all else), and ``share``, what is not training.
    """
    x, y, *held = digits()
    timed = Timed(optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed)))
    started = time.perf_counter()
    runs = nn.optuna(
        timed, trial, (x, y), SPACE, n_trials=trials, batch=batch, epochs=epochs, batch_size=BATCH,
        validation=tuple(held), metric=METRIC, progress=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    training = sum(report.run_seconds for report in runs.plan)
    compiling = sum(report.compile_seconds for report in runs.plan) if runs.n_compiles else 0.0
    theirs = timed.asking + timed.telling
    return {
        "best": timed.study.best_value, "seconds": seconds, "optuna": theirs, "training": training + compiling,
        "handing over": seconds - theirs - training - compiling, "share": 1 - (training + compiling) / seconds,
    }  # fmt: skip


def compared(trials: int = 256, batch: int = 64, seeds: int = 5, epochs: int = EPOCHS) -> dict[str, list[dict]]:
    """Batches against one at a time, in turn, so many trials each; programs are compiled before."""
    ways = {f"batches of {batch}": batch, "one at a time": 1}
    found: dict[str, list[dict]] = {name: [] for name in ways}
    for size in ways.values():
        search(size, size, epochs=epochs)
    for seed in range(seeds):
        for name, size in ways.items():
            found[name].append(search(trials, size, seed, epochs))
    return found


def table(found: dict[str, list[dict]]) -> str:
    """A Markdown table of medians; also printed."""
    names = ("best", "seconds", "training", "optuna", "handing over", "share")
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for way, rows in found.items():
        cells = [f"{statistics.median(row[name] for row in rows):.3f}" for name in names]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    text = "\n".join(lines)
    print(text, flush=True)
    return text


def run(**options: int) -> dict:
    """Print the table; ``compared``'s arguments."""
    nn.configure(cpu_devices="auto")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    found = compared(**options)
    return {"table": table(found), "searches": found}


if __name__ == "__main__":
    print(machine())
    if "--small" in sys.argv:
        run(trials=128, seeds=1)
    else:
        save("search_optuna", run())
