"""What was asked of a study of Optuna and is to be told."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from jaxnn.search.batch import Batch, means
from jaxnn.search.distributions import Ranges


class Asked:
    """The trials of a study that were asked for and have not been told: after a ``with`` there are none.

    Args:
        study: of Optuna.
        space: ranges by name, or a function from Optuna's trial to a point.
        pruning: whether its pruner will be asked.
    """

    def __init__(self, study: Any, space: Any, pruning: bool = False):
        if not all(hasattr(study, name) for name in ("ask", "tell", "directions")):
            raise ValueError(
                f'a study is one of Optuna, got {study!r}; write optuna.create_study(direction="maximize")'
            )
        if not isinstance(space, Mapping) and not callable(space):
            raise ValueError(
                f"the space of a study is a dict of ranges or a function of its trial, and no {type(space).__name__}; "
                "write dict(lr=nn.space.log(1e-4, 1e-1)), or nn.grid(trial, data, space) for points that are known"
            )
        if pruning and len(study.directions) > 1:
            raise ValueError("Optuna prunes no study of several directions; leave out prune_every")
        self.study: Any = study
        self.define = Ranges.of(space) if isinstance(space, Mapping) else space
        self.open: dict[int, Any] = {}  # by their place in the batch

    def __enter__(self) -> "Asked":
        self._thread = ThreadPoolExecutor(1)
        return self

    def __exit__(self, *_: Any) -> None:
        from optuna.trial import TrialState

        for trial in self.open.values():
            self.study.tell(trial, state=TrialState.FAIL, skip_if_finished=True)
        self._thread.shutdown()

    def points(self, n: int) -> list[dict[str, Any]]:
        """The points of so many new trials."""
        return [self._point(place) for place in range(n)]

    def _point(self, place: int) -> dict[str, Any]:
        trial = self.open[place] = self._ask()
        point = self.define(trial)
        if not isinstance(point, Mapping):
            raise ValueError(
                f"the function of Optuna's trial returned {point!r}; write return dict(lr=lr, ...) at its end"
            )
        return dict(point)

    def _ask(self) -> Any:
        """A new trial, asked for in another thread: Ctrl-C waits for it, as the study has it before it is drawn."""
        asking = self._thread.submit(self.study.ask)
        try:
            return asking.result()
        except KeyboardInterrupt:
            self.open[-1] = asking.result()
            raise

    def check(self, names: tuple[str, ...], batch: Batch) -> None:
        """Raise unless the study has a direction for each metric, which is the metric's own where that is known."""
        directions = [direction.name.lower() for direction in self.study.directions]
        if len(names) != len(directions):
            raise ValueError(
                f"the study has {len(directions)} direction(s) and metric= {len(names)} name(s), {', '.join(names)}; "
                f"write optuna.create_study(directions=[...]) with one for each"
            )
        known = batch.parts[0].population.entries[0].trial().directions
        for name, direction in zip(names, directions, strict=True):
            way = known.get(name)
            right = direction if way is None else "maximize" if way else "minimize"
            if right != direction:
                raise ValueError(
                    f"{name} is better the {'larger' if way else 'smaller'}, and the study is to {direction}; "
                    f'write optuna.create_study(direction="{right}"), or another metric='
                )

    def prune(self, epoch: int, batch: Batch, metric: str, seeds: int) -> np.ndarray:
        """Report the metric of the trials that go on, and tell those that the pruner prunes; which, ``(trials,)``."""
        from optuna.trial import TrialState

        values, going = means(batch.last(metric), seeds), np.any(batch.going.reshape(-1, seeds), axis=1)
        pruned = np.zeros(len(values), bool)
        for place in [place for place in self.open if going[place] and not np.isnan(values[place])]:
            self.open[place].report(float(values[place]), epoch)
            if self.open[place].should_prune():
                self.study.tell(self.open[place], state=TrialState.PRUNED)
                del self.open[place]
                pruned[place] = True
        return pruned

    def tell(self, values: list[np.ndarray]) -> None:
        """Tell the values of all open trials, for each metric ``(trials,)``; NaN is a failure."""
        from optuna.trial import TrialState

        for place in list(self.open):
            own = [float(v[place]) for v in values]
            state = {"state": TrialState.FAIL} if np.isnan(own).any() else {"values": own}
            self.study.tell(self.open[place], **state)
            del self.open[place]
