"""`configure`: the one call that changes settings of JAX."""

import os
from pathlib import Path

import jax


def configure(cpu_devices: int | str | None = None, compilation_cache: bool | str | os.PathLike | None = None) -> None:
    """Make every core a device, and keep compiled programs between processes.

    Importing jaxnn changes nothing; this call does, for the whole process. Call it before the first computation.

    Args:
        cpu_devices: how many devices the CPU shows; ``"auto"`` is one for each core this process may use. A grid
            spreads its members over them. None leaves it.
        compilation_cache: True for a folder in the user's cache, or a folder; a program compiled once is then
            loaded in a tenth of a second. False switches it off, None leaves it.

    Raises:
        ValueError: for a number of devices below 1.
        RuntimeError: if JAX has already started with another number of devices.

    Example:
        >>> configure()
    """
    if cpu_devices is not None:
        _devices(cpu_devices)
    if compilation_cache is None:
        return
    if compilation_cache is False:
        jax.config.update("jax_compilation_cache_dir", None)
        return
    folder = default_cache() if compilation_cache is True else Path(compilation_cache)
    folder.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _devices(wanted: int | str) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = cores if wanted == "auto" else wanted
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f'cpu_devices must be a whole number of at least 1 or "auto", got {wanted!r}; write "auto"')
    if jax.config.jax_num_cpu_devices == count:  # pyright: ignore[reportAttributeAccessIssue]
        return
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        raise RuntimeError(
            f"JAX has already started, and {count} CPU devices cannot be made; "
            "write nn.configure(cpu_devices=...) before the first computation"
        ) from None


def default_cache() -> Path:
    """The folder of compiled programs: under ``XDG_CACHE_HOME``, or ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jaxnn" / "xla"
