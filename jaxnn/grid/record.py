"""What a grid and a search say to each other: `Search` trains a grid's populations, and leaves a `Record`."""

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from jaxnn.train.enrol import Entry
from jaxnn.train.outcome import Outcome
from jaxnn.train.population import Population


class Rung(NamedTuple):
    """A round of a search, in which members were compared.

    Args:
        budget: what each member had used: epochs, or rows.
        members: their points, in order.
        scores: of the metric, one for each; NaN for whoever had diverged.
    """

    budget: int
    members: np.ndarray
    scores: np.ndarray

    def __repr__(self) -> str:
        return f"Rung(budget={self.budget}, {len(self.members)} members)"


class Lineage(NamedTuple):
    """One member that went on from another.

    Args:
        epoch: after how many epochs.
        child: the point whose member was replaced.
        parent: the point whose weights, optimizer and curves it got.
        hparams: the values with which it went on, those that a search changes.
    """

    epoch: int
    child: int
    parent: int
    hparams: dict[str, float]


class Record(NamedTuple):
    """What a search leaves behind beside its populations.

    Args:
        rungs: the rounds, in the order in which they were done.
        rung: for each point the last rung that it reached, or None where there are none.
        lineage: who went on from whom, in order.
        curves: columns beside the metrics, such as a learning rate that changed, ``(points, epochs)``.
    """

    rungs: Sequence[Rung] = ()
    rung: np.ndarray | None = None
    lineage: Sequence[Lineage] = ()
    curves: dict[str, np.ndarray] = {}

    def of(self, members: np.ndarray) -> "Record":
        """What it says of some of the points, in this order, by their new numbers."""
        new = {int(old): place for place, old in enumerate(members)}
        rungs = []
        for rung in self.rungs:
            own = [k for k, i in enumerate(rung.members) if int(i) in new]
            numbers = np.array([new[int(rung.members[k])] for k in own], int)
            rungs.append(Rung(rung.budget, numbers, np.asarray(rung.scores)[own]))
        lineage = [
            one._replace(child=new[one.child], parent=new[one.parent])
            for one in self.lineage
            if one.child in new and one.parent in new
        ]
        return Record(rungs, None if self.rung is None else self.rung[members], lineage)

    def beside(self, outcome: Outcome, indices: np.ndarray) -> Outcome:
        """What came of the members at these points, with the columns beside their metrics."""
        length = max((v.shape[1] for v in outcome.history.values()), default=0)
        own = {name: v[indices, :length] for name, v in self.curves.items()}
        return outcome._replace(history={**outcome.history, **own}) if own else outcome


PLAIN = Record()
"""That of a grid without a search."""


class Search(Protocol):
    """How a grid spends its epochs: `jaxnn.search.halving.Halving` is one."""

    def check(self, entries: Sequence[Entry], folder: str | os.PathLike | None) -> None:
        """Raise before anything is compiled for what cannot be searched.

        Args:
            entries: all points, in order.
            folder: where the grid is written, or None.
        """
        ...

    def work(self, members: int, epochs: int) -> int:
        """About how many epochs it takes, times members."""
        ...

    def train(
        self, populations: Sequence[Population], callbacks: Sequence[Callable] = (),
        visited: Callable[[int], Any] = lambda weight: None,
    ) -> Record:  # fmt: skip
        """Train the populations of all structures, whose ``numbers`` are their points.

        Args:
            populations: they hold afterwards what became of their members; `Plan.steady` laid them.
            callbacks: as in `Population.advance`, for any population that is taken out of these.
            visited: called with the epochs, times members, that were done.
        """
        ...


def check_search(search: Any) -> None:
    """Raise unless this is a search.

    Raises:
        ValueError: with what to write.

    Example:
        >>> check_search("halving")
        Traceback (most recent call last):
        ValueError: search= takes a search, got 'halving'; write search=nn.Halving(factor=3)
    """
    methods = ("check", "work", "train")
    if search is not None and (isinstance(search, type) or not all(hasattr(search, name) for name in methods)):
        raise ValueError(f"search= takes a search, got {search!r}; write search=nn.Halving(factor=3)")
