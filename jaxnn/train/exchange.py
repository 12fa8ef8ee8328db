"""Members of a population in the place of others, with other hyperparameters; and apart from it for a while."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jaxnn.train.enrol import Entry, enrol
from jaxnn.train.outcome import joined
from jaxnn.train.shortage import in_groups


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
    state = jax.tree.map(lambda a, b: replaced(a, places, b), population.state(True), other.state(True))
    curves = {name: replaced(v, places, other.history[name]) for name, v in population.history.items()}
    epoch, population.entries = population.epoch, entries
    population.begin(state, curves, epoch)


def _changed(source: Any, entry: Entry, changes: dict[str, Any], seed: int) -> Entry:
    changes = {n: v.item() if isinstance(v, np.generic) else v for n, v in changes.items()}
    point = {**entry.point, **changes, **({"seed": seed} if "seed" in entry.point else {})}
    known = entry.recipe
    new = enrol(
        known.trial, source, point, epochs=entry.epochs, batch_size=known.batch_size, shuffle=entry.shuffle,
        stop=entry.stop, precision=known.precision, rewind=known.rewind, micro=known.micro,
    )._replace(seed=seed, shuffle=entry.shuffle)  # fmt: skip
    new = new._replace(recipe=replace(new.recipe, steps_per_epoch=known.steps_per_epoch), steps=entry.steps)
    if new.structure != entry.structure:
        raise ValueError(f"{changes} is another structure; only numbers that ride inside the program can change")
    new.trial()
    return new


def draw(population: Any) -> None:
    """Draw the weights of the members that have none yet; nobody trains."""

    def drawn(number: int) -> None:
        group = population.groups[number]
        if group.standing.state is None:
            population.ready(group)
            group.standing = group.standing._replace(state=group.state(population.layout), laid=False)

    in_groups(population, drawn)
    known = next((group.history() for group in population.groups if group.standing.history), {})
    for group in population.groups:
        none = {name: [np.zeros((len(group.members), 0), v.dtype)] for name, v in known.items()}
        group.standing = group.standing._replace(history=group.standing.history or none)


def apart(population: Any, members: np.ndarray, epoch: int) -> Any:
    """A population of some of the members, all of which go on from this epoch; `back` brings them home."""
    part = population.take(members)
    part.begin(part.state(), part.history, epoch)
    if getattr(part.layout, "devices", 1) == getattr(population.layout, "devices", 1):
        part.placed = population.placed  # the rows lie there already
    return part


def back(population: Any, members: np.ndarray, part: Any) -> None:
    """Put members where they were taken from by `apart`, as far as they went on, while others stayed as they are.

    Those who have not gone on, and those whom an interrupt has lost, stay too.
    """
    known = [group for group in part.groups if group.standing.state is not None and group.standing.history]
    if not known:
        return
    places = np.concatenate([members[group.members] for group in known])
    states = [group.state(part.layout) for group in known]
    new, state = jax.tree.map(lambda *a: np.concatenate(a), *states), population.state()
    state = jax.tree.map(lambda a, b: replaced(a, places, b), state, new)
    curves = _longer(population.history, joined([group.history() for group in known]), len(population))
    home = {name: replaced(v[0], places, v[1]) for name, v in curves.items()}
    population.begin(state, home, max(population.epoch, *(group.standing.epoch for group in known)))


def _longer(ours: dict[str, Any], theirs: dict[str, Any], members: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Both curves of each metric at the same length; a population that has not trained has none."""
    longest = max((v.shape[1] for v in (*ours.values(), *theirs.values())), default=0)

    def filled(values: np.ndarray) -> np.ndarray:
        return np.pad(values, ((0, 0), (0, longest - values.shape[1])), constant_values=np.nan)

    return {n: (filled(ours.get(n, np.zeros((members, 0), v.dtype))), filled(v)) for n, v in theirs.items()}


def replaced(values: np.ndarray, places: np.ndarray, new: Any) -> np.ndarray:
    """A copy with other values in some places."""
    values = np.array(values)
    values[places] = new
    return values
