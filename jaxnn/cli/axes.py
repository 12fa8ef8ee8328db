"""Axes as text: what stands behind ``--lr`` and its siblings, as values of a grid."""

import math
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from jaxnn.core.names import ACTIVATIONS
from jaxnn.grid.space import logspace

MOST_VALUES = 10_000
"""Of one axis; more is a slip of the keyboard."""


class Bad(Exception):
    """Something the user wrote is wrong; the message is the one sentence to print.

    It is no `ValueError`, which argparse would turn into words of its own.
    """


class Range(NamedTuple):
    """Which numbers a flag takes, and how to say so."""

    takes: Callable[[float], bool]
    words: str


POSITIVE = Range(lambda v: 0 < v < math.inf, "above 0")
NOT_NEGATIVE = Range(lambda v: 0 <= v < math.inf, "0 or more")
RATE = Range(lambda v: 0 <= v < 1, "0 or more and below 1")
SHARE = Range(lambda v: 0 < v < 1, "above 0 and below 1")
NOISE = Range(lambda v: 0 <= v <= 0.5, "from 0 to 0.5")


def numbers(name: str, allowed: Range) -> Callable[[str], list[float]]:
    """A reader of an axis of numbers: ``0.1``, ``0.1,0.01``, ``1e-4:1e-1:8`` (even in the logarithm), or a mixture.

    Args:
        name: of the flag.
        allowed: which numbers it takes.

    Returns:
        A function from text to a list of floats, that raises `Bad`.

    Example:
        >>> numbers("--l2", NOT_NEGATIVE)("0,1e-4:1e-2:3")
        [0.0, 0.0001, 0.001, 0.01]
    """

    def single(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise Bad(f"{name}: {text!r} is no number; write {name} 0.1,0.2 or {name} 1e-4:1e-1:8") from None
        if not allowed.takes(value):
            raise Bad(f"{name}: {text} is out of range; write a number that is {allowed.words}")
        return value

    def read(text: str) -> list[float]:
        values: list[float] = []
        for piece in _pieces(name, text):
            parts = piece.split(":")
            if len(parts) == 1:
                values.append(single(piece))
                continue
            if len(parts) != 3 or not parts[2].isdecimal() or not 2 <= int(parts[2]) <= MOST_VALUES:
                raise Bad(f"{name}: {piece!r} is no range; write first:last:count, as in {name} 1e-4:1e-1:8")
            first, last = single(parts[0]), single(parts[1])
            if not min(first, last) > 0:
                raise Bad(f"{name}: the range {piece} is even in the logarithm, without 0; write {name} 0,1e-5:1e-3:3")
            values += logspace(first, last, int(parts[2]))
        return _once(name, values)

    return read


def number(name: str, allowed: Range) -> Callable[[str], float]:
    """A reader of one number."""

    def read(text: str) -> float:
        values = numbers(name, allowed)(text)
        if len(values) > 1:
            raise Bad(f"{name}: one number is needed, got {text!r}; write {name} 0.2")
        return values[0]

    return read


def counts(name: str) -> Callable[[str], list[int]]:
    """A reader of an axis of whole numbers from 1: ``32`` or ``32,64``.

    Example:
        >>> counts("--batch-size")("32,64")
        [32, 64]
    """
    return lambda text: _once(name, [count(name)(piece) for piece in _pieces(name, text)])


def count(name: str, low: int = 1) -> Callable[[str], int]:
    """A reader of one whole number of at least ``low``."""

    def read(text: str) -> int:
        if not (text.strip().isdecimal() and low <= int(text) < 2**31):
            raise Bad(f"{name}: {text!r} is no whole number of at least {low}; write {name} {max(low, 4)}")
        return int(text)

    return read


def names(name: str) -> Callable[[str], list[str]]:
    """A reader of names with commas between them.

    Example:
        >>> names("--drop")("id, note")
        ['id', 'note']
    """
    return lambda text: _once(name, _pieces(name, text))


def structures(name: str) -> Callable[[str], list[tuple[int, ...]]]:
    """A reader of an axis of hidden layers: widths by ``,``, structures by ``/`` or space; ``none`` is no layer.

    Example:
        >>> structures("--hidden")("100,100/64/none")
        [(100, 100), (64,), ()]
    """

    def read(text: str) -> list[tuple[int, ...]]:
        found = []
        for piece in re.split(r"\s*/\s*|(?<!,)\s+(?!,)", text.strip()):
            widths = [] if piece.strip() == "none" else piece.split(",")
            if not all(width.strip().isdecimal() and int(width) > 0 for width in widths):
                raise Bad(f"{name}: {piece!r} is no list of widths; write {name} 100,100, or {name} 100,100/64 for two")
            found.append(tuple(int(width) for width in widths))
        return _once(name, found)

    return read


def activations(name: str) -> Callable[[str], list[str]]:
    """A reader of an axis of activations by name: ``relu`` or ``relu,tanh``."""

    def read(text: str) -> list[str]:
        names = _pieces(name, text)
        for given in names:
            try:
                ACTIVATIONS[given]
            except ValueError as error:
                raise Bad(f"{name}: {str(error).removesuffix(', or pass a function')}") from None
        return _once(name, names)

    return read


def switch(name: str) -> Callable[[str], list[bool]]:
    """A reader of ``off``, ``on`` or ``both``."""

    def read(text: str) -> list[bool]:
        values = {"off": [False], "on": [True], "both": [False, True]}.get(text)
        if values is None:
            raise Bad(f"{name}: {text!r} is none of off, on and both; write {name} both to compare")
        return values

    return read


def _pieces(name: str, text: str) -> list[str]:
    pieces = [piece.strip() for piece in text.split(",")]
    if not all(pieces):
        raise Bad(f"{name}: {text!r} has an empty value; write single commas between values, or leave {name} out")
    return pieces


def _once(name: str, values: list[Any]) -> list[Any]:
    twice = [value for value, times in Counter(values).items() if times > 1]
    if twice:
        raise Bad(f"{name}: {twice[0]} is there twice; write each value once, and --seeds 4 for repetitions")
    return values
