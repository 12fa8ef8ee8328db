"""How a training ends otherwise than well: interrupted, or sick."""

import warnings
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.data.source import Source

FAR = 10.0
"""Features whose root mean square, over the rows, is above this are far from standardised ones, which have 1."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of a `fit` or a `grid`.

    Args:
        runs: the `Run` of `fit` as far as it came, or the members of the grid that had finished.

    Example:
        >>> Interrupted([]).runs
        []
    """

    def __init__(self, runs: Sequence[Any]):
        super().__init__(f"interrupted; {len(runs)} run(s) are in the attribute runs of this error")
        self.runs = runs


class DivergedWarning(UserWarning):
    """Members fell sick: a loss or a weight was not finite.

    Example:
        >>> issubclass(DivergedWarning, UserWarning)
        True
    """


def told(diverged: np.ndarray, source: Source) -> None:
    """One warning for all members that fell sick, with their number and the first step; none if there is none.

    Args:
        diverged: for each member the step, or -1.
        source: the rows, which may be to blame.
    """
    sick = diverged[diverged >= 0]
    if len(sick):
        who = "the network" if len(diverged) == 1 else f"{len(sick)} of {len(diverged)} networks"
        warnings.warn(
            f"{who} diverged, first at step {sick.min()}, and went back to the beginning of that epoch; "
            f"write {_unscaled(source)}a smaller learning rate, or nn.clip_by_norm(1.0) in front of the optimizer",
            DivergedWarning,
            stacklevel=3,
        )


def _unscaled(source: Source) -> str:
    """What to write first where features are far from being standardised, else nothing."""
    if source.standardiser is not None:
        return ""
    for leaf in jax.tree.leaves(source.data.x):
        if isinstance(leaf, Tracer) or not jnp.issubdtype(leaf.dtype, jnp.floating):
            continue
        rows = np.asarray(leaf, np.float64).reshape(len(leaf), -1)
        spread, size = rows.std(0), np.sqrt((rows**2).mean(0))
        if size.max() > FAR:
            return (
                f"standardise=True, as features are not scaled (their largest standard deviation is "
                f"{spread.max():.3g}, and {size.max():.3g} their largest root mean square), or "
            )
    return ""
