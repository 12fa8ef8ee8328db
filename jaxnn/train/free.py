"""What memory is free now, on devices and on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

UNKNOWN = 8 << 30
"""Bytes of a device, or a machine, that does not tell."""
FRACTION = "XLA_PYTHON_CLIENT_MEM_FRACTION"


def free(devices: tuple) -> int:
    """Bytes that are free now on the device, of several on the one with the least."""
    if devices[0].platform == "cpu":
        return available() // len(devices)
    return min(map(_left, devices))


def _left(device: Any) -> int:
    try:
        stats = device.memory_stats() or {}
    except jax.errors.JaxRuntimeError:  # a device that a program is only compiled for
        stats = {}
    if "bytes_limit" not in stats:
        return int(UNKNOWN * float(os.environ.get(FRACTION) or 0.75))
    return max(0, stats["bytes_limit"] - stats.get("bytes_in_use", 0))


def available(root: Path = Path("/")) -> int:
    """Bytes of main memory that a program may still take, of a container those of its limit.

    Args:
        root: where ``proc`` and ``sys`` lie.
    """
    found = [left for left in (_of_system(root), *_of_groups(root)) if left is not None]
    return max(0, min(found)) if found else UNKNOWN


def _of_system(root: Path) -> int | None:
    """What Linux says is available, caches that it would give up included; elsewhere free pages."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _of_groups(root: Path) -> Iterator[int]:
    """What control groups leave, of both versions: their limit less what is in use, but for files that are cached."""
    for place, limit, used, cached in (
        ("sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    ):
        try:
            top, now = (int((root / place / name).read_text()) for name in (limit, used))
            stat = dict(line.split() for line in (root / place / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # there is none, or it says "max"
            continue
        yield top - now + int(stat.get(cached, 0))
