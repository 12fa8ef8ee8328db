"""The values of an axis, and which of the runs has which."""

from typing import Any, NamedTuple

import numpy as np

from jaxnn.train.outcome import label, shown

REPEATS = ("seed", "fold")
"""Axes that repeat a setting, and are no part of it."""


class Levels(NamedTuple):
    """An axis, taken apart.

    Args:
        values: its different values as a table shows them: numbers sorted, anything else as it first came.
        codes: which of them each run has, ``(runs,)``.
        raw: the values as the space has them.
    """

    values: list[Any]
    codes: np.ndarray
    raw: list[Any]

    @property
    def numeric(self) -> bool:
        """Whether the values are numbers, which lie on a line."""
        return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in self.values)

    @property
    def log(self) -> bool:
        """Whether they are numbers that lie more evenly in their logarithms."""
        return self.numeric and is_log(self.values)


def axes_of(runs: Any) -> list[str]:
    """The axes of runs by name, that of folds among them."""
    return [*runs.space.axes, *(n for n in ("fold",) if n in runs.table and n not in runs.space.axes)]


def settings_of(runs: Any) -> list[str]:
    """The axes that make a setting: all but seeds and folds."""
    return [name for name in axes_of(runs) if name not in REPEATS]


def levels(runs: Any, axis: str) -> Levels:
    """The different values of one axis.

    Raises:
        ValueError: if there is no such axis.

    Example:
        >>> from types import SimpleNamespace
        >>> from jaxnn.grid.space import product
        >>> runs = SimpleNamespace(space=product(lr=[0.1, 0.01], seed=[0, 1]), table={})
        >>> levels(runs, "lr").values, levels(runs, "lr").codes.tolist()
        ([0.01, 0.1], [1, 1, 0, 0])
    """
    check_axis(runs, axis)
    points = runs.space.points
    column = runs.table.get(axis)
    found = [shown(p[axis]) if axis in p else column[i] if column is not None else None for i, p in enumerate(points)]
    first: dict[Any, int] = {}
    codes = np.array([first.setdefault(key(value), len(first)) for value in found])
    raw = [found[int(np.argmax(codes == k))] for k in range(len(first))]
    made = Levels(_apart([label(v) for v in raw]), codes, raw)
    if not made.numeric:
        return made
    order = sorted(range(len(raw)), key=made.values.__getitem__)
    return Levels([made.values[k] for k in order], np.argsort(order)[codes], [raw[k] for k in order])


def check_axis(runs: Any, axis: str) -> None:
    """Raise for an axis that the space does not have."""
    if axis not in axes_of(runs):
        raise ValueError(f"the space has no axis {axis!r}; choose one of {', '.join(axes_of(runs))}")


def cells(runs: Any, axes: Any) -> tuple[list[tuple[int, ...]], np.ndarray]:
    """The combinations of values of some axes that occur, in order, and which of them each run has.

    Example:
        >>> from types import SimpleNamespace
        >>> from jaxnn.grid.space import product
        >>> runs = SimpleNamespace(space=product(lr=[0.1, 0.01], seed=[0, 1]), table={})
        >>> cells(runs, ["seed"])
        ([(0,), (1,)], array([0, 1, 0, 1]))
    """
    if not axes:
        return [()], np.zeros(len(runs.space.points), int)
    codes = np.stack([levels(runs, axis).codes for axis in axes], 1)  # (runs, axes)
    found, place = np.unique(codes, axis=0, return_inverse=True)
    return [tuple(map(int, row)) for row in found], place.reshape(-1)


def key(value: Any) -> Any:
    """What is equal for equal values, and can be looked up; True is not 1.

    Example:
        >>> key(1) == key(1.0), key(1) == key(True), key(np.ones(2)) == key(np.ones(2))
        (True, False, True)
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (tuple, list)):
        return tuple(map(key, value))
    if isinstance(value, dict):
        return tuple((name, key(v)) for name, v in sorted(value.items()))
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        array = np.asarray(value)
        return array.shape, str(array.dtype), array.tobytes()
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return (bool, value) if isinstance(value, bool) else value


def _apart(names: list[Any]) -> list[Any]:
    """Names with a number behind those that came before, such as those of two lambdas."""
    seen: dict[Any, int] = {}
    for i, name in enumerate(names):
        count = seen[key(name)] = seen.get(key(name), 0) + 1
        if count > 1:
            names[i] = f"{name} ({count})"
    return names


def is_log(numbers: Any) -> bool:
    """Whether numbers are positive and lie more evenly in their logarithms than as they are.

    Example:
        >>> is_log([1e-3, 1e-2, 1e-1]), is_log([1.0, 2.0, 3.0]), is_log([0.0, 1.0, 10.0])
        (True, False, False)
    """
    found = np.unique(np.asarray(numbers, float))
    if len(found) < 2 or found[0] <= 0 or found[-1] < 5 * found[0]:
        return False
    return abs(_skew(np.log(found))) < abs(_skew(found))


def _skew(values: np.ndarray) -> float:
    """How far the middle lies from the middle of the ends."""
    return float((np.median(values) - values[0]) / (values[-1] - values[0]) - 0.5)
