"""A switch: write operations plainly, or in the form that is fastest on this platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PLAIN: ContextVar[bool] = ContextVar("plain", default=False)


@contextmanager
def plain_operations() -> Iterator[None]:
    """While it is open, what is traced holds each operation by its own name: a convolution is a convolution.

    For whoever reads a program instead of running it: to count its operations, or to write it in another format.

    Example:
        >>> with plain_operations():
        ...     is_plain()
        True
        >>> is_plain()
        False
    """
    token = _PLAIN.set(True)
    try:
        yield
    finally:
        _PLAIN.reset(token)


def is_plain() -> bool:
    """Whether `plain_operations` is open."""
    return _PLAIN.get()
