"""Curves in TensorBoard."""

import os
import socket
import struct
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np


class tensorboard:
    """Write the metrics of each epoch as scalars that TensorBoard shows, one run for each member.

    An epoch is in the files as soon as it is done, and no file stays open.

    Args:
        folder: for ``tensorboard --logdir folder``.
        members: how many members at most are written, the first ones; a run each is much for a thousand.

    Raises:
        ImportError: without tensorboardX, ``pip install 'jaxnn-grid[tensorboard]'``.

    Source: tensorboardX, whose records need neither TensorFlow nor PyTorch; its ``SummaryWriter`` keeps a thread and a
        queue for each run, which a kill would leave half written.

    Example:
        >>> import tempfile, jaxnn as nn
        >>> nn.callbacks.tensorboard(tempfile.mkdtemp()).members
        20
    """

    def __init__(self, folder: str | os.PathLike, members: int = 20):
        try:
            names = ("proto.event_pb2", "proto.summary_pb2", "record_writer")
            event, summary, records = (import_module(f"tensorboardX.{name}") for name in names)
        except ImportError:
            raise ImportError(
                "tensorboard writes by tensorboardX; write pip install 'jaxnn-grid[tensorboard]'"
            ) from None
        self.folder, self.members = Path(folder), members
        self._event, self._summary, self._checksum = event.Event, summary.Summary, records.masked_crc32c
        self._file = f"events.out.tfevents.{int(time.time())}.{socket.gethostname()}.{os.getpid()}"

    def __call__(self, population: Any, epoch: int, row: dict[str, Any]) -> None:
        """Write the scalars of an epoch."""
        now = time.time()
        for i in range(min(len(population), self.members)):
            path = self.folder / f"member_{population.numbers[i]:03d}" / self._file
            path.parent.mkdir(parents=True, exist_ok=True)
            events = [] if path.exists() else [self._event(wall_time=now, file_version="brain.Event:2")]
            for name, values in row.items():
                if np.isfinite(values[i]):
                    value = self._summary.Value(tag=name, simple_value=float(values[i]))
                    events.append(self._event(wall_time=now, step=epoch, summary=self._summary(value=[value])))
            with open(path, "ab") as file:
                file.write(b"".join(self._record(event.SerializeToString()) for event in events))

    def _record(self, data: bytes) -> bytes:
        length = struct.pack("<Q", len(data))
        sums = [struct.pack("<I", self._checksum(part)) for part in (length, data)]
        return length + sums[0] + data + sums[1]
