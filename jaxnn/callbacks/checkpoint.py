"""A copy of a population on disk, every so many epochs."""

import os
from pathlib import Path
from typing import Any

from jaxnn.core import checks


class checkpoint:
    """Save the whole population into a folder of its own after each ``every`` epochs.

    ``folder=`` of `fit` and `grid` keeps the latest state alone; this keeps them all, ``folder/epoch_00010`` and so on,
    each of which `Population.load` and `load_runs` read; a grid of several structures has a folder for each of them.

    Args:
        folder: in which they are made.
        every: how many epochs lie between them.

    Example:
        >>> import os, tempfile, numpy as np, optax, jaxnn as nn
        >>> trial = nn.Trial(nn.linear_regression(), "squared_error", optax.sgd(0.1))
        >>> folder = tempfile.mkdtemp()
        >>> keep = nn.callbacks.checkpoint(folder, every=2)
        >>> run = nn.fit(trial, (np.ones((2, 1)), np.ones(2)), epochs=4, callbacks=[keep])
        >>> sorted(os.listdir(folder))
        ['epoch_00002', 'epoch_00004']
    """

    def __init__(self, folder: str | os.PathLike, every: int = 10):
        checks.size("every", every, "checkpoint(folder, every=10)")
        self.folder, self.every = Path(folder), every

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Save it."""
        population.save(self.folder / population.name / f"epoch_{epoch:05d}")
