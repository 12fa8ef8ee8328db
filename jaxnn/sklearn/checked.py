"""Parameters of the networks, checked before anything is read, in one sentence that shows what to write."""

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np

from jaxnn.core.names import activation
from jaxnn.core.precision import precision_of
from jaxnn.sklearn.network import NAMES

CHOICES = {
    "solver": ("adam", "sgd", "lbfgs"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "loss": ("squared_error", "poisson"),
    "dtype": (None, "float32", "float64"),
}
FLAGS = ("shuffle", "warm_start", "nesterovs_momentum", "early_stopping")
RANGES = {  # name -> lowest, highest, whether each of them is allowed
    "alpha": (0, math.inf, True, False),
    "l1": (0, math.inf, True, False),
    "dropout": (0, 1, True, False),
    "learning_rate_init": (0, math.inf, False, False),
    "power_t": (0, math.inf, True, False),
    "tol": (0, math.inf, True, False),
    "momentum": (0, 1, True, True),
    "validation_fraction": (0, 1, True, False),
    "beta_1": (0, 1, True, False),
    "beta_2": (0, 1, True, False),
    "epsilon": (0, math.inf, False, False),
    "n_iter_no_change": (1, math.inf, True, True),
}
WHOLE = ("max_iter", "max_fun")


def check_parameters(given: Mapping[str, Any]) -> None:
    """Raise for a parameter that is none of its choices, no number, or out of its range.

    Args:
        given: parameters by name.

    Raises:
        ValueError: with the parameter, what it may be and what to write.

    Example:
        >>> check_parameters({"alpha": -1.0})
        Traceback (most recent call last):
        ValueError: alpha must be a number of at least 0, got -1.0; write alpha=0
    """
    for name, value in given.items():
        if (name in CHOICES and not (value is None or isinstance(value, str))) or value not in CHOICES.get(
            name, (value,)
        ):
            known = ", ".join(map(repr, CHOICES[name]))
            raise ValueError(f"{name} must be one of {known}, got {value!r}; write {name}={CHOICES[name][-1]!r}")
        if name in FLAGS and not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be True or False, got {value!r}; write {name}=True")
        if name in WHOLE:
            _whole(name, value)
        if name in RANGES:
            _number(name, value, *RANGES[name])
    if given.get("batch_size", "auto") != "auto":
        _whole("batch_size", given["batch_size"])
    if "activation" in given:
        value = given["activation"]
        activation(NAMES.get(value, value) if isinstance(value, str) else value)
    widths(given.get("hidden_layer_sizes", ()))
    _check_optimizer(given)
    check_precision(given.get("precision"), given.get("dtype"))


def check_precision(precision: Any, dtype: Any) -> None:
    """Raise for a precision that is none, and for one beside float64.

    Raises:
        ValueError: with what to write.

    Example:
        >>> check_precision("bfloat16", "float64")
        Traceback (most recent call last):
        ValueError: precision='bfloat16' goes with rows of float32, and dtype is 'float64'; leave out one of the two
    """
    if precision_of(precision) is not None and dtype == "float64":
        raise ValueError(f"precision={precision!r} goes with rows of float32, and dtype is {dtype!r}; "
                         "leave out one of the two")  # fmt: skip


def _whole(name: str, value: Any) -> None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}; write {name}=200")


def _number(name: str, value: Any, low: float, high: float, with_low: bool, with_high: bool) -> None:
    given: Any = value
    number = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    if number and (low < given < high or (with_low and given == low) or (with_high and given == high)):
        return
    least = f"of at least {low}" if with_low else f"above {low}"
    most = "" if high == math.inf else f" and {'at most' if with_high else 'below'} {high}"
    example = low if with_low else 1e-3
    raise ValueError(f"{name} must be a number {least}{most}, got {value!r}; write {name}={example}")


def widths(hidden: Any) -> tuple[int, ...]:
    """The widths of the hidden layers; one number is one layer.

    Example:
        >>> widths(100), widths([64, 32]), widths(())
        ((100,), (64, 32), ())
    """
    found: tuple[Any, ...] = (
        tuple(hidden) if isinstance(hidden, Iterable) and not isinstance(hidden, str) else (hidden,)
    )
    if not all(isinstance(w, Integral) and not isinstance(w, bool) and int(w) > 0 for w in found):
        raise ValueError(
            f"hidden_layer_sizes must be > 0, each a whole number, got {hidden!r}; write hidden_layer_sizes=(100,)"
        )
    return tuple(int(w) for w in found)


def _check_optimizer(given: Mapping[str, Any]) -> None:
    optimizer = given.get("optimizer")
    if optimizer is None:
        return
    if not callable(optimizer):
        raise ValueError(
            f"optimizer must make a transformation of Optax out of a learning rate, got {optimizer!r}; "
            "write optimizer=optax.adamw"
        )
    if given.get("solver") == "lbfgs" or given.get("learning_rate") != "constant":
        raise ValueError(
            'optimizer= takes the place of the solver and of its schedule; leave solver="adam" and '
            'learning_rate="constant", and write optimizer=lambda rate: optax.adam(optax.linear_schedule(rate, 0, 99))'
        )
