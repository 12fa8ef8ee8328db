"""What a search goes by: a metric, which way of it is better, and the ranks that follow."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxnn.core.registry import is_better_larger, usual
from jaxnn.train.enrol import Entry


class Goal(NamedTuple):
    """A metric of the history, and whether larger is better.

    Example:
        >>> Goal("val_loss", False).order(np.array([0.3, np.nan, 0.1, 0.2]), np.array([False, False, False, True]))
        array([2, 0, 1, 3])
    """

    metric: str
    rises: bool

    def order(self, scores: np.ndarray, sick: np.ndarray) -> np.ndarray:
        """Places from best to worst: NaN and then the sick last, ties as they come."""
        return np.lexsort((-scores if self.rises else scores, np.isnan(scores), sick))

    def top(self, scores: np.ndarray, sick: np.ndarray, count: int) -> np.ndarray:
        """The best places, in order; whoever has no score is among them only where nobody has one.

        Example:
            >>> Goal("val_accuracy", True).top(np.array([0.5, np.nan, 0.9, 0.7]), np.zeros(4, bool), 2)
            array([2, 3])
        """
        healthy = int((~sick & ~np.isnan(scores)).sum())
        return self.order(scores, sick)[: min(count, healthy) if healthy else count]


def goal_of(metric: str | None, mode: str | None, entries: Sequence[Entry], call: str) -> Goal:
    """The goal of a search over these members.

    Args:
        metric: None for validation accuracy, validation loss or loss, the first there is.
        mode: ``"min"``, ``"max"``, or None for what the metric says of itself.
        entries: the members.
        call: of the search, for what to write instead, such as ``"nn.Halving("``.

    Raises:
        ValueError: for a metric that not every structure has, or of which nobody said which way is better.
    """
    common: dict[str, bool | None] | None = None
    for entry in {entry.structure: entry for entry in entries}.values():
        trial = entry.trial()
        known = {name: way for name, way in entry.columns.items() if name != "penalty"}
        if trial.stop is not None and known.get(trial.stop.metric, 0) is None:
            known[trial.stop.metric] = trial.stop.rises
        common = known if common is None else {n: way for n, way in common.items() if n in known}
    assert common is not None
    chosen = metric or usual(common)
    if chosen not in common:
        held = "val_loss" in common
        hint = ", or grid(..., validation=0.2)" if chosen.startswith("val_") and not held else ""
        raise ValueError(
            f"a search looks at {chosen!r}, and the history has {', '.join(common)}; "
            f'write {call}metric="{"val_loss" if held else "loss"}"){hint}'
        )
    return Goal(chosen, is_better_larger(chosen, mode, f'{call}metric="{chosen}"', common))
