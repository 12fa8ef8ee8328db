"""Some of the runs, runs that meet conditions, and the runs of two grids as one."""

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from jaxnn.grid.cohort import Cohort
from jaxnn.grid.levels import Levels, axes_of, is_log, key, levels
from jaxnn.grid.printing import number
from jaxnn.grid.space import Space
from jaxnn.train.outcome import shown

CLOSE = 1e-6
"""A number that is asked for stands for one that is off by so much of itself, as those of `logspace` are when typed."""


def taken(runs: Any, members: Any) -> Any:
    """See `Runs.take`."""
    members = np.reshape(np.arange(len(runs))[list(members) if isinstance(members, tuple) else members], -1)
    if len(members) == 0:
        raise ValueError("no run is chosen; write runs.take([0])")
    if len(set(members.tolist())) < len(members):
        raise ValueError(f"a run is chosen twice, {members.tolist()}; write each number once")
    new = {int(old): place for place, old in enumerate(members)}
    cohorts = tuple(c for c in (_part(cohort, new) for cohort in runs.cohorts) if c is not None)
    space = Space(tuple(runs.space.points[i] for i in members), runs.space.axes)
    options, start = runs.options, runs.options.get("start")
    if isinstance(start, list):
        options = {**options, "start": [start[i] for i in members]}
    return type(runs)(runs.trial, runs.data, space, runs.source, cohorts, options, numbers=runs.numbers[members])


def _part(cohort: Cohort, new: dict[int, int]) -> Cohort | None:
    """The members of a cohort that are among the chosen, in the order of their new numbers."""
    own = [k for k, i in enumerate(cohort.indices) if int(i) in new]
    own = sorted(own, key=lambda k: new[int(cohort.indices[k])])
    if not own:
        return None
    outcome = jax.tree.map(lambda a: a[np.array(own)], cohort.outcome)
    make = functools.partial(_made, cohort.make, own)
    return cohort._replace(indices=np.array([new[int(cohort.indices[k])] for k in own]), outcome=outcome, make=make)


def _made(make: Any, own: list[int], k: int) -> Any:
    return make(own[k])


def where(runs: Any, conditions: Mapping[str, Any]) -> Any:
    """See `Runs.where`."""
    every = np.ones(len(runs), bool)
    met = {name: _meets(runs, name, condition) for name, condition in conditions.items()}
    for name, own in met.items():
        if not own.any():
            raise ValueError(_nearest(runs, name, conditions[name]))
        every &= own
    if not every.any():
        words = " and ".join(f"{name}={_shown(condition)}" for name, condition in conditions.items())
        raise ValueError(f"no run has {words} at once, though some have each; leave one of them out")
    return runs.take(np.flatnonzero(every))


def _meets(runs: Any, name: str, condition: Any) -> np.ndarray:
    """Which runs meet one condition, ``(runs,)`` bool."""
    if name in axes_of(runs):
        own = levels(runs, name)
        return np.isin(own.codes, sorted(_chosen(own, condition)))
    if name not in runs.table:
        raise ValueError(f"there is no axis and no metric {name!r}; choose one of {', '.join(runs.table)}")
    if not callable(condition):
        values = condition if _several(condition) else [condition]
        return np.array([any(_equal(v, w) for w in values) for v in runs.table[name]])
    return np.array([v is not None and bool(condition(v)) for v in runs.table[name]])


def _chosen(own: Levels, condition: Any) -> set[int]:
    """Which values of an axis are the one asked for, one of those, or such as a function accepts."""
    keys = [(key(raw), key(value)) for raw, value in zip(own.raw, own.values, strict=True)]
    known = {k for pair in keys for k in pair}
    if callable(condition) and key(condition) not in known:
        return {k for k, raw in enumerate(own.raw) if condition(raw)}
    found: set[int] = set()
    several: Any = condition if _several(condition) and key(condition) not in known else [condition]
    for wanted in several:
        exact = {k for k, pair in enumerate(keys) if key(wanted) in pair}
        found |= exact or {k for k, raw in enumerate(own.raw) if _equal(raw, wanted)}
    return found


