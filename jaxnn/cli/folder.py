"""An output folder that appears whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxnn.cli.axes import Bad


@contextmanager
def output(path: str, names: tuple[str, ...]) -> Iterator[Path]:
    """A folder to write into that takes the place of ``path`` when the block ends well, and vanishes otherwise.

    Args:
        path: the folder; it may exist if it holds only files of ``names``, which are then replaced together.
        names: every file that may be written.

    Raises:
        Bad: if ``path`` is a file, holds something else, or cannot be written.

    Example:
        >>> import tempfile
        >>> place = tempfile.mkdtemp() + "/results"
        >>> with output(place, ("a.txt",)) as folder:
        ...     _ = (folder / "a.txt").write_text("whole")
        >>> os.listdir(place)
        ['a.txt']
    """
    place = Path(os.path.realpath(path))
    _check(place, path, names)
    token = os.urandom(4).hex()
    beside = place.with_name(f".{place.name}.{token}.tmp")
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        raise Bad(f"the folder {path} cannot be written ({error.strerror}); choose another with --out") from None
    try:
        yield beside
        _check(place, path, names)
        _swap(beside, place, place.with_name(f".{place.name}.{token}.old"))
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check(place: Path, path: str, names: tuple[str, ...]) -> None:
    if place.exists() and not place.is_dir():
        raise Bad(f"{path} is a file, and a folder is to be written there; choose another with --out")
    foreign = sorted(entry.name for entry in place.iterdir() if entry.name not in names) if place.exists() else []
    if foreign:
        raise Bad(f"the folder {path} holds {foreign[0]!r}, which is none of our results; choose another with --out")


def _swap(new: Path, place: Path, old: Path) -> None:
    if not place.exists():
        new.rename(place)
        return
    place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
