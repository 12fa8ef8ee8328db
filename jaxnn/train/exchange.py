"""Members of a population in the place of others, with other hyperparameters."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jaxnn.train.enrol import Entry, enrol


def put(population: Any, members: Sequence[int], other: Any, changes: dict[str, Any]) -> None:
    """See `jaxnn.train.population.Population.put`, whose method this is."""
    if len(members) != len(other):
        given = f"{len(members)} places and {len(other)} members"
        raise ValueError(f"{given}; write pop.put(losers, pop.take(winners))")
    if population.entries[0].structure != other.entries[0].structure or population.epoch != other.epoch:
        raise ValueError(
            "members of another structure, or after other epochs, cannot be put here; write nn.population for each "
            "structure, and advance both alike"
        )
    entries, places = list(population.entries), np.asarray(members)
    for k, i in enumerate(members):
        new = {name: v if np.ndim(v) == 0 or callable(v) else v[k] for name, v in changes.items()}
        entries[i] = _changed(population.source, other.entries[k], new, entries[i].seed)
    state = jax.tree.map(lambda a, b: replaced(a, places, b), population.state(), other.state())
    curves = {name: replaced(v, places, other.history[name]) for name, v in population.history.items()}
    epoch, population.entries = population.epoch, entries
    population.begin(state, curves, epoch)


def _changed(source: Any, entry: Entry, changes: dict[str, Any], seed: int) -> Entry:
    changes = {n: v.item() if isinstance(v, np.generic) else v for n, v in changes.items()}
    point = {**entry.point, **changes, **({"seed": seed} if "seed" in entry.point else {})}
    known = entry.recipe
    new = enrol(
        known.trial, source, point, epochs=entry.epochs, batch_size=known.batch_size, shuffle=entry.shuffle,
        stop=entry.stop, compute_dtype=known.compute_dtype, rewind=known.rewind,
    )._replace(seed=seed, shuffle=entry.shuffle)  # fmt: skip
    new = new._replace(recipe=replace(new.recipe, steps_per_epoch=known.steps_per_epoch), steps=entry.steps)
    if new.structure != entry.structure:
        raise ValueError(f"{changes} is another structure; only numbers that ride inside the program can change")
    new.trial()
    return new


def replaced(values: np.ndarray, places: np.ndarray, new: Any) -> np.ndarray:
    """A copy with other values in some places."""
    values = np.array(values)
    values[places] = new
    return values
