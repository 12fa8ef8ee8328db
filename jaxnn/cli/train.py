"""``jaxnn grid`` and ``jaxnn fit``: train, score on rows that were set aside, write a folder."""

import contextlib
import sys
import time
import warnings
from argparse import Namespace
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from jaxnn.cli import report
from jaxnn.cli.axes import Bad
from jaxnn.cli.folder import output
from jaxnn.cli.problem import Problem, constants, in_units, problem, scores, space, stopping
from jaxnn.data.tables import SUFFIXES
from jaxnn.grid.cluster import ray
from jaxnn.grid.engine import grid
from jaxnn.grid.results import Runs, Top
from jaxnn.grid.stored import GRID
from jaxnn.train.fit import fit

FILES = ("results.csv", "history.csv", "curves.png", "heatmap.png", "winner.safetensors", "model.safetensors")
BEST = 5
"""Members of the ensemble, and curves that stand out in the picture."""


def train_grid(words: Namespace) -> None:
    """Train every combination of the axes, print the best, write the folder.

    Raises:
        Bad, ValueError: for data or words that do not fit, before the folder is touched.
    """
    started = time.perf_counter()
    task, axes = problem(words), space(words)
    members = int(np.prod([len(values) for values in axes.values()]))
    place = words.out or f"jaxnn-{_stem(words.data)}"
    where = {"folder": _kept(words), "on": ray() if words.ray else None}
    with output(place, FILES) if jax.process_index() == 0 else contextlib.nullcontext() as folder:
        _say(words, f"{members} networks on {_about(task)}")
        with _warnings_told(words):
            runs = grid(task.trial, task.train, axes, plan=words.plan, **where, **_options(words, task))
        if folder is None:  # the first process writes for all
            return
        order = report.ranking(runs.table, task.metric)
        if not np.isfinite(runs.table[f"val_{task.metric}"][order[0]]):
            raise Bad("every network diverged; write smaller learning rates, as in --lr 1e-5:1e-2:8")
        if len(runs.diverged):
            _say(words, f"{len(runs.diverged)} of {members} networks diverged")
        _say(words, *map(str, runs.plan[:4]), *[f"... {len(runs.plan)} programs in all"] * (len(runs.plan) > 4))
        _say(words, "", report.leaderboard(runs.table, order, task.metric, axes), "")
        winner = in_units(runs[int(order[0])], task.target)
        best = Top(in_units(runs[int(i)], task.target) for i in order[:BEST])
        told = [f"{name} {report.short(runs.table[name][order[0]])}" for name in axes if len(axes[name]) > 1]
        _say(words, f"the winner is network {order[0]}: {', '.join(told) or 'the only one'}")
        _constant(words, task)
        _score(words, "winner", winner, task)
        if len(best) > 1:
            _score(words, f"best {len(best)} together", best.ensemble(), task)
        winner.save(folder / "winner.safetensors")
        report.write_csv(folder / "results.csv", _results(words, runs, axes))
        if _can_draw(words):
            _pictures(folder, runs, order, task, axes)
        written = sorted(path.name for path in folder.iterdir())
    _say(words, f"written to {place}: {', '.join(written)} ({time.perf_counter() - started:.1f} s in all)")
    _say(words, f"to use it: jaxnn predict {place} {_use(words)}")


def train_one(words: Namespace) -> None:
    """Train one network, print its scores, write the folder.

    Raises:
        Bad, ValueError: for data or words that do not fit, before the folder is touched.
    """
    started = time.perf_counter()
    task = problem(words)
    hparams = {name: getattr(words, name)[0] for name in ("lr", "hidden", "activation", "batch_norm")}
    hparams |= {name: getattr(words, name)[0] for name in ("l2", "l1", "dropout") if getattr(words, name) != [0.0]}
    place = words.out or f"jaxnn-{_stem(words.data)}-fit"
    with output(place, FILES) as folder:
        _say(words, f"one network on {_about(task)}")
        with _warnings_told(words):
            run = fit(
                task.trial,
                task.train,
                hparams,
                batch_size=words.batch_size[0],
                seed=words.seed,
                **_options(words, task),
            )
        value = run.metrics[f"val_{task.metric}"]
        if not np.isfinite(value):
            raise Bad(f"the network diverged; write a smaller learning rate, as in --lr {hparams['lr'] / 10:g}")
        if run.diverged is not None:
            _say(words, f"the network diverged at step {run.diverged}, the weights are those before")
        _say(words, f"best after epoch {run.best_epoch + 1} of {run.epochs}: validation {task.metric} {value:.4f}")
        model = in_units(run, task.target)
        _constant(words, task)
        _score(words, "network", model, task)
        model.save(folder / "model.safetensors")
        report.write_csv(folder / "history.csv", {"epoch": range(1, run.epochs + 1), **_lists(run.history)})
        if _can_draw(words):
            title = f"{task.train.name}: one network"
            report.draw_curves(folder / "curves.png", run.history, task.metric, title, best_epoch=run.best_epoch)
        written = sorted(path.name for path in folder.iterdir())
    _say(words, f"written to {place}: {', '.join(written)} ({time.perf_counter() - started:.1f} s in all)")
    _say(words, f"to use it: jaxnn predict {place} {_use(words)}")


