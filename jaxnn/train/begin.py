"""Where a population begins: from drawn weights, from given ones, from runs that go on, or from a folder."""

import os
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxnn.data.source import Source
from jaxnn.train.culprits import naming_culprits
from jaxnn.train.engine import start as fresh
from jaxnn.train.enrol import Entry
from jaxnn.train.layout import Layout, stacked
from jaxnn.train.population import Population
from jaxnn.train.result import Run
from jaxnn.train.taken import Taken, take_over


def begin(
    entries: Sequence[Entry], source: Source, layout: Layout, start: Any = None, folder: str | os.PathLike | None = None
) -> Population:
    """A population of these members.

    Args:
        entries: of one structure.
        source: the rows.
        layout: how the members lie on the machine.
        start: None, weights for all, a `Run` for all to go on from, or a list of either with one for each.
        folder: where it is saved, and continued from if it was saved there before.
    """
    layout.check(entries[0].recipe.batch_size, source.rows)
    starts = start if isinstance(start, (list, tuple)) and not hasattr(start, "_fields") else [start] * len(entries)
    if len(starts) != len(entries):
        raise ValueError(f"start= holds {len(starts)} and there are {len(entries)} members; write one, or one for each")
    if any(isinstance(s, Run) for s in starts):
        population = Population(source, entries, layout)
        _go_on(population, list(starts))
    elif start is not None:
        population = Population(source, entries, layout, **_given(entries, source, list(starts)))
    else:
        population = Population(source, entries, layout)
    if folder is not None:
        from jaxnn.io.folder import attach

        attach(folder, population)
    return population


def shapes(entry: Entry, source: Source) -> Any:
    """The shapes of a member's state."""
    member = entry.member(entry.inside)
    key = jax.eval_shape(lambda: jax.random.key(0, impl="threefry2x32"))
    with naming_culprits(entry, source):
        return jax.eval_shape(lambda m, k, x: fresh(entry.recipe, m._replace(key=k), x), member, key, source.first_row)


def _given(entries: Sequence[Entry], source: Source, starts: list[Any]) -> dict[str, Any]:
    wanted = shapes(entries[0], source).params
    found: dict[int, tuple[dict, Taken]] = {id(s): take_over(wanted, s) for s in starts}
    parts = [found[id(s)] for s in starts]
    if len({taken.over for _, taken in parts}) > 1:
        raise ValueError("the weights given to start= match in different leaves; write weights of one structure")
    given = jax.tree.map(lambda *a: np.stack(a), *[leaves for leaves, _ in parts])
    return {"given": given, "taken": parts[0][1]}


def _go_on(population: Population, runs: list[Any]) -> None:
    call = "write start=run.params to begin from its weights alone"
    if not all(isinstance(run, Run) for run in runs):
        raise ValueError("start= holds runs and weights; write runs for all, or weights for all")
    if any(run.last is None for run in runs):
        raise ValueError(f"the last state of the run was not kept; {call}, or train with grid(..., states=True)")
    wanted = shapes(population.entries[0], population.source)
    for run in runs:
        ours, theirs = (_leaves(tree) for tree in (wanted, run.last))
        off = next((name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)), None)
        if off is not None:
            raise ValueError(
                f"the run cannot go on in this training: {off} was {theirs.get(off, 'absent')} and is to be "
                f"{ours.get(off, 'absent')}; give the same model, optimizer, stop= and validation=, or {call}"
            )
    epochs = {run.epochs for run in runs if run.diverged is None and not bool(run.last.stopped)}
    if len(epochs) > 1:
        raise ValueError(f"runs of {sorted(epochs)} epochs see other rows next and cannot go on together; {call}")
    longest = max(run.epochs for run in runs)
    state = stacked([run.last for run in runs])
    curves = {
        name: np.stack([np.pad(run.history[name], (0, longest - run.epochs), constant_values=np.nan) for run in runs])
        for name in runs[0].history
    }
    population.begin(state, curves, max(epochs, default=longest))


def _leaves(tree: Any) -> dict[str, tuple]:
    return {
        jax.tree_util.keystr(path): (tuple(np.shape(leaf)), str(leaf.dtype))
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }
