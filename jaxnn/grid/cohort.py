"""The members of one structure, and what came of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.tree import member
from jaxnn.data.source import Source
from jaxnn.grid.came import TIMES, Came
from jaxnn.grid.memory import Memory
from jaxnn.train.enrol import Entry
from jaxnn.train.outcome import Outcome, bare, shown
from jaxnn.train.progress import reading_order
from jaxnn.train.result import Run


class Report(NamedTuple):
    """How a population ran: its plan, and the seconds it took; of several parts the plan of one, and all seconds.

    ``memory`` is a `jaxnn.grid.memory.Memory`: bytes that a call takes on each device, predicted and by the compiler.
    """

    structure: dict[str, Any]
    members: int
    plan: Any
    compile_seconds: float
    run_seconds: float
    compiles: int
    parts: int = 1
    memory: Memory = Memory()

    def __str__(self) -> str:
        what = ", ".join(f"{k}={v}" for k, v in self.structure.items()) or "one structure"
        parts = f" in {self.parts} parts" if self.parts > 1 else ""
        times = f"{self.compiles} compilation(s) in {self.compile_seconds:.2f} s, ran {self.run_seconds:.2f} s"
        return f"{self.members} members ({what}){parts}: {self.plan}; {times}; {self.memory}"


class Reports(tuple):
    """The reports of all populations; prints as a paragraph."""

    def __repr__(self) -> str:
        return "\n".join(map(str, self))


class Cohort(NamedTuple):
    """The members of one structure and what came of them.

    Args:
        indices: their points in the space.
        outcome: chosen weights and curves, stacked.
        make: the `Run` of the k-th of them.
        report: how they ran, or None.
        stop: their `EarlyStopping`, of the grid or of the trial itself, or None.
        directions: whether larger is better, by metric.
    """

    indices: np.ndarray
    outcome: Outcome
    make: Callable[[int], Run]
    report: Report | None
    stop: Any = None
    directions: dict[str, bool | None] = {}

    @classmethod
    def of(cls, came: Came, entries: Sequence[Entry], source: Source) -> "Cohort":
        """What came of members; ``entries`` are theirs, in the order of their points."""
        outcome, last, taken = came.outcome, came.last, came.taken

        def make(k: int) -> Run:
            hparams = {name: shown(v) for name, v in entries[k].hparams.items()}
            own = None if last is None else member(last, k)
            return outcome.run(k, bare(entries[k], source), hparams, entries[k].seed, own, taken)

        fixed = {s.name: entries[0].hparams[s.name] for s in entries[0].recipe.structure if s.is_fixed}
        compiling, running, compiles = (came.timing[name] for name in TIMES)
        report = Report(fixed, len(entries), came.plan, compiling, running, int(compiles), came.parts, came.memory)
        trial = entries[0].trial()
        return cls(came.points, outcome, make, report, trial.stop, trial.directions)


def together(cohorts: Iterable[Cohort], count: int) -> Outcome:
    """What came of all ``count`` members, in the order of the space, but for the weights."""
    cohorts = list(cohorts)
    curves = [c.outcome.history for c in cohorts]
    longest = max((v.shape[1] for c in curves for v in c.values()), default=0)
    names = sorted({n for c in curves for n in c}, key=reading_order)
    dtype = np.result_type(np.float32, *(v.dtype for c in curves for v in c.values()))
    history = {n: np.full((count, longest), np.nan, dtype) for n in names}
    epochs, best, sick = (np.full(count, v) for v in (0, -1, -1))
    stopped = np.zeros(count, bool)
    for c in cohorts:
        for name, values in c.outcome.history.items():
            history[name][c.indices, : values.shape[1]] = values
        epochs[c.indices], best[c.indices] = c.outcome.epochs, c.outcome.best_epoch
        sick[c.indices], stopped[c.indices] = c.outcome.diverged, c.outcome.stopped
    return Outcome(None, None, epochs, best, sick, stopped, history)
