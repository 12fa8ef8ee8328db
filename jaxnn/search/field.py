"""The field of a search: all members of a grid, numbered as its points, of which some go on and others stay."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from jaxnn.train.exchange import apart, back, draw
from jaxnn.train.population import Population


class Field:
    """All members, whatever their structures; each population holds its own as far as they came.

    Whoever goes on is gathered into a smaller population, trained there, and brought home: to the bit what it would be
    alone, as a member of a `Population` is. Whoever is beyond a budget already, as after a kill, is left as it is.

    Args:
        populations: one for each structure; ``numbers`` are the points of their members.
        callbacks, visited: as in `Population.advance`.
    """

    def __init__(
        self, populations: Sequence[Population], callbacks: Sequence[Callable] = (),
        visited: Callable[[int], Any] = lambda weight: None,
    ):  # fmt: skip
        self.populations, self.callbacks, self.visited = list(populations), callbacks, visited
        self.saved = time.monotonic()
        for population in self.populations:
            draw(population)

    @property
    def points(self) -> int:
        """How many members there are."""
        return sum(map(len, self.populations))

    @property
    def epochs(self) -> int:
        """After how many epochs the last of them ends."""
        return max(entry.epochs for population in self.populations for entry in population.entries)

    @property
    def stacks(self) -> list[np.ndarray]:
        """The points of the members that go through one call of a program together."""
        return [population.numbers[group.members] for population in self.populations for group in population.groups]

    def split(self, members: np.ndarray) -> Iterator[tuple[Population, np.ndarray]]:
        """Each population that some of these points are of, and their places in it."""
        for population in self.populations:
            places = np.flatnonzero(np.isin(population.numbers, members))
            if len(places):
                yield population, places

    def column(self, of: Callable[[Population], np.ndarray]) -> np.ndarray:
        """What a function gives for the members of each population, in the order of the points."""
        parts = [(population.numbers, np.asarray(of(population))) for population in self.populations]
        found = np.empty(self.points, np.result_type(*(values.dtype for _, values in parts)))
        for numbers, values in parts:
            found[numbers] = values
        return found

    def advance(self, members: np.ndarray, epochs: int) -> None:
        """Bring these points to so many epochs; those that ended before stay as they are."""
        for population, places in self.split(members):
            going, done = population.going[places], population.outcome.epochs[places]
            for epoch in np.unique(done[going & (done < epochs)]):
                own = places[going & (done == epoch)]
                self.train(population, own, apart(population, own, int(epoch)), epochs - int(epoch))

    def train(self, population: Population, places: np.ndarray, part: Population, epochs: int) -> None:
        """Train members apart and bring them home, also when interrupted; where there is a folder it is written."""
        part.numbers, part.name = population.numbers[places], population.name

        def visit(number: int, group: Any, ended: bool) -> None:
            if population.visits and self._due():
                back(population, places, part)
                self._write(population)

        part.visits.append(visit)
        try:
            part.advance(epochs, self.callbacks, self.visited)
        except KeyboardInterrupt:
            back(population, places, part)
            self._write(population)
            raise
        else:
            back(population, places, part)
        finally:
            for name, spent in part.timing.items():
                population.timing[name] += spent

    def close(self) -> None:
        """Write what is not written yet."""
        for population in self.populations:
            self._write(population)

    def _due(self) -> bool:
        from jaxnn.io.folder import SAVE_SECONDS

        return time.monotonic() - self.saved >= SAVE_SECONDS

    def _write(self, population: Population) -> None:
        for number, group in enumerate(population.groups):
            for visit in population.visits:
                visit(number, group, True)
        self.saved = time.monotonic()
