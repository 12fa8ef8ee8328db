"""Which platform a program is written for, where operations have a form of their own on a CPU.

A program that is compiled for known devices holds the form of these; any other holds both, and whoever lowers it, for
one platform or several, takes what is right. Which devices the host has, that traces it, does not matter.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax

from jaxnn.core.plain import is_plain

_KNOWN: Any = jax.make_user_context(None)


@contextmanager
def written_for(platform: str | None) -> Iterator[None]:
    """While it is open, what is traced holds the forms of this platform alone.

    A choice that is left open is differentiated branch by branch, and hides what is in it from whoever reads the
    program; where the devices are known, neither need be.

    Args:
        platform: ``"cpu"``, ``"gpu"``, ``"cuda"``, ``"rocm"``, ``"tpu"``; None where it is not known.

    Example:
        >>> import jax.numpy as jnp
        >>> with written_for("tpu"):
        ...     by_platform(jnp.float32(3), cpu=lambda x: x + x, default=lambda x: 2 * x).item()
        6.0
    """
    with _KNOWN(platform):
        yield


def by_platform(*operands: Any, cpu: Callable, default: Callable) -> Any:
    """``cpu(*operands)`` in a program for a CPU, ``default(*operands)`` in one for anything else.

    Among plain operations it is the latter.

    Args:
        *operands: arrays, or trees of them.
        cpu, default: pure functions of one result, in structure, shapes and dtypes.

    Example:
        >>> import jax.numpy as jnp
        >>> program = jax.jit(lambda x: by_platform(x, cpu=jnp.sin, default=jnp.cos)).trace(jnp.ones(2))
        >>> text = program.lower(lowering_platforms=("tpu",)).as_text()
        >>> "stablehlo.cosine" in text, "stablehlo.sine" in text
        (True, False)
    """
    platform = "any" if is_plain() else _KNOWN.value
    if platform is None:
        return jax.lax.platform_dependent(*operands, cpu=cpu, default=default)
    return (cpu if platform == "cpu" else default)(*operands)
