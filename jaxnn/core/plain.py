"""A switch: write operations plainly, or in the form that is fastest on the platform that they are compiled for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

_PLAIN: Any = jax.make_user_context(False)  # what is traced within is not taken for what is traced without


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
    with _PLAIN(True):
        yield


def is_plain() -> bool:
    """Whether `plain_operations` is open."""
    return _PLAIN.value
