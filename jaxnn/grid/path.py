"""`path`: one model at many strengths of a penalty, trained in one program."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxnn.core.tree import WEIGHTS, Where, mask
from jaxnn.grid.engine import grid
from jaxnn.grid.results import Runs
from jaxnn.grid.space import axis_values, zip
from jaxnn.train.result import Run
from jaxnn.train.trial import TrialLike


def path(
    trial: TrialLike,
    data: Any,
    *,
    epochs: int,
    batch_size: int | None = None,
    metric: str | None = None,
    where: Where = WEIGHTS,
    validation: Any = None,
    stop: Any = None,
    shuffle_seed: int = 0,
    standardise: bool = False,
    precision: Any = None,
    plan: Any = "auto",
    progress: bool = True,
    **axes: Any,
) -> "Path":
    """Train a model at every strength of a penalty: weights, exact zeros and scores along the strengths.

    ``nn.path(lasso, (x, y), l1=nn.logspace(1e-3, 1.0, 50), epochs=500, validation=0.2)``. The strengths ride in one
    compiled program, as in `grid`, all from the same start. For zeros that are exactly zero the trial's optimizer ends
    with a proximal step, `proximal_l1` or its kin.

    Args:
        trial: a function from hyperparameters to a `Trial`.
        data: ``(x, y)``, ``(x, y, weight)`` or a data set.
        epochs: passes over the data, at most; enough to converge, which more epochs would show.
        batch_size: rows of a step; None, unlike in `grid` the default, for all of them, so that solutions are exact.
        metric: a name in the history to score by; by default validation accuracy, validation loss or loss.
        where: the leaves that are the coefficients: last names, a pattern over paths or a function of the path.
        validation, stop, shuffle_seed, standardise, precision, plan, progress: as in `grid`.
        **axes: hyperparameters by name. The longest list holds the strengths; other lists of that length go beside it,
            and single values with all of it.

    Returns:
        A `Path`.

    Raises:
        ValueError: without strengths, for strengths that are no numbers, or if ``where`` chooses no leaf.

    Source: ``sklearn.linear_model.lasso_path``; Friedman, Hastie and Tibshirani, "Regularization paths for generalized
        linear models via coordinate descent", 2010.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def lasso(l1):
        ...     return nn.Trial(nn.Dense(1, kernel_init="zeros"), "half_squared_error",
        ...                     optax.chain(optax.sgd(0.5), nn.proximal_l1(l1, 0.5)))
        >>> x = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
        >>> found = nn.path(lasso, (x, x @ [3.0, 1.0]), l1=[0.5, 2.0, 4.0], epochs=40)
        >>> found.coefficients[..., 0].round(3).tolist(), found.zeros.tolist()
        ([[2.5, 0.5], [1.0, 0.0], [0.0, 0.0]], [0, 1, 2])
    """
    call = "nn.path(trial, data, l1=nn.logspace(1e-3, 1.0, 50), epochs=500)"
    if not axes:
        raise ValueError(f"a path needs the strengths of a penalty; write {call}")
    lengths = {name: len(axis_values(name, axis)) for name, axis in axes.items()}
    name = max(lengths, key=lambda n: lengths[n])
    try:
        strengths = np.asarray(axis_values(name, axes[name]), float)
    except (TypeError, ValueError):
        raise ValueError(f"the strengths {name} of a path must be numbers, got {axes[name]!r}; write {call}") from None
    space = zip(**{**axes, name: strengths})
    runs = grid(
        trial, data, space, epochs=epochs, batch_size=batch_size, validation=validation, stop=stop, plan=plan,
        shuffle_seed=shuffle_seed, standardise=standardise, precision=precision, progress=progress,
    )  # fmt: skip
    found = Path(name, strengths, runs, runs.default_metric if metric is None else metric, where)
    runs.order(found.metric)
    if not found.leaves:
        raise ValueError(f'where={where!r} chooses no leaf of the weights; write where=("kernel",)')
    return found


@dataclass(frozen=True, eq=False)
class Path:
    """What `path` returns: weights, zeros and scores along the strengths of a penalty.

    Args:
        name: of the hyperparameter that holds the strength.
        strengths: ``(members,)`` floats, in the order given.
        runs: the `Runs`; ``found.runs[i]`` predicts at strength *i*.
        metric: what `scores` and `best` go by.
        where: which leaves are the coefficients.

    Example:
        >>> import numpy as np, optax, jaxnn as nn
        >>> def ridge(l2):
        ...     return nn.Trial(nn.Dense(1, use_bias=False), "squared_error", optax.chain(nn.l2(l2), optax.sgd(0.1)))
        >>> nn.path(ridge, (np.ones((2, 1)), np.ones(2)), l2=[1.0, 0.25], epochs=60)
        Path(2 strengths l2 from 1 to 0.25; 0 to 0 of 1 coefficients are zero; loss 0.04 at the best, l2=0.25)
    """

    name: str
    strengths: np.ndarray
    runs: Runs
    metric: str
    where: Where = WEIGHTS

    def __repr__(self) -> str:
        coefficients = self.coefficients
        i = self.best_index
        return (
            f"Path({len(self.strengths)} strengths {self.name} from {self.strengths[0]:.3g} to "
            f"{self.strengths[-1]:.3g}; {self.zeros.min()} to {self.zeros.max()} of {coefficients[0].size} "
            f"coefficients are zero; {self.metric} {self.scores[i]:.3g} at the best, "
            f"{self.name}={self.strengths[i]:.3g})"
        )

    @functools.cached_property
    def stacked(self) -> Any:
        """All weights as one tree, leaves ``(members, ...)``."""
        return self.runs.stacked_params()

    @functools.cached_property
    def leaves(self) -> list[np.ndarray]:
        """The leaves that ``where`` chooses, each ``(members, ...)``."""
        pairs = jax.tree.map(lambda leaf, chosen: np.asarray(leaf) if chosen else None, self.stacked,
                             mask(self.stacked, self.where))  # fmt: skip
        return jax.tree.leaves(pairs)

    @property
    def coefficients(self) -> np.ndarray:
        """The chosen leaf, ``(members, ...)``; several are laid flat side by side, ``(members, coefficients)``."""
        if len(self.leaves) == 1:
            return self.leaves[0]
        return np.concatenate([leaf.reshape(len(leaf), -1) for leaf in self.leaves], 1)

    @property
    def zeros(self) -> np.ndarray:
        """How many coefficients are exactly zero at each strength, ``(members,)``."""
        return (self.coefficients.reshape(len(self.strengths), -1) == 0).sum(1)

    @property
    def scores(self) -> np.ndarray:
        """The metric at each strength, at the epoch of its weights, ``(members,)``."""
        return np.array(self.runs.table[self.metric])

    @property
    def best_index(self) -> int:
        """Which strength scores best; the first of equals."""
        return int(self.runs.order(self.metric)[0])

    @property
    def best(self) -> Run:
        """The `Run` that scores best."""
        return self.runs[self.best_index]

    def plot(self, **options: Any) -> Any:
        """Draw the coefficients over the strengths, and the scores under them; see `jaxnn.plot.path`.

        Args:
            **options: ``names`` of the coefficients, by default those of the data's features; ``ax``.

        Returns:
            The matplotlib axes of the coefficients.
        """
        from jaxnn.plot.path import path as draw

        names = None if self.runs.source is None else self.runs.source.features
        known = {"names": names} if names is not None and len(names) == self.coefficients[0].size else {}
        shown = {"scores": self.scores, "metric": self.metric, "best": self.best_index, "name": self.name, **known}
        return draw(self.strengths, self.coefficients, **{**shown, **options})
