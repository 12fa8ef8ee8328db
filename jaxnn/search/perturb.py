"""How hyperparameters of a population change while it trains: by a factor, by a function, or drawn anew."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxnn.train.enrol import Entry

CALL = 'nn.PopulationBased(perturb={"lr": (0.8, 1.25)})'


class Knob(NamedTuple):
    """One hyperparameter that changes.

    Args:
        name: of it.
        change: two factors, or a function ``(value, rng) -> value``.
        values: those of all points, which give the bounds, and from which it is drawn anew.
    """

    name: str
    change: Any
    values: np.ndarray

    def moved(self, value: float, rng: np.random.Generator, resample: float) -> float:
        """The next value: anew with chance ``resample``, else changed, and kept between the bounds.

        Raises:
            ValueError: for a function that gives no number.
        """
        if rng.random() < resample:
            return float(rng.choice(self.values))
        new = self.change(value, rng) if callable(self.change) else value * self.change[int(rng.integers(2))]
        if isinstance(new, bool) or not isinstance(new, (int, float, np.number)) or not math.isfinite(new):
            raise ValueError(
                f"perturb= gave {new!r} for {self.name}={value!r}; write a function that returns a number, as in "
                "lambda value, rng: value * rng.uniform(0.5, 2.0)"
            )
        return float(np.clip(new, self.values.min(), self.values.max()))


def check_change(change: Any) -> None:
    """Raise unless this is two factors above 0 or a function.

    Example:
        >>> check_change((0.8, -1))
        Traceback (most recent call last):
        ValueError: perturb= takes two factors above 0 or a function (value, rng), got (0.8, -1); write
            nn.PopulationBased(perturb={"lr": (0.8, 1.25)})
    """
    factors = isinstance(change, (tuple, list)) and len(change) == 2
    if not callable(change) and not (factors and all(isinstance(f, (int, float)) and 0 < f < math.inf for f in change)):
        raise ValueError(
            f"perturb= takes two factors above 0 or a function (value, rng), got {change!r}; write\n    {CALL}"
        )


def knobs(perturb: Any, entries: Sequence[Entry]) -> list[Knob]:
    """What changes, of these points.

    Args:
        perturb: a change for each name, or one for every float that varies over the points.
        entries: all points.

    Raises:
        ValueError: for a name that is no single float, as another value of it would be another program; or for none.
    """
    if isinstance(perturb, Mapping):
        chosen: Mapping[str, Any] = perturb
    else:
        names = [n for n in entries[0].point if all(_is_float(e, n) for e in entries)]
        chosen = {n: perturb for n in names if len({float(_value(e, n)) for e in entries}) > 1}
    for name in chosen:
        bad = next((e for e in entries if not _is_float(e, name)), None)
        if bad is not None:
            known = f"is {bad.point[name]!r}" if name in bad.point else "is none of the axes of the space"
            raise ValueError(f"only floats can change while members train, and {name} {known}; write {CALL}")
    if not chosen:
        raise ValueError(
            "no float varies over the points of the space, and so nothing can change; write "
            f"dict(lr=nn.logspace(1e-4, 1e-1, 16)) for a space, or {CALL}"
        )
    return [Knob(n, change, np.array([_value(e, n) for e in entries], float)) for n, change in chosen.items()]


def _is_float(entry: Entry, name: str) -> bool:
    numbers: Sequence[Any] = entry.inside.get(name, ()) if name in entry.point else ()
    return len(numbers) == 1 and np.ndim(numbers[0]) == 0 and _value_is_float(entry.point[name])


def _value_is_float(value: Any) -> bool:
    return isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f"


def _value(entry: Entry, name: str) -> float:
    return float(np.asarray(entry.point[name]))


Change = tuple[float, float] | Callable[[float, np.random.Generator], float]
"""What `perturb` takes: two factors, or a function."""
