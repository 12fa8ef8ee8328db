"""What every benchmark shares: the machine in words, medians of runs taken in turn, tables and JSON."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

PACKAGES = ("jax", "jaxlib", "optax", "flax", "numpy", "scikit-learn", "torch", "keras")


def machine() -> str:
    """The machine and the versions of what is installed, in one line."""
    model = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
    )
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}; {', '.join(versions)}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def in_turn(functions: dict[str, Callable[[], object]], repeats: int = 5, warm: bool = True) -> dict[str, list[float]]:
    """Seconds of each function, taken in turn ``repeats`` times, so that a slow minute hits all alike."""
    if warm:
        for function in functions.values():
            function()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            started = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def table(title: str, seconds: dict[str, list[float]], ours: str = "jaxnn", notes: dict[str, str] | None = None) -> str:
    """A Markdown table of medians and ratios to ours; also printed."""
    base = statistics.median(seconds[ours])
    lines = [f"**{title}**", "", "| | median s | min - max s | times jaxnn | |", "|---|---|---|---|---|"]
    for name, values in seconds.items():
        median = statistics.median(values)
        note = (notes or {}).get(name, "")
        lines.append(
            f"| {name} | {median:.3f} | {min(values):.3f} - {max(values):.3f} | {median / base:.2f} | {note} |"
        )
    text = "\n".join(lines)
    print(text + "\n", flush=True)
    return text


def save(name: str, results: dict) -> None:
    """Write the numbers as JSON into ``bench/results``."""
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine(), "when": time.strftime("%Y-%m-%d"), **results}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n")


def process(code: str, env: dict[str, str] | None = None) -> float:
    """Seconds of a whole fresh Python process that runs ``code``.

    Python may keep the bytecode of what it imports, as it does for the packages that an installer has compiled:
    else the files of a package under development are compiled anew in every process, which takes longer than running
    them.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(env or {})},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - started


def present(name: str) -> bool:
    """Whether a package is installed; peers that are absent are skipped."""
    return importlib.util.find_spec(name) is not None
