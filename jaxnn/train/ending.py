"""How a training ends otherwise than well: interrupted, or sick."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np


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


def told(diverged: np.ndarray) -> None:
    """One warning for all members that fell sick, with their number and the first step; none if there is none."""
    sick = diverged[diverged >= 0]
    if len(sick):
        who = "the network" if len(diverged) == 1 else f"{len(sick)} of {len(diverged)} networks"
        warnings.warn(
            f"{who} diverged, first at step {sick.min()}, and went back to the beginning of that epoch; "
            "write a smaller learning rate, or nn.clip_by_norm(1.0) in front of the optimizer",
            DivergedWarning,
            stacklevel=3,
        )
