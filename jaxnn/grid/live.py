"""What is alive at once in a traced program: memory without a compiler."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

LOOPS = ("scan", "while")


def taken(jaxpr: Jaxpr, devices: int = 1) -> int:
    """Bytes of a traced program on each device, arguments included; for several, of the body of its `shard_map`.

    Example:
        >>> import jax
        >>> taken(jax.make_jaxpr(lambda x: (x + 1).sum())(np.ones(100, np.float32)).jaxpr)
        804
    """
    if devices > 1:
        (jaxpr,) = [body for eqn in jaxpr.eqns if eqn.primitive.name == "shard_map" for body in _bodies(eqn)]
    return sum(bytes_of(v.aval) for v in jaxpr.invars) + live(jaxpr)


def live(jaxpr: Jaxpr) -> int:
    """Bytes that are alive at once beyond the arguments, at most, if nothing is fused.

    An operand lives until its last use. Of a loop, what comes out of it lies beside what its body makes.

    Example:
        >>> import jax
        >>> live(jax.make_jaxpr(lambda x: (x + 1).sum())(np.ones(100, np.float32)).jaxpr)
        404
    """
    last = {v: i for i, eqn in enumerate(jaxpr.eqns) for v in eqn.invars if not isinstance(v, Literal)}
    last |= {v: len(jaxpr.eqns) for v in jaxpr.outvars if not isinstance(v, Literal)}
    held: dict[Any, int] = {}
    now = most = 0
    for i, eqn in enumerate(jaxpr.eqns):
        made = {v: bytes_of(v.aval) for v in eqn.outvars}
        own, inner = sum(made.values()), max(map(live, _bodies(eqn)), default=0)
        most = max(most, now + (own + inner if eqn.primitive.name in LOOPS else max(own, inner)))
        held |= {v: size for v, size in made.items() if v in last}
        now += sum(size for v, size in made.items() if v in last)
        for v in {v for v in eqn.invars if not isinstance(v, Literal)}:
            if last[v] == i:
                now -= held.pop(v, 0)
    return most


def _bodies(eqn: Any) -> Iterator[Jaxpr]:
    for value in eqn.params.values():
        for one in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(one, (ClosedJaxpr, Jaxpr)):
                yield one.jaxpr if isinstance(one, ClosedJaxpr) else one


def bytes_of(array: Any) -> int:
    """Bytes of an array, or of what has a shape and a dtype as one.

    Example:
        >>> import jax
        >>> bytes_of(np.ones((3, 2), np.float32)), bytes_of(jax.random.key(0))
        (24, 8)
    """
    shape = getattr(array, "shape", ())
    try:
        return math.prod(shape) * np.dtype(array.dtype).itemsize
    except TypeError:  # keys, of two words
        return math.prod(shape) * 8
