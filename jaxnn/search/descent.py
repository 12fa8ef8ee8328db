"""What `descend` returns: the way that the hyperparameters went, and what it led to."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.core.hyper import join
from jaxnn.data.source import Source
from jaxnn.train.enrol import Entry
from jaxnn.train.fit import fit
from jaxnn.train.result import Run


@dataclass(frozen=True, eq=False)
class Descent:
    """What `descend` returns: hyperparameters and the metric along the way of each start.

    Args:
        metric: what was descended.
        rises: whether larger is better, and it was climbed.
        path: each hyperparameter by name, ``(steps + 1, starts, ...)``, row 0 the start; a tuple where it holds
            several floats or arrays.
        values: the metric there, ``(steps + 1, starts)``; NaN where the training of a start diverged.
        gradients: its derivatives there, as ``path``.
        diverged: for each start the step at which a value or a gradient was not finite and it stayed, or -1.
        source: the rows.
        entries: the starts.
        options: of the training.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def ridge(l2):
        ...     return nn.Trial(nn.Dense(1, use_bias=False), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.1)))
        >>> x, y = np.ones((4, 1)), np.ones(4)
        >>> found = nn.descend(ridge, (x, y), dict(l2=0.1), steps=2, epochs=9, validation=(x, y / 2), log="l2")
        >>> found.path["l2"].shape, found.best["l2"] == found.at(2)["l2"], found.run().hparams["l2"] > 0.1
        ((3, 1), True, True)
    """

    metric: str
    rises: bool
    path: dict[str, Any]
    values: np.ndarray
    gradients: dict[str, Any]
    diverged: np.ndarray
    source: Source
    entries: tuple[Entry, ...]
    options: Mapping[str, Any]

    def __repr__(self) -> str:
        step, start = self.best_index
        first, last = (f"{self.values[i, start]:.4g}" for i in (0, step))
        many = f"{len(self.entries)} starts, " if len(self.entries) > 1 else ""
        of = f" of start {start}" if many else ""
        sick = int((self.diverged >= 0).sum())
        return (
            f"Descent({many}{len(self.values) - 1} steps: {self.metric} {first} to {last} at step {step}{of}, "
            f"{_few(self.best)}{f'; {sick} DIVERGED' if sick else ''})"
        )

    @functools.cached_property
    def best_index(self) -> tuple[int, int]:
        """Step and start of the best value."""
        lost = -np.inf if self.rises else np.inf
        values = np.where(np.isfinite(self.values), self.values, lost)
        i = int(values.argmax() if self.rises else values.argmin())
        return i // values.shape[1], i % values.shape[1]

    @property
    def best(self) -> dict[str, Any]:
        """The hyperparameters of the best value on all ways, as `fit` takes them."""
        return self.at(*self.best_index)

    @property
    def hparams(self) -> dict[str, Any]:
        """The last hyperparameters of the start that came to the best value; `ends` are those of all."""
        return self.at(-1, self.best_index[1])

    @property
    def ends(self) -> list[dict[str, Any]]:
        """The last hyperparameters of each start, from which another `descend` may go on."""
        return [self.at(-1, start) for start in range(len(self.entries))]

    def at(self, step: int, start: int = 0) -> dict[str, Any]:
        """The hyperparameters of a start after so many steps, what is held included."""
        entry = self.entries[start]
        here = {
            name: tuple(_plain(a[step, start]) for a in (way if isinstance(way, tuple) else (way,)))
            for name, way in self.path.items()
        }
        found = join(entry.recipe.structure, {**entry.inside, **here})
        return {name: found[name] if name in here else entry.point[name] for name in found}

    def run(self, hparams: Mapping[str, Any] | None = None) -> Run:
        """Train with the best hyperparameters, or these, on the same rows and as long, by `fit`.

        Returns:
            A `Run`, whose metrics are those of the descent.
        """
        point = dict(self.best if hparams is None else hparams)
        seed = self.entries[self.best_index[1]].seed
        return fit(self.entries[0].recipe.trial, self.source, point, seed=seed, **self.options)


def _few(hparams: Mapping[str, Any]) -> str:
    """Hyperparameters on one line."""

    def words(value: Any) -> str:
        return np.array2string(value, precision=3, threshold=12) if isinstance(value, np.ndarray) else repr(value)

    return ", ".join(f"{name}={words(value)}" for name, value in hparams.items())


def _plain(a: np.ndarray) -> Any:
    """A single number as Python prints it, in as few digits as tell it apart; an array as it is."""
    return float(str(a)) if a.ndim == 0 else a
