"""Floating-point operations, counted in the program as JAX traces it."""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import jax

from jaxnn.core.plain import plain_operations


def flops(function: Callable, *args: Any) -> int:
    """Count the floating-point operations of the products and convolutions of a function.

    A multiply-add counts as two. The body of a scan counts as often as it runs, where XLA's own cost analysis counts
    it once; of the branches of a condition the dearest counts, and the body of a while loop once, as nobody knows how
    often it runs. A convolution counts its taps in the padding too. Everything else (sums, activations) counts
    nothing, and kernels that JAX does not see into neither.

    Args:
        function: what to count, such as ``model.apply`` or the gradient of a loss.
        *args: its arguments: arrays or `jax.ShapeDtypeStruct`; only shapes are read, and nothing is computed.

    Returns:
        The exact whole number.

    Source: Narayanan et al., 2021, whose formula for a GPT it gives.

    Example:
        >>> import jax, jax.numpy as jnp, jaxnn as nn
        >>> nn.flops(lambda a, b: a @ b, jnp.ones((2, 3)), jnp.ones((3, 4)))
        48
    """
    with plain_operations():
        return sum(count(jax.make_jaxpr(lambda *a: function(*a))(*args).jaxpr).values())


def count(jaxpr: Any, times: int = 1, owner: str = "", marks: str = "\0") -> Counter:
    """The operations of a jaxpr, by owner.

    Args:
        jaxpr: of `jax.make_jaxpr`.
        times: how often it runs.
        owner: to whom they count.
        marks: an inner function whose name starts so is an owner of its own, from there on.

    Returns:
        A counter of operations by owner, and under ``"calls " + owner`` of how often each inner owner runs.
    """
    total: Counter = Counter()
    for eqn in jaxpr.eqns:
        name = eqn.primitive.name
        if name == "dot_general":
            total[owner] += times * _product(eqn)
        elif name == "conv_general_dilated":
            total[owner] += times * _convolution(eqn)
        elif name == "cond":
            branches = [count(b.jaxpr, times, owner, marks) for b in eqn.params["branches"]]
            total += max(branches, key=lambda c: sum(c.values()))
        else:
            repeated = times * (eqn.params["length"] if name == "scan" else 1)
            label = eqn.params.get("name", "")
            inner = label if isinstance(label, str) and label.startswith(marks) else owner
            if inner != owner:
                total[f"calls {inner}"] += repeated
            for inside in _inside(eqn):
                total += count(inside, repeated, inner, marks)
    return total


def _inside(eqn: Any) -> Iterator[Any]:
    for value in eqn.params.values():
        for item in value if isinstance(value, (tuple, list)) else (value,):
            item = getattr(item, "jaxpr", item)
            if hasattr(item, "eqns"):
                yield item


def _product(eqn: Any) -> int:
    (contracted, _), _ = eqn.params["dimension_numbers"]
    left = eqn.invars[0].aval.shape
    return 2 * math.prod(eqn.outvars[0].aval.shape) * math.prod(left[i] for i in contracted)


def _convolution(eqn: Any) -> int:
    kernel, numbers = eqn.invars[1].aval.shape, eqn.params["dimension_numbers"]
    terms = math.prod(kernel) // kernel[numbers.rhs_spec[0]]
    return 2 * math.prod(eqn.outvars[0].aval.shape) * terms // math.prod(eqn.params["lhs_dilation"])
