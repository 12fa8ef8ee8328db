"""Ranges as Optuna draws from them, and points of what it drew."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxnn.core.hyper import static, traced
from jaxnn.grid.space import axis_values, log

PLAIN = (type(None), bool, int, float, str)
"""What Optuna stores as a choice; of all else it is given the name."""


class Range(NamedTuple):
    """One hyperparameter.

    Args:
        distribution: Optuna's, or None for a constant.
        value: the hyperparameter of what was drawn.
    """

    distribution: Any
    value: Callable[[Any], Any]

    def drawn(self, trial: Any, name: str) -> Any:
        """The hyperparameter, drawn by Optuna's trial.

        Raises:
            ValueError: if the study knows the name by a distribution that does not go with this one.
        """
        from optuna.distributions import FloatDistribution, IntDistribution

        own = self.distribution
        try:
            if own is None:
                return self.value(None)
            if isinstance(own, FloatDistribution):
                return self.value(trial.suggest_float(name, own.low, own.high, step=own.step, log=own.log))
            if isinstance(own, IntDistribution):
                return self.value(trial.suggest_int(name, own.low, own.high, step=own.step, log=own.log))
            return self.value(trial.suggest_categorical(name, own.choices))
        except ValueError as error:
            raise ValueError(f"Optuna cannot draw {name} from {own}, which its study may know otherwise ({error}); "
                             "write another study, or another name") from error  # fmt: skip


class Ranges(NamedTuple):
    """Hyperparameters by name, as Optuna draws them.

    Args:
        ranges: by name.

    Example:
        >>> ranges = Ranges.of({"lr": log(1e-4, 1e-1), "hidden": [(8,), (16, 16)], "depth": 2})
        >>> ranges.distributions["hidden"].choices
        ('(8,)', '(16, 16)')
        >>> from optuna.trial import FixedTrial
        >>> ranges(FixedTrial({"lr": 0.01, "hidden": "(8,)"}))
        {'lr': 0.01, 'hidden': (8,), 'depth': 2}
    """

    ranges: dict[str, Range]

    @classmethod
    def of(cls, space: Mapping[str, Any]) -> "Ranges":
        """Of Optuna's distributions, and of ranges as `jaxnn.space.random` takes them.

        Raises:
            ValueError: for an empty list, a range that ends before it begins, or choices of one name.
        """
        return cls({name: _range(name, given) for name, given in space.items()})

    @property
    def distributions(self) -> dict[str, Any]:
        """What Optuna draws from."""
        return {name: one.distribution for name, one in self.ranges.items() if one.distribution is not None}

    def __call__(self, trial: Any) -> dict[str, Any]:
        """A point, drawn by Optuna's trial."""
        return {name: one.drawn(trial, name) for name, one in self.ranges.items()}


def _range(name: str, given: Any) -> Range:
    from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(given, (traced, static)):
        kind, inner = type(given), _range(name, given.values)
        return Range(inner.distribution, lambda drawn: kind(inner.value(drawn)))
    if isinstance(given, BaseDistribution):
        return Range(given, lambda drawn: drawn)
    if isinstance(given, log):
        return Range(FloatDistribution(given.low, given.high, log=True), float)
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(v, (int, float)) for v in given):
        if not given[0] < given[1]:
            raise ValueError(f"a range goes up, and {name} is {given}; write {name}=({given[1]}, {given[0]})")
        return Range(FloatDistribution(float(given[0]), float(given[1])), float)
    if isinstance(given, range) and len(given) > 1:
        low, high = sorted((given[0], given[-1]))
        return Range(IntDistribution(low, high, step=abs(given.step)), int)
    values = axis_values(name, given)
    if len(values) == 1:
        return Range(None, lambda drawn: values[0])
    if all(isinstance(v, PLAIN) for v in values):
        return Range(CategoricalDistribution(values), lambda drawn: drawn)
    named = {_named(v): v for v in values}
    if len(named) < len(values):
        raise ValueError(f"choices of {name} have one name, and a study stores names: {list(map(_named, values))}")
    return Range(CategoricalDistribution(list(named)), named.__getitem__)


def _named(value: Any) -> str:
    return getattr(value, "__name__", None) or repr(np.asarray(value).tolist() if hasattr(value, "dtype") else value)