def _options(words: Namespace, task: Problem) -> dict[str, Any]:
    """What one network and many are trained with alike."""
    return {
        "epochs": words.epochs,
        "validation": (task.held.x, task.held.y),
        "stop": stopping(words),
        "standardise": True,
        "prepare": task.prepare,
        "progress": not words.quiet and sys.stderr.isatty(),
    }


def _kept(words: Namespace) -> str | None:
    """The folder to train in, or None.

    Raises:
        Bad: where there is nothing to go on from.
    """
    if words.folder is not None and words.resume is not None:
        raise Bad("--folder and --resume name one folder each; write --resume alone to go on")
    if words.resume is not None and not (Path(words.resume) / GRID).is_file():
        raise Bad(f"--resume: there is no grid in {words.resume}; write --folder {words.resume} to begin one")
    return words.resume or words.folder


def _results(words: Namespace, runs: Runs, axes: dict[str, Any]) -> dict[str, Any]:
    """A row for each network: its axes and scores, and what was the same for all."""
    fixed = {name: [value] * len(runs) for name, value in constants(words, axes).items()}
    return {"network": range(len(runs)), **runs.table, **fixed}


def _pictures(folder: Path, runs: Runs, order: np.ndarray, task: Problem, axes: dict[str, Any]) -> None:
    title = f"{task.train.name}: {len(runs)} networks"
    best = [int(i) for i in order[:BEST]]
    report.draw_curves(folder / "curves.png", runs.history, task.metric, title, highlight=best)
    pair = report.two_axes(runs.table, axes)
    if pair is not None:
        report.draw_heatmap(folder / "heatmap.png", runs.table, *pair, task.metric, title)


@contextlib.contextmanager
def _warnings_told(words: Namespace) -> Iterator[None]:
    """What the library warns of, as lines beside the others; of divergence more is told later."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    told = dict.fromkeys(str(w.message) for w in caught if w.category is UserWarning)
    _say(words, *told)


def _can_draw(words: Namespace) -> bool:
    found = find_spec("matplotlib") is not None
    if not found:
        _say(words, "no pictures without matplotlib: pip install 'jaxnn-grid[plot]'")
    return found


def _score(words: Namespace, who: str, model: Any, task: Problem) -> None:
    """Print the test scores of a model."""
    values = scores(model, task.test.x, task.test.y)
    told = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
    _say(words, f"test score of the {who}: {told} ({len(task.test.y)} rows that no network saw)")


def _constant(words: Namespace, task: Problem) -> None:
    """Print the test scores of always the same prediction, beside which the others say something."""
    if task.target is None:
        always = int(np.bincount(task.train.y).argmax())
        shown = repr(always if task.train.classes is None else task.train.classes[always])
    else:
        always = float(np.ravel(task.target.mean)[0])
        shown = f"the mean {always:.4g}"
    values = scores(SimpleNamespace(predict=lambda x: np.full(len(x), always)), task.test.x, task.test.y)
    told = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
    _say(words, f"baseline, always {shown}: {told}")


def _about(task: Problem) -> str:
    kind = "a regression" if task.train.classes is None else f"{len(task.train.classes)} classes"
    rows = f"{len(task.train.y)} rows to train, {len(task.held.y)} to validate and {len(task.test.y)} to test"
    return f"{task.train.name}: {len(task.train.features)} features, {kind}, {rows}"


def _lists(history: dict[str, Any]) -> dict[str, list[float]]:
    return {name: [float(value) for value in values] for name, values in history.items()}


def _stem(data: str) -> str:
    name = Path(data).name
    suffix = next((s for s in sorted(SUFFIXES, key=len, reverse=True) if name.lower().endswith(s)), "")
    return name[: len(name) - len(suffix)]


def _use(words: Namespace) -> str:
    return words.data if words.target is None else f"new.csv  (or {words.data} --target {words.target})"


def _say(words: Namespace, *lines: str) -> None:
    if lines and not words.quiet:
        print(*lines, sep="\n", flush=True)
