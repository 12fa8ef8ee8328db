"""Spaces: which hyperparameters a grid tries, as a list of points in order."""

import builtins
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.core.hyper import is_traced, static, traced
from jaxnn.train.options import whole


@dataclass(frozen=True)
class Space:
    """Points in order, each a dict of hyperparameters; ``a + b`` has the points of both, ``a * b`` every pair of them.

    Points may have different names: a name that a point lacks takes the default of the trial function, and
    the table shows that. ``random(16, lr=log(1e-4, 1e-1)) * dict(seed=range(5))`` is every point with every seed.

    Args:
        points: the dicts.
        axes: the names that vary, in the order of the table.

    Example:
        >>> sgd = product(name=["sgd"], lr=[0.1, 0.01], momentum=[0.0, 0.9])
        >>> adam = product(name=["adam"], lr=[1e-3])
        >>> both = (sgd + adam) * dict(seed=range(2))
        >>> len(both), both.axes
        (10, ('name', 'lr', 'momentum', 'seed'))
    """

    points: tuple[dict[str, Any], ...]
    axes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.points)

    def __add__(self, other: Any) -> "Space":
        other = as_space(other)
        return Space(self.points + other.points, tuple(dict.fromkeys(self.axes + other.axes)))

    def __radd__(self, other: Any) -> "Space":
        return as_space(other) + self

    def __mul__(self, other: Any) -> "Space":
        other = as_space(other)
        both = next((name for name in self.axes if name in other.axes), None)
        if both is not None:
            raise ValueError(f"both spaces have {both!r}, and a point has one value of it; "
                             f"write the product over other names, or a + b for the points of both")  # fmt: skip
        pairs = itertools.product(self.points, other.points)
        return Space(tuple({**one, **own} for one, own in pairs), self.axes + other.axes)

    def __rmul__(self, other: Any) -> "Space":
        return as_space(other) * self


@dataclass(frozen=True)
class log:
    """A range for `random` and `sobol` that is even in the logarithm.

    Args:
        low, high: both above 0.

    Example:
        >>> round(log(1e-4, 1e-2).at(0.5), 6)
        0.001
    """

    low: float
    high: float

    def __post_init__(self):
        _check_numbers("log(1e-4, 1e-1)", self.low, self.high)
        if not 0 < self.low < self.high:
            raise ValueError(f"a log range needs 0 < low < high, got ({self.low}, {self.high}); write log(1e-4, 1e-1)")

    def at(self, u: float) -> float:
        """The value at ``u`` in [0, 1]."""
        return float(self.low * (self.high / self.low) ** u)


def _check_numbers(call: str, *ends: Any) -> None:
    for end in ends:
        if isinstance(end, bool) or not isinstance(end, (int, float, np.number)) or not math.isfinite(end):
            raise ValueError(f"a range has two numbers as its ends, got {end!r}; write {call}")


def logspace(first: float, last: float, n: int) -> list[float]:
    """``n`` numbers from ``first`` to ``last``, even in the logarithm; the ends are themselves to the bit.

    Args:
        first, last: above 0 (unlike `numpy.logspace`, these are the numbers, not their logarithms).
        n: how many, at least 1.

    Raises:
        ValueError: for an end that is not above 0, or n below 1.

    Example:
        >>> logspace(1e-3, 1e-1, 3)
        [0.001, 0.01, 0.1]
    """
    _check_numbers("logspace(1e-4, 1e-1, 16)", first, last)
    whole("n", n, 0)
    if not (first > 0 and last > 0) or n == 0:
        raise ValueError(f"logspace needs numbers above 0 and n of at least 1, got ({first}, {last}, {n}); "
                         "write logspace(1e-4, 1e-1, 16)")  # fmt: skip
    if n == 1:
        return [float(first)]
    inner = [math.exp(math.log(first) + (math.log(last) - math.log(first)) * i / (n - 1)) for i in range(1, n - 1)]
    return [float(first), *(float(f"{v:.12g}") for v in inner), float(last)]


def product(**axes: Any) -> Space:
    """Every combination of the axes, the last axis fastest.

    Args:
        **axes: a list, range, array, `jaxnn.traced` or `jaxnn.static` for each name; anything else is one constant.
            An axis that holds a float is an axis of floats, whole numbers in it included.

    Raises:
        ValueError: for an axis without values, a tuple (axis or value?), or NaN.

    Example:
        >>> [p["lr"] for p in product(lr=[0.1, 0.01], seed=range(2)).points]
        [0.1, 0.1, 0.01, 0.01]
    """
    values = [axis_values(name, axis) for name, axis in axes.items()]
    points = (dict(builtins.zip(axes, combination, strict=True)) for combination in itertools.product(*values))
    return Space(tuple(points), tuple(axes))


def zip(**axes: Any) -> Space:
    """The axes side by side: first with first, second with second; constants go with all.

    Raises:
        ValueError: if the axes have different lengths.

    Example:
        >>> zip(lr=[0.1, 0.01], l2=[0.0, 1e-4]).points[1]
        {'lr': 0.01, 'l2': 0.0001}
    """
    values = {name: axis_values(name, axis) for name, axis in axes.items()}
    length = max(map(len, values.values()), default=0)
    for name, v in values.items():
        if len(v) not in (1, length):
            raise ValueError(f"zip needs axes of one length, and {name} has {len(v)} values of {length}; "
                             "write product(...) for all combinations")  # fmt: skip
    points = tuple({name: v[i % len(v)] for name, v in values.items()} for i in range(length))
    return Space(points, tuple(axes))


def random(n: int, *, seed: int = 0, **ranges: Any) -> Space:
    """``n`` points drawn independently.

    Args:
        n: how many.
        seed: of the draw; ``random(...) * dict(seed=range(5))`` trains every point with every seed.
        **ranges: ``(low, high)`` for an even range, `log` for one even in the logarithm, a list to choose from,
            or a constant.

    Raises:
        ValueError: for a seed that is no whole number, or n below 1.

    Example:
        >>> len(random(5, lr=log(1e-4, 1e-1), hidden=[(8,), (16,)]))
        5
    """
    _check_draw("random", n, seed)
    return _drawn(np.random.default_rng(seed).random((n, len(ranges))), ranges)


def sobol(n: int, *, seed: int = 0, **ranges: Any) -> Space:
    """``n`` points of a scrambled Sobol sequence, which fill the ranges more evenly than `random`.

    Args:
        n: how many; powers of two are the most even.
        seed: of the scrambling.
        **ranges: as in `random`.

    Raises:
        ValueError: as `random`.

    Source: `scipy.stats.qmc.Sobol`.

    Example:
        >>> len(sobol(8, lr=log(1e-4, 1e-1), l2=(0.0, 0.1)))
        8
    """
    from scipy.stats import qmc

    _check_draw("sobol", n, seed)
    sampler = qmc.Sobol(max(1, len(ranges)), seed=seed)  # pyright: ignore[reportCallIssue]
    return _drawn(sampler.random_base2(max(0, math.ceil(math.log2(max(n, 1)))))[:n], ranges)


def _check_draw(call: str, n: Any, seed: Any) -> None:
    whole("n", n, 0)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        values = seed if isinstance(seed, (list, range)) else [0, 1]
        raise ValueError(f"seed= of {call} is that of the draw, one whole number from 0 on, got {seed!r}; "
                         f"write {call}({n}, ...) * dict(seed={values!r}) for every point with every seed")  # fmt: skip


def _drawn(units: np.ndarray, ranges: Mapping[str, Any]) -> Space:
    if len(units) == 0:
        raise ValueError("a space needs at least one point; write random(16, lr=nn.space.log(1e-4, 1e-1))")
    points = []
    for row in units:
        drawn = builtins.zip(row, ranges.items(), strict=False)
        points.append({name: _at(float(u), name, given) for u, (name, given) in drawn})
    return Space(tuple(points), tuple(ranges))


def _at(u: float, name: str, given: Any) -> Any:
    """The value at ``u`` in [0, 1) of a range, or of a list."""
    if isinstance(given, static):
        return static(_at(u, name, given.values))
    if isinstance(given, log):
        return given.at(u)
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(v, (int, float)) for v in given):
        return float(given[0] + (given[1] - given[0]) * u)
    values = axis_values(name, given)
    return values[min(int(u * len(values)), len(values) - 1)]


def axis_values(name: str, axis: Any) -> list[Any]:
    """The values of one axis.

    Raises:
        ValueError: for an empty axis, a tuple, or NaN.

    Example:
        >>> axis_values("seed", range(3)), axis_values("lr", 0.1)
        ([0, 1, 2], [0.1])
    """
    if isinstance(axis, tuple):
        raise ValueError(
            f"the axis {name} is the tuple {axis}; write a list, [{axis}] for one value or {list(axis)} for several"
        )
    if isinstance(axis, traced):
        inner = axis.values if np.ndim(axis.values) else [axis.values]
        values: list = [traced(v) for v in inner]
    elif isinstance(axis, static):
        values = [static(v) for v in axis_values(name, axis.values)]
    elif isinstance(axis, (list, range)) or (hasattr(axis, "ndim") and axis.ndim == 1):
        items: list[Any] = list(axis)
        values = [v.item() if isinstance(v, np.generic) or getattr(v, "ndim", 1) == 0 else v for v in items]
    else:
        values = [axis]
    if not values:
        raise ValueError(f"the axis {name} has no values; write {name}=[0.1] or leave it out")
    values = floats(values)
    if any(isinstance(v, float) and math.isnan(v) for v in values):
        number = next(i for i, v in enumerate(values) if v != v)
        raise ValueError(f"the axis {name} holds NaN, at number {number}; write numbers, as in {name}=[0.1, 0.01]")
    return values


def floats(values: list[Any]) -> list[Any]:
    """The values of an axis: all floats where one of them is one, and the others are whole numbers.

    Example:
        >>> floats([0, 0.5]), floats([0, 1])
        ([0.0, 0.5], [0, 1])
    """
    plain = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    return [float(v) for v in values] if plain and any(is_traced(v) for v in values) else values


def as_space(space: Any) -> Space:
    """A `Space` from what the user gave: a space, a dict of axes (their product), or a list of dicts.

    Dicts of a list may have different names; its axes are all of them, in the order in which they first stand.

    Raises:
        ValueError: for anything else, or no point at all.

    Example:
        >>> len(as_space({"lr": [0.1, 0.2], "seed": range(3)})), as_space([{"lr": 0.1}, {"l2": 0.1}]).axes
        (6, ('lr', 'l2'))
    """
    if isinstance(space, Mapping):
        space = product(**space)
    elif isinstance(space, (list, tuple)) and all(isinstance(p, Mapping) for p in space) and space:
        space = Space(tuple(dict(p) for p in space), tuple(dict.fromkeys(n for p in space for n in p)))
    if not isinstance(space, Space) or len(space) == 0:
        raise ValueError(
            f"a space is a dict of axes, got {space!r}; write dict(lr=nn.logspace(1e-4, 1e-1, 8), seed=range(4))"
        )
    return space
