"""Where a descent begins, and the coordinates it moves in: hyperparameters, or their logarithms, within bounds."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from jaxnn.grid.space import Space, sobol
from jaxnn.grid.space import log as log_range
from jaxnn.train.enrol import Entry
from jaxnn.train.options import whole

Numbers: TypeAlias = Mapping[str, tuple]
CALL = 'nn.descend(trial, data, dict(l2=1e-3), log="l2", epochs=100, steps=50, validation=0.2)'


def points_of(hparams: Any, starts: int, seed: int) -> tuple[list[dict[str, Any]], dict[str, tuple]]:
    """The hyperparameters of each start, and the ends of the ranges that they were drawn from.

    Args:
        hparams: a dict, in which a `jaxnn.space.log` is a range; a space; or a list of dicts.
        starts: how many to draw from the ranges.
        seed: of the draw.

    Raises:
        ValueError: for anything else, and for a number of starts without a range.

    Example:
        >>> points, ranges = points_of(dict(lr=log_range(1e-3, 1e-1), decay=0.9), 4, 0)
        >>> len(points), points[0]["decay"], ranges
        (4, 0.9, {'lr': (0.001, 0.1)})
    """
    whole("starts", starts)
    ranges: dict[str, Any] = {}
    if isinstance(hparams, Mapping):
        ranges = {name: v for name, v in hparams.items() if isinstance(v, log_range)}
        points = [{**hparams, **drawn} for drawn in sobol(starts, seed=seed, **ranges).points] if ranges else [hparams]
    elif isinstance(hparams, Space):
        points = hparams.points
    elif isinstance(hparams, (list, tuple)) and hparams and all(isinstance(p, Mapping) for p in hparams):
        points = hparams
    else:
        raise ValueError(f"hyperparameters go by name, got {hparams!r}; write {CALL}, or a list of dicts")
    if starts not in (1, len(points)):
        raise ValueError(
            f"starts={starts} are drawn from ranges, and there is none; write lr=nn.space.log(1e-4, 1e-1), "
            "or a list of dicts in the place of one"
        )
    return [dict(p) for p in points], {name: (r.low, r.high) for name, r in ranges.items()}


@dataclass(frozen=True)
class Coordinates:
    """What moves, and how: hyperparameters ``h`` as they are, or ``h = base exp(u)`` from the base they begin at.

    Args:
        names: of the hyperparameters that descend; all their numbers are floats.
        logs: those of them that move in the logarithm.
        bounds: lowest and highest value by name; infinite for none.
    """

    names: tuple[str, ...]
    logs: frozenset[str]
    bounds: Mapping[str, tuple[float, float]]

    def start(self, base: Numbers) -> Numbers:
        """The coordinates of the start itself: 0 for what moves in the logarithm."""
        return {n: tuple(jnp.zeros_like(b) if n in self.logs else jnp.asarray(b) for b in base[n]) for n in self.names}

    def numbers(self, coordinates: Numbers, base: Numbers) -> Numbers:
        """The hyperparameters at these coordinates, ``base exp(u)`` or ``u``: to the bit the base at its own."""

        def one(name: str, u: Any, b: Any) -> Any:
            return b * jnp.exp(u) if name in self.logs else u

        return self._each(one, coordinates, base)

    def slopes(self, gradient: Numbers, numbers: Numbers) -> Numbers:
        """The derivatives in the hyperparameters, from those in the coordinates: ``d/dh = (d/d log h) / h``."""
        return self._each(lambda name, g, h: g / h if name in self.logs else g, gradient, numbers)

    def bounded(self, coordinates: Numbers, base: Numbers) -> Numbers:
        """The nearest coordinates within the bounds."""

        def one(name: str, u: Any, b: Any) -> Any:
            low, high = (jnp.asarray(end, u.dtype) for end in self.bounds.get(name, (-math.inf, math.inf)))
            logs = name in self.logs
            return (
                jnp.clip(u, *(jnp.log(jnp.maximum(end, 0) / b) for end in (low, high))) if logs else u.clip(low, high)
            )

        return self._each(one, coordinates, base)

    def _each(self, function: Callable[[str, Any, Any], Any], one: Numbers, other: Numbers) -> Numbers:
        return {n: tuple(function(n, a, b) for a, b in zip(one[n], other[n], strict=True)) for n in self.names}


def coordinates(entries: Sequence[Entry], logs: Iterable[str], bounds: Mapping[str, tuple]) -> Coordinates:
    """The coordinates of starts, checked against them.

    Raises:
        ValueError: if nothing is a float, for what is asked of a name that is none, for a logarithm of what is not
            above 0, and for a start out of bounds.
    """
    first = entries[0]
    floats = [name for name, numbers in first.inside.items() if all(_is_float(v) for v in numbers)]
    mixed = [n for n, numbers in first.inside.items() if n not in floats and any(_is_float(v) for v in numbers)]
    if mixed:
        raise ValueError(f"{mixed[0]} holds floats and whole numbers; give the floats, which descend, a name of theirs")
    if not floats:
        given = ", ".join(f"{name}={first.point[name]!r}" for name in first.hparams) or "none"
        raise ValueError(f"only floats and arrays of floats descend, and the hyperparameters are {given}; write {CALL}")
    logs = frozenset(logs)
    for name in (*sorted(logs), *bounds):
        if name not in floats:
            value = f"is {first.point[name]!r}, no float" if name in first.point else "is no hyperparameter"
            raise ValueError(f"{name!r} {value}, and {', '.join(floats)} descend; write {name}=1.0 among hparams")
    ends = {name: _ends(name, pair) for name, pair in bounds.items()}
    for entry in entries:
        for name in floats:
            low, high = ends.get(name, (-math.inf, math.inf))
            every = np.concatenate([np.ravel(v) for v in entry.inside[name]])
            least, most = float(every.min()), float(every.max())
            if name in logs and not least > 0:
                raise ValueError(
                    f"{name} holds {least:g}, which has no logarithm; write {name}=1e-6, or not log={name!r}"
                )
            if not low <= least <= most <= high:
                raise ValueError(f"{name} begins outside of its bounds ({low:g}, {high:g}); begin within them")
    return Coordinates(tuple(floats), logs, ends)


def _is_float(number: Any) -> bool:
    return jnp.issubdtype(number.dtype, jnp.floating)


def _ends(name: str, pair: Any) -> tuple[float, float]:
    try:
        low, high = pair
        ends = -math.inf if low is None else float(low), math.inf if high is None else float(high)
    except (TypeError, ValueError):
        ends = math.nan, math.nan
    if not ends[0] < ends[1]:
        raise ValueError(f"bounds are two ends, got {name}={pair!r}; write bounds=dict({name}=(0.0, 0.9))")
    return ends
