"""Trainings of many networks over parts of the same rows, in one program for each structure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.core.hyper import split
from jaxnn.core.tree import member, row_count
from jaxnn.core.types import Batch, Params
from jaxnn.data.batches import in_order
from jaxnn.data.source import EVALUATION_ROWS, Source
from jaxnn.grid import plan as plans
from jaxnn.grid.memory import Gauge
from jaxnn.train.begin import begin
from jaxnn.train.enrol import Entry, check, enrol
from jaxnn.train.layout import Alone, Layout
from jaxnn.train.population import Population
from jaxnn.train.result import Run
from jaxnn.train.state import TrainState
from jaxnn.train.trial import TrialLike, arguments

KEPT = 128
"""Orders of epochs that are kept."""


class Orders:
    """The orders of the rows, epoch by epoch, as scikit-learn shuffles them: each epoch shuffles the one before.

    Args:
        random: what shuffles, as it stands now; it is copied.
        rows: how many.
        shuffle: False keeps them in order.

    Example:
        >>> orders = Orders(np.random.RandomState(0), 4)
        >>> orders.of(1).tolist() == Orders(np.random.RandomState(0), 4).of(1).tolist()
        True
    """

    def __init__(self, random: np.random.RandomState, rows: int, shuffle: bool = True):
        self.first, self.rows, self.shuffle = random.get_state(), rows, shuffle
        self._begin()

    @property
    def key(self) -> tuple:
        """Equal keys are equal orders."""
        _, words, place, *_ = self.first
        return (np.asarray(words).tobytes(), place, self.rows) if self.shuffle else (self.rows,)

    def _begin(self) -> None:
        self._random = np.random.RandomState()
        self._random.set_state(self.first)
        self._next, self._last = 0, np.arange(self.rows, dtype=np.int32)
        self._kept: dict[int, np.ndarray] = {}

    def of(self, epoch: int) -> np.ndarray:
        """The order of an epoch, ``(rows,)`` int32."""
        if not self.shuffle:
            return self._last
        if epoch < self._next and epoch not in self._kept:
            self._begin()
        while self._next <= epoch:
            self._last = self._last[shuffled(self._random, self.rows)]
            self._kept[self._next] = self._last
            self._kept.pop(self._next - KEPT, None)
            self._next += 1
        return self._kept[epoch]


def shuffled(random: np.random.RandomState, rows: int) -> np.ndarray:
    """A permutation by the draws that ``sklearn.utils.shuffle`` makes."""
    order = np.arange(rows)
    random.shuffle(order)
    return order


class Job(NamedTuple):
    """One network to be trained.

    Args:
        trial: a trial function, or a `Trial`.
        point: its hyperparameters.
        rows, held: numbers of its training and of its validation rows; None for no validation.
        orders: of the training rows.
        batch_size: rows of a step at most.
        epochs: at most.
        seed: of dropout, and of weights that are not given.
        given: its weights at first, or None.
        state: to go on from, or None.
        stop: an `EarlyStopping`, or None.
        check: whether shapes go through the model and the loss before anything is compiled.
    """

    trial: TrialLike
    point: dict[str, Any]
    rows: np.ndarray
    held: np.ndarray | None
    orders: Orders
    batch_size: int
    epochs: int
    seed: int
    given: Params | None = None
    state: TrainState | None = None
    stop: Any = None
    check: bool = False

    @property
    def steps(self) -> int:
        """Of an epoch."""
        return -(-len(self.rows) // self.batch_size)

    @property
    def part(self) -> tuple:
        """Jobs of one part see the same rows in the same orders."""
        held = None if self.held is None else self.held.tobytes()
        return self.rows.tobytes(), held, self.orders.key

    @property
    def structure(self) -> tuple:
        """Jobs of one structure share a program."""
        size = self.batch_size if self.steps > 1 else None
        whole = split(arguments(self.point))[1], self.steps, size, self.held is None, self.state is None
        return *whole, jax.tree.structure(self.stop)


class Trained(NamedTuple):
    """What came of a job.

    Args:
        params: the weights to use.
        state: at the end, to go on from, NumPy arrays.
        history: curves ``(epochs,)`` by metric.
        make: gives the `Run`.
    """

    params: Params
    state: TrainState
    history: dict[str, np.ndarray]
    make: Callable[[], Run]


def rounded(rows: int) -> int:
    """A number of rows with three more digits than its first, in binary: at most an eighth more.

    Data and validation parts are filled up to it, so that folds that differ by one row share a program.

    Example:
        >>> [rounded(n) for n in (1, 9, 100, 1437, 1438)]
        [1, 9, 104, 1536, 1536]
    """
    step = 1 << max(0, rows.bit_length() - 4)
    return -(-rows // step) * step


@dataclass(frozen=True, eq=False)
class Rows(Source):
    """Rows whose parts have orders of their own, in steps of ``size`` rows.

    Args:
        streams: the orders of each part.
        size: rows of a step.
    """

    streams: tuple[Orders, ...] = ()
    size: int = 1

    @property
    def rows(self) -> int:
        """Training rows of the largest part, and what fills up its last step."""
        return -(-max(map(len, self.parts)) // self.size) * self.size

    @property
    def held_batches(self) -> Batch | None:
        """As `Source.held_batches`, of a rounded number of rows."""
        if self.held is None:
            return None
        most = rounded(max(row_count(part.y) for part in self.held))
        parts = [in_order(part, min(EVALUATION_ROWS, most), most) for part in self.held]
        return jax.tree.map(lambda *a: np.stack(a), *parts)

    def orders(self, first: int, count: int, shuffle: bool = True) -> np.ndarray:
        """As `Source.orders`."""
        orders = np.empty((count, len(self.parts), self.rows), np.int32)
        for part, (rows, stream) in enumerate(zip(self.parts, self.streams, strict=True)):
            for i in range(count):
                orders[i, part, : len(rows)] = rows[stream.of(first + i)]
            orders[:, part, len(rows) :] = orders[:, part, :1]
        return orders


def train(data: Batch, jobs: Sequence[Job], callback: Callable | None = None) -> list[Trained]:
    """Train all jobs; those of one structure side by side.

    Args:
        data: the rows that the jobs' numbers mean.
        callback: called after each epoch, as `jaxnn.Population.advance` says.
    """
    cohorts: dict[Any, list[int]] = {}
    found: dict[int, Trained] = {}
    with jax.enable_x64(any(leaf.dtype == np.float64 for leaf in jax.tree.leaves(data))):
        for i, job in enumerate(jobs):
            cohorts.setdefault(job.structure, []).append(i)
        for indices in cohorts.values():
            found |= dict(zip(indices, _together(data, [jobs[i] for i in indices], callback), strict=True))
    return [found[i] for i in range(len(jobs))]


def _together(data: Batch, jobs: list[Job], callback: Callable | None) -> list[Trained]:
    """Train jobs of one structure."""
    parts: dict[tuple, tuple[int, Job]] = {}
    for job in jobs:
        parts.setdefault(job.part, (len(parts), job))
    own = [job for _, job in parts.values()]
    held = None if own[0].held is None else tuple(jax.tree.map(lambda a, h=j.held: a[h], data) for j in own)
    size = jobs[0].batch_size if jobs[0].steps > 1 else rounded(max(len(j.rows) for j in own))
    data = jax.tree.map(_filled, data)
    source = Rows(data, tuple(j.rows for j in own), held, streams=tuple(j.orders for j in own), size=size)
    entries = [
        enrol(
            j.trial, source, {**j.point, "seed": j.seed, "fold": parts[j.part][0]},
            epochs=j.epochs, batch_size=size, stop=j.stop,
        )
        for j in jobs
    ]  # fmt: skip
    if jobs[0].check:
        check(entries[0], entries[0].trial(), source)
    population = _begun(entries, source, jobs)
    interrupted = False
    try:
        population.advance(max(j.epochs for j in jobs), () if callback is None else (callback,))
    except KeyboardInterrupt:
        if len(jobs) > 1 or population.groups[0].standing.state is None:
            raise
        interrupted = True
    found = _results(population)
    return [t._replace(state=t.state._replace(stopped=np.bool_(True))) for t in found] if interrupted else found


def _filled(array: np.ndarray) -> np.ndarray:
    missing = rounded(len(array)) - len(array)
    return np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)]) if missing else array


def _begun(entries: list[Entry], source: Source, jobs: list[Job]) -> Population:
    layout = _layout(entries, source)
    if jobs[0].state is None:
        return begin(entries, source, layout, None if jobs[0].given is None else [job.given for job in jobs])
    population = Population(source, entries, layout)
    population.begin(jax.tree.map(lambda *a: np.stack(a), *[job.state for job in jobs]), {}, 0)
    return population


def _layout(entries: list[Entry], source: Source) -> Layout:
    if len(entries) == 1:
        return Alone()
    return plans.choose("auto", len(entries), Gauge(entries[0], source))


def _results(population: Population) -> list[Trained]:
    outcome, state = population.outcome, population.state()
    found = []
    for i in range(len(population)):
        history = {name: v[i, : int(outcome.epochs[i])] for name, v in outcome.history.items()}
        found.append(Trained(member(outcome.params, i), member(state, i), history, partial(population.run, i)))
    return found
