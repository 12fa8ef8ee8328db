"""Options of `fit`, `grid` and `run` that are neither data nor hyperparameters, checked before anything begins."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxnn.core.precision import precision_of
from jaxnn.core.types import Key

ARGUMENTS = ("seed", "batch_size", "epochs")
"""Axes of a grid that are arguments of `fit`."""
PARTS = ("fold", "bootstrap")
"""Axes that say which part of the rows a member trains on."""


def whole(name: str, value: Any, least: int = 1) -> None:
    """Raise unless ``value`` is a whole number of at least ``least`` that 32 bits hold.

    Example:
        >>> whole("epochs", 2.5)
        Traceback (most recent call last):
        ValueError: epochs must be a whole number of at least 1, got 2.5; write epochs=32
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}; write {name}=32")
    if value >= 2**31:
        raise ValueError(f"{name} must be below 2**31, got {value!r}; write {name}=32")


def check_options(
    *, batch_size: Any = None, micro: Any = None, precision: Any = None, stop: Any = None, shuffle_seed: Any = 0,
    callbacks: Any = (), folder: Any = None, **flags: Any,
) -> None:  # fmt: skip
    """Raise for an option of another kind.

    Args:
        batch_size, micro: whole numbers or None.
        precision: a name, a `Precision` or None.
        stop: an `EarlyStopping` or None.
        shuffle_seed: a whole number.
        callbacks: functions, in a list.
        folder: a path or None.
        **flags: True or False; a word would count as True whatever it says.

    Raises:
        ValueError: with the option, and what to write.

    Example:
        >>> check_options(shuffle="no")
        Traceback (most recent call last):
        ValueError: shuffle must be True or False, got 'no'; write shuffle=False
    """
    if batch_size is not None:
        whole("batch_size", batch_size)
    if micro is not None:
        whole("micro", micro)
    precision_of(precision)
    for name, value in flags.items():
        if not isinstance(value, (bool, np.bool_)):
            raise ValueError(f"{name} must be True or False, got {value!r}; write {name}=False")
    if callable(callbacks) or not isinstance(callbacks, (list, tuple)) or not all(map(callable, callbacks)):
        raise ValueError(f"callbacks must be a list of functions, got {callbacks!r}; write callbacks=[function]")
    if folder is not None and not isinstance(folder, (str, os.PathLike)):
        raise ValueError(f'folder must be a path, got {folder!r}; write folder="runs/first"')
    if not _is_seed(shuffle_seed):
        raise ValueError(f"shuffle_seed must be a whole number from 0 on, got {shuffle_seed!r}; write shuffle_seed=0")
    if isinstance(stop, type) or not (stop is None or hasattr(stop, "observe")):
        raise ValueError(f'stop must be an EarlyStopping, got {stop!r}; write stop=nn.EarlyStopping("val_loss", 10)')


def _is_seed(value: Any) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) >= 0


def check_hparams(hparams: Any) -> dict[str, Any]:
    """Hyperparameters by name, none of them an argument of `fit`; None for none.

    Example:
        >>> check_hparams({"lr": 0.1, "epochs": 3})
        Traceback (most recent call last):
        ValueError: epochs is an argument of its own, and no hyperparameter of the trial; write fit(..., epochs=3)
    """
    if hparams is None:
        return {}
    if not isinstance(hparams, Mapping):
        raise ValueError(f"hyperparameters go by name, got {hparams!r}; write dict(lr=0.1)")
    for name in ARGUMENTS:
        if name in hparams:
            raise ValueError(
                f"{name} is an argument of its own, and no hyperparameter of the trial; "
                f"write fit(..., {name}={hparams[name]!r})"
            )
    return dict(hparams)


def check_key(key: Any) -> Key:
    """The key itself, or an error for a seed in its place.

    Example:
        >>> check_key(0)
        Traceback (most recent call last):
        ValueError: the key must be one of JAX, got 0; write jax.random.key(0, impl="threefry2x32")
    """
    if not hasattr(key, "dtype") or not hasattr(key, "shape"):
        seed = key if _is_seed(key) else 0
        raise ValueError(f'the key must be one of JAX, got {key!r}; write jax.random.key({seed}, impl="threefry2x32")')
    return key


def part_of(point: Mapping[str, Any]) -> int:
    """The number of the part of the rows that a point trains on.

    Example:
        >>> part_of({"lr": 0.1, "fold": 3}), part_of({"lr": 0.1})
        (3, 0)
    """
    return next((point[name] for name in PARTS if name in point), 0)
