"""``jaxnn grid`` and ``jaxnn fit``: train, score on rows that were set aside, write a folder."""

import contextlib
import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxnn.cli import crossed, report
from jaxnn.cli.axes import Bad
from jaxnn.cli.folder import output
from jaxnn.cli.problem import Problem, constants, in_units, problem, space, stopping
from jaxnn.cli.telling import about, can_draw, constant, lists, say, score, stem, use, warnings_told
from jaxnn.grid.cluster import ray
from jaxnn.grid.engine import grid
from jaxnn.grid.ensemble import Top
from jaxnn.grid.results import Runs
from jaxnn.grid.stored import GRID
from jaxnn.search.halving import Halving
from jaxnn.train.fit import fit
from jaxnn.train.result import Run

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
    place = words.out or f"jaxnn-{stem(words.data)}"
    where = {"folder": _kept(words), "on": ray() if words.ray else None, "search": _search(words, task)}
    with output(place, FILES) if jax.process_index() == 0 else contextlib.nullcontext() as folder:
        each = f"{members} points in {words.folds} folds: " if words.folds else ""
        say(words, f"{each}{members * (words.folds or 1)} networks on {about(task)}")
        with warnings_told(words):
            runs = grid(task.trial, task.train, axes, plan=words.plan, **where, **_options(words, task))
        if folder is None:  # the first process writes for all
            return
        order = report.ranking(runs.table, task.metric)
        if not np.isfinite(runs.table[f"val_{task.metric}"][order[0]]):
            raise Bad("every network diverged; write smaller learning rates, as in --lr 1e-5:1e-2:8")
        if len(runs.diverged):
            say(words, f"{len(runs.diverged)} of {len(runs)} networks diverged")
        say(words, *map(str, runs.plan[:4]), *[f"... {len(runs.plan)} programs in all"] * (len(runs.plan) > 4))
        for rung in runs.rungs:
            say(words, f"{len(rung.members)} networks came to epoch {rung.budget}")
        if words.folds:
            cv = runs.cv(f"val_{task.metric}")
            say(words, "", crossed.leaderboard(cv, axes), "")
            winner = crossed.winner_of(words, task, runs, cv, axes, _options(words, task, held=False))
            points = crossed.table_of(cv)
        else:
            say(words, "", report.leaderboard(runs.table, order, task.metric, axes), "")
            winner, points = _winner(words, task, runs, order, axes), runs.table
        winner.save(folder / "winner.safetensors")
        report.write_csv(folder / "results.csv", _results(words, runs, axes))
        if can_draw(words):
            _pictures(folder, runs, order, task, points, axes)
        written = sorted(path.name for path in folder.iterdir())
    say(words, f"written to {place}: {', '.join(written)} ({time.perf_counter() - started:.1f} s in all)")
    say(words, f"to use it: jaxnn predict {place} {use(words)}")


def _winner(words: Namespace, task: Problem, runs: Runs, order: Any, axes: dict[str, list]) -> Run:
    """The best network, it and the best few together told with their scores."""
    winner = in_units(runs[int(order[0])], task.target)
    best = Top(in_units(runs[int(i)], task.target) for i in order[:BEST])
    told = [f"{name} {report.short(runs.table[name][order[0]])}" for name in axes if len(axes[name]) > 1]
    say(words, f"the winner is network {order[0]}: {', '.join(told) or 'the only one'}")
    constant(words, task)
    score(words, "winner", winner, task)
    if len(best) > 1:
        score(words, f"best {len(best)} together", best.ensemble(), task)
    return winner


def train_one(words: Namespace) -> None:
    """Train one network, print its scores, write the folder.

    Raises:
        Bad, ValueError: for data or words that do not fit, before the folder is touched.
    """
    started = time.perf_counter()
    task = problem(words)
    hparams = {name: getattr(words, name)[0] for name in ("lr", "hidden", "activation", "batch_norm")}
    hparams |= {name: getattr(words, name)[0] for name in ("l2", "l1", "dropout") if getattr(words, name) != [0.0]}
    place = words.out or f"jaxnn-{stem(words.data)}-fit"
    with output(place, FILES) as folder:
        say(words, f"one network on {about(task)}")
        with warnings_told(words):
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
            say(words, f"the network diverged at step {run.diverged}, the weights are those before")
        say(words, f"best after epoch {run.best_epoch + 1} of {run.epochs}: validation {task.metric} {value:.4f}")
        model = in_units(run, task.target)
        constant(words, task)
        score(words, "network", model, task)
        model.save(folder / "model.safetensors")
        report.write_csv(folder / "history.csv", {"epoch": range(1, run.epochs + 1), **lists(run.history)})
        if can_draw(words):
            title = f"{task.train.name}: one network"
            report.draw_curves(folder / "curves.png", run.history, task.metric, title, best_epoch=run.best_epoch)
        written = sorted(path.name for path in folder.iterdir())
    say(words, f"written to {place}: {', '.join(written)} ({time.perf_counter() - started:.1f} s in all)")
    say(words, f"to use it: jaxnn predict {place} {use(words)}")


def _options(words: Namespace, task: Problem, held: bool = True) -> dict[str, Any]:
    """What one network and many are trained with alike; what holds rows out is left out where none are held."""
    part = {"folds": words.folds} if task.held is None else {"validation": (task.held.x, task.held.y)}
    own = {**part, "stop": stopping(words)} if held else {}
    return {
        "epochs": words.epochs,
        **own,
        "standardise": True,
        "prepare": task.prepare,
        "precision": words.precision,
        "progress": not words.quiet and sys.stderr.isatty(),
    }


def _search(words: Namespace, task: Problem) -> Halving | None:
    """How the epochs are spent."""
    return None if words.search is None else Halving(metric=f"val_{task.metric}")


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


def _pictures(
    folder: Path, runs: Runs, order: np.ndarray, task: Problem, points: dict[str, list], axes: dict[str, Any]
) -> None:
    title = f"{task.train.name}: {len(runs)} networks"
    best = [int(i) for i in order[:BEST]]
    report.draw_curves(folder / "curves.png", runs.history, task.metric, title, highlight=best)
    pair = report.two_axes(points, [name for name in axes if name in points])
    if pair is not None:
        report.draw_heatmap(folder / "heatmap.png", points, *pair, task.metric, title)
