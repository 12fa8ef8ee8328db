"""Members that train together for a search: a population for each structure, read as one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxnn.train.population import Population


@dataclass
class Part:
    """The members of one structure.

    Args:
        members: their numbers in the batch.
        population: of them.
        seconds: the timing of the populations that these members went through before.
    """

    members: np.ndarray
    population: Population
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def timing(self) -> dict[str, float]:
        """Seconds to compile and to run, and compilations, from the beginning on."""
        return {name: v + self.seconds.get(name, 0) for name, v in self.population.timing.items()}


@dataclass
class Batch:
    """Members of a search that train together.

    Args:
        first: the number of the first of them in the search.
        size: how many there were at the beginning.
        parts: those that are left, by structure.

    Example:
        >>> import optax, jaxnn as nn
        >>> trial = lambda lr: nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(lr))
        >>> pop = nn.population(trial, (np.ones((4, 1)), np.ones(4)), dict(lr=[0.1, 0.2]), epochs=2, validation=0.5)
        >>> batch = Batch(0, 3, [Part(np.array([2, 0]), pop)])
        >>> batch.advance(2)
        >>> batch.epoch, batch.going.tolist(), batch.chosen("loss").shape
        (2, [False, False, False], (3,))
    """

    first: int
    size: int
    parts: list[Part]

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return min((part.population.epoch for part in self.parts), default=0)

    @property
    def end(self) -> int:
        """After how many epochs the longest of them is done."""
        return max((entry.epochs for part in self.parts for entry in part.population.entries), default=0)

    @property
    def going(self) -> np.ndarray:
        """Which members still train, ``(size,)`` bool."""
        return self._read(lambda population: population.going, False)

    @property
    def diverged(self) -> np.ndarray:
        """Which members fell sick, ``(size,)`` bool."""
        return self._read(lambda population: population.outcome.diverged >= 0, False)

    def advance(self, epochs: int, visited: Callable[[int], Any] = lambda weight: None) -> None:
        """Train all for so many more epochs, or until none goes on."""
        for part in self.parts:
            part.population.advance(epochs, visited=visited)

    def chosen(self, metric: str) -> np.ndarray:
        """A metric at the chosen epoch of each member, ``(size,)``; NaN for those that diverged or are gone."""

        def at(population: Population) -> np.ndarray:
            outcome = population.outcome
            epochs = outcome.best_epoch
            values = outcome.history[metric][np.arange(len(epochs)), np.maximum(epochs, 0)]
            return np.where((epochs >= 0) & (outcome.diverged < 0), values, np.nan)

        return self._read(at, np.nan)

    def last(self, metric: str) -> np.ndarray:
        """A metric at the last epoch that each member did, ``(size,)``; NaN for those that diverged or are gone."""

        def at(population: Population) -> np.ndarray:
            outcome = population.outcome
            values = outcome.history[metric][np.arange(len(population)), np.maximum(outcome.epochs - 1, 0)]
            return np.where(outcome.diverged < 0, values, np.nan)

        return self._read(at, np.nan)

    def _read(self, of: Callable[[Population], np.ndarray], missing: Any) -> np.ndarray:
        values = np.full(self.size, missing)
        for part in self.parts:
            values[part.members] = of(part.population)
        return values


def means(values: np.ndarray, seeds: int) -> np.ndarray:
    """Means over the seeds of each point, NaN where one of them has none.

    Example:
        >>> means(np.array([1.0, 3.0, np.nan, 4.0]), 2)
        array([ 2., nan])
    """
    return np.asarray(values, float).reshape(-1, seeds).mean(1)
