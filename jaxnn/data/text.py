"""Text that is always there: the source of Python's own standard library, as characters."""

import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

LEFT_OUT = {"__pycache__", "idlelib", "site-packages", "dist-packages", "test", "tests", "lib2to3", "pydoc_data"}


def stdlib_corpus(max_chars: int | None = None, chars: str | None = None) -> str:
    """The source files of Python's standard library, one after the other.

    Files are taken in the order of their paths below the library's folder, top-level modules before packages, without
    tests, and without files that hold characters outside ASCII. Another Python version has another text.

    Args:
        max_chars: how many characters at most; None takes all, about eleven millions.
        chars: the characters that may occur; files with others are left out. None allows all of ASCII but controls.

    Returns:
        The text, the same at every call.

    Raises:
        ValueError: for ``max_chars`` below 1, or where the library has no source files.

    Example:
        >>> text = stdlib_corpus(1000)
        >>> len(text), "import" in text
        (1000, True)
    """
    if max_chars is not None and max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, got {max_chars}; write stdlib_corpus(1_000_000)")
    allowed = set("\n" + "".join(map(chr, range(32, 127))) if chars is None else chars)
    root = Path(sysconfig.get_path("stdlib"))
    parts, size = [], 0
    for path in sorted(_sources(root), key=lambda p: (len(p.parts) > 1, p.as_posix())):
        text = (root / path).read_text(encoding="utf-8", errors="replace")
        if not text or not set(text) <= allowed:
            continue
        parts.append(text)
        size += len(text)
        if max_chars is not None and size >= max_chars:
            break
    if not parts:
        raise ValueError(f"{root} holds no source files of the characters allowed; give a text of your own")
    return "".join(parts)[:max_chars]


def _sources(root: Path) -> list[Path]:
    """The paths of source files below ``root``, relative to it, without entering the folders left out."""
    found, folders = [], [Path()]
    while folders:
        folder = folders.pop()
        for path in (root / folder).iterdir():
            if path.is_dir() and path.name not in LEFT_OUT and not path.name.startswith(("config-", ".")):
                folders.append(folder / path.name)
            elif path.suffix == ".py" and path.is_file():
                found.append(folder / path.name)
    return found


@dataclass(frozen=True)
class CharTokens:
    """Characters as whole numbers: the place of each in ``chars``; ``len`` tells how many there are.

    Args:
        chars: the characters, each once.

    Raises:
        ValueError: for a character that stands twice.

    Example:
        >>> tokens = CharTokens.of("hello")
        >>> tokens.chars, tokens.encode("hole").tolist(), tokens.decode([1, 0])
        ('ehlo', [1, 3, 2, 0], 'he')
    """

    chars: str

    def __post_init__(self):
        twice = sorted(char for char in set(self.chars) if self.chars.count(char) > 1)
        if twice:
            raise ValueError(f"{twice[0]!r} stands twice, and each character has one number; write CharTokens.of(text)")

    def __len__(self) -> int:
        return len(self.chars)

    @classmethod
    def of(cls, text: str) -> "CharTokens":
        """The characters that occur in ``text``, sorted."""
        return cls("".join(sorted(set(text))))

    @property
    def vocab(self) -> int:
        """How many there are."""
        return len(self.chars)

    def encode(self, text: str) -> np.ndarray:
        """The numbers of a text, ``(len(text),)`` int32.

        Raises:
            ValueError: for a character that is not among them.
        """
        codes = {char: i for i, char in enumerate(self.chars)}
        strange = sorted(set(text) - codes.keys())
        if strange:
            raise ValueError(f"{strange[0]!r} is not among the {self.vocab} characters; write CharTokens.of(all texts)")
        return np.fromiter((codes[char] for char in text), np.int32, len(text))

    def decode(self, ids: Any) -> str:
        """The text of numbers ``(n,)``.

        Raises:
            ValueError: for a number outside ``0 ... vocab - 1``.
        """
        ids = np.asarray(ids)
        if ids.size and (ids.min() < 0 or ids.max() >= self.vocab):
            raise ValueError(f"ids must lie in 0 ... {self.vocab - 1}, got {ids.min()} ... {ids.max()}")
        return "".join(self.chars[i] for i in ids)


def windows(ids: Any, length: int, stride: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of a long sequence, and for each of their places what comes next.

    Args:
        ids: ``(n,)`` whole numbers, more than ``length`` of them.
        length: how long a piece is.
        stride: steps from the start of one piece to that of the next; None is ``length``, so that no piece overlaps.

    Returns:
        ``x`` and ``y``, each ``(pieces, length)``; ``y[i, t]`` is what follows ``x[i, t]``. What is left at the end
        and fills no piece is left out.

    Raises:
        ValueError: for a size below 1, or a sequence too short for one piece.

    Example:
        >>> x, y = windows([0, 1, 2, 3, 4, 5, 6], 3)
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [3, 4, 5]], [[1, 2, 3], [4, 5, 6]])
    """
    ids, stride = np.asarray(ids), length if stride is None else stride
    if length < 1 or stride < 1:
        raise ValueError(f"length and stride must be at least 1, got {length} and {stride}; write windows(ids, 64)")
    if ids.ndim != 1 or len(ids) <= length:
        raise ValueError(f"windows of {length} need a sequence of more than {length} ids, got {ids.shape}")
    pieces = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[::stride]
    return np.ascontiguousarray(pieces[:, :-1]), np.ascontiguousarray(pieces[:, 1:])
