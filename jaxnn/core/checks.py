"""Errors that show the call to write instead, and validators that look only at concrete numbers."""

from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from jaxnn.core.types import Key

_PATH: ContextVar[tuple[str, ...]] = ContextVar("path", default=())


class SpecError(ValueError):
    """A model and its input do not fit; the message starts with the path of the layer."""

    def __init__(self, message: str, path: tuple[str, ...] = ()):
        self.message, self.path = message, path
        super().__init__(f"{'/'.join(path)}: {message}" if path else message)


def misfit(layer: str, holds: str, x: Any, takes: str) -> SpecError:
    """The error for inputs that do not fit the weights a layer holds: both shapes, and what it takes.

    It never advises to draw weights again, because those that are there may be trained.

    Args:
        layer: the class of the layer.
        holds: what it holds, with the shape.
        x: the inputs, of which the shape is read.
        takes: the shape of inputs that fit, with their axes by name.

    Example:
        >>> import numpy as np
        >>> print(misfit("Dense", "a kernel (4, 3)", np.ones((2, 5)), "(batch, ..., 4)"))
        Dense holds a kernel (4, 3) and got inputs (2, 5); write inputs (batch, ..., 4), which its weights were made for
    """
    shape = tuple(x.shape)
    one = " (one row alone is x[None])" if len(shape) < 2 or shape[1:] == (1,) else ""
    return SpecError(
        f"{layer} holds {holds} and got inputs {shape}; write inputs {takes}{one}, which its weights were made for"
    )


@contextmanager
def at(name: str):
    """Put ``name`` in front of the path of any `SpecError` raised inside.

    Example:
        >>> try:
        ...     with at("dense_0"):
        ...         raise SpecError("3 features, 4 expected")
        ... except SpecError as error:
        ...     print(error)
        dense_0: 3 features, 4 expected
    """
    token = _PATH.set((*_PATH.get(), name))
    try:
        yield
    except SpecError as error:
        raise SpecError(error.message, (name, *error.path)) from error.__cause__
    finally:
        _PATH.reset(token)


def path() -> tuple[str, ...]:
    """The names given to `at` around this call, outermost first: the path of the layer that is at work.

    Example:
        >>> with at("sequential_0"), at("dense_1"):
        ...     path()
        ('sequential_0', 'dense_1')
    """
    return _PATH.get()


def pair(layer: Any, result: Any) -> tuple[Any, Any]:
    """What a layer's ``apply`` returned, or an error where it is no pair of outputs and state.

    Example:
        >>> pair(None, (1.0, {}))
        (1.0, {})
    """
    if not isinstance(result, tuple) or len(result) != 2:
        kind = type(layer).__name__
        shape = getattr(result, "shape", None)
        found = type(result).__name__ if shape is None else f"an array {tuple(shape)}"
        raise SpecError(f"apply of {kind} returned {found}, and not outputs and state; write return y, state")
    return result


def is_concrete(value: Any) -> bool:
    """Whether ``value`` is a plain Python number, the only kind that validators look at."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _no_text(name: str, value: Any, call: str) -> None:
    if isinstance(value, str):
        raise ValueError(f"{name} must be a number, got the text {value!r}; write {call}")


def rate(name: str, value: Any, call: str) -> None:
    """Raise unless a concrete ``value`` lies in [0, 1); tracers and arrays pass, text does not."""
    _no_text(name, value, call)
    if is_concrete(value) and not 0 <= value < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {value}; write {call}")


def fraction(name: str, value: Any, call: str) -> None:
    """Raise unless a concrete ``value`` lies in [0, 1]; tracers and arrays pass, text does not."""
    _no_text(name, value, call)
    if is_concrete(value) and not 0 <= value <= 1:
        raise ValueError(f"{name} must lie in [0, 1], got {value}; write {call}")


def positive(name: str, value: Any, call: str) -> None:
    """Raise unless a concrete ``value`` is above zero; tracers and arrays pass, text does not."""
    _no_text(name, value, call)
    if is_concrete(value) and not value > 0:
        raise ValueError(f"{name} must be above 0, got {value}; write {call}")


def not_negative(name: str, value: Any, call: str) -> None:
    """Raise unless a concrete ``value`` is zero or more; tracers and arrays pass, text does not."""
    _no_text(name, value, call)
    if is_concrete(value) and not value >= 0:
        raise ValueError(f"{name} must be 0 or more, got {value}; write {call}")


def size(name: str, value: Any, call: str) -> None:
    """Raise unless ``value`` is a whole number of at least 1 (sizes are never traced)."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}; write {call}")


def key_needed(layer: str, key: Key | None) -> Key:
    """The key itself; raise when a layer that draws in training got none."""
    if key is None:
        raise SpecError(
            f"{layer} draws random numbers in training and got no key; "
            "write apply(params, state, x, key=jax.random.key(0), train=True)"
        )
    return key