def _several(condition: Any) -> bool:
    """Whether it is several values: a tuple is one, as in a space."""
    return isinstance(condition, (list, set, frozenset, range)) or getattr(condition, "ndim", 0) == 1


def _equal(value: Any, wanted: Any) -> bool:
    if _is_number(value) and _is_number(wanted):
        return value == wanted or math.isclose(value, wanted, rel_tol=CLOSE)
    return key(value) == key(wanted)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _nearest(runs: Any, name: str, condition: Any) -> str:
    """What to tell of a condition that no run meets."""
    values = levels(runs, name).values if name in axes_of(runs) else list(dict.fromkeys(runs.table[name]))
    numbers = [v for v in values if _is_number(v) and math.isfinite(v)]
    if callable(condition):
        span = f"from {_shown(min(numbers))} to {_shown(max(numbers))}" if numbers else ", ".join(map(_shown, values))
        return f"no run meets the condition on {name}, which goes {span}; write one that some of these meet"
    wanted = next(iter(condition)) if _several(condition) and len(condition) else condition
    if numbers and _is_number(wanted):
        if is_log(numbers) and wanted > 0:
            near = min(numbers, key=lambda v: abs(math.log(v / wanted)))
        else:
            near = min(numbers, key=lambda v: abs(v - wanted))
        return f"no run has {name}={_shown(condition)}; the nearest is {near!r}: write runs.where({name}={near!r})"
    return f"no run has {name}={_shown(condition)}; it is one of {', '.join(map(repr, values[:12]))}"


def _shown(value: Any) -> str:
    return getattr(value, "__name__", repr(number(value) if callable(value) else value))


def joined(one: Any, other: Any) -> Any:
    """See `Runs.__add__`."""
    if set(one.space.axes) != set(other.space.axes):
        raise ValueError(
            f"runs over {', '.join(one.space.axes)} and over {', '.join(other.space.axes)} cannot be joined; "
            "train both over the same axes"
        )
    known = {_point(point): i for i, point in enumerate(one.space.points)}
    twice = [(i, known[_point(point)]) for i, point in enumerate(other.space.points) if _point(point) in known]
    if twice:
        new = sorted(set(range(len(other))) - {i for i, _ in twice})
        write = f"write runs + other.take({new if len(new) <= 8 else 'numbers'}) for the others" * bool(new)
        raise ValueError(
            f"{len(twice)} of the {len(other)} points stand in both, {other.space.points[twice[0][0]]} as run "
            f"{twice[0][1]} of the first and run {twice[0][0]} of the second; {write or 'none is new'}"
        )
    shift = len(one)
    cohorts = (*one.cohorts, *(c._replace(indices=np.asarray(c.indices) + shift) for c in other.cohorts))
    same = one.trial is other.trial and one.data is other.data and _alike(one.options, other.options)
    trial, data, options = (one.trial, one.data, one.options) if same else (None, None, {})
    source = one.source if one.source is other.source else None
    return type(one)(trial, data, one.space + other.space, source, cohorts, options)


def _alike(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(a[n] is b[n] or key(a[n]) == key(b[n]) for n in a)


def _point(point: Mapping[str, Any]) -> Any:
    return key({name: shown(value) for name, value in point.items()})


def stacked(cohorts: Iterable[Cohort]) -> Any:
    """The weights of all members as one tree, in order.

    Raises:
        ValueError: for several structures.
    """
    cohorts = list(cohorts)
    forms = {str(jax.tree.structure(c.make(0).spec)) for c in cohorts} if len(cohorts) > 1 else {""}
    if len(forms) != 1 or not cohorts:
        raise ValueError(f"the weights of {len(cohorts)} structures cannot be stacked; write runs[i].params")
    if len(cohorts) == 1:
        return cohorts[0].outcome.params
    order = np.argsort(np.concatenate([c.indices for c in cohorts]))
    return jax.tree.map(lambda *a: np.concatenate(a)[order], *[c.outcome.params for c in cohorts])
