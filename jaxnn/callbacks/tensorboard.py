"""Curves in TensorBoard."""

import os
from pathlib import Path
from typing import Any

import numpy as np


class tensorboard:
    """Write the metrics of each epoch as scalars that TensorBoard shows, one run for each member.

    Args:
        folder: for ``tensorboard --logdir folder``.
        members: how many members at most are written, the first ones; a run each is much for a thousand.

    Raises:
        ImportError: without tensorboardX, ``pip install 'jaxnn[tensorboard]'``.

    Source: tensorboardX, whose ``SummaryWriter`` needs neither TensorFlow nor PyTorch.

    Example:
        >>> import tempfile, jaxnn as nn
        >>> nn.callbacks.tensorboard(tempfile.mkdtemp()).members
        20
    """

    def __init__(self, folder: str | os.PathLike, members: int = 20):
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise ImportError("tensorboard writes by tensorboardX; write pip install 'jaxnn[tensorboard]'") from None
        self.folder, self.members = Path(folder), members
        self._make, self._writers = SummaryWriter, {}

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Write the scalars of an epoch."""
        for i in range(min(len(population), self.members)):
            if i not in self._writers:
                self._writers[i] = self._make(str(self.folder / f"member_{i:03d}"))
            for name, values in row.items():
                if np.isfinite(values[i]):
                    self._writers[i].add_scalar(name, float(values[i]), epoch)
            self._writers[i].flush()
