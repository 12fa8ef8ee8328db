"""What convolution and pooling share: sizes per axis, padding in words and in numbers."""

from typing import Any, TypeAlias

import jax.numpy as jnp

from jaxnn.core import checks
from jaxnn.core.masks import none_here

Padding: TypeAlias = str | int | tuple
"""``"same"``, ``"valid"``, ``"causal"``, a number for both ends of every axis, or per axis a number or a pair."""


def sizes(name: str, value: Any, call: str) -> None:
    """Raise unless ``value`` is a whole number of at least 1, or a tuple of one to three of them."""
    entries = value if isinstance(value, tuple) else (value,)
    if not 1 <= len(entries) <= 3:
        raise ValueError(f"{name} must have one to three entries, got {value!r}; write {call}")
    for entry in entries:
        checks.size(name, entry, call)


def padding_form(value: Any, words: tuple[str, ...], call: str) -> None:
    """Raise unless ``value`` is one of ``words`` or padding in numbers."""
    if isinstance(value, str):
        if value not in words:
            raise ValueError(f"padding must be {' or '.join(map(repr, words))} or numbers, got {value!r}; write {call}")
        return
    for entry in value if isinstance(value, tuple) else (value,):
        ends = entry if isinstance(entry, tuple) else (entry, entry)
        if len(ends) != 2 or not all(isinstance(e, int) and not isinstance(e, bool) and e >= 0 for e in ends):
            raise ValueError(
                f"padding in numbers is a count from 0 or a pair of them per axis, got {value!r}; write {call}"
            )


def lowest(dtype: Any) -> Any:
    """What is never larger than another number of ``dtype``."""
    return -jnp.inf if jnp.issubdtype(dtype, jnp.inexact) else jnp.iinfo(dtype).min


def inputs_of(axes: int, channels: int) -> str:
    """Inputs of so many axes between batch and channels, in words: ``(batch, height, width, 3)``."""
    names = ("length", "height, width", "depth, height, width")[axes - 1]
    return f"(batch, {names}, {channels})"


def same_rank(layer: str, fields: dict[str, Any], call: str) -> None:
    """Raise unless all tuples among ``fields`` have the same length."""
    lengths = {name: len(value) for name, value in fields.items() if isinstance(value, tuple)}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise ValueError(f"{layer} needs one entry per axis everywhere, got {told}; write {call}")


def axes_of(layer: str, x: Any, fields: dict[str, Any]) -> int:
    """The number of spatial axes of ``x``, one to three, which every tuple among ``fields`` must have as length.

    Raises:
        SpecError: with the shape of ``x``.
    """
    count = len(none_here(layer, x).shape) - 2
    for name, value in fields.items():
        if isinstance(value, tuple) and len(value) != count:
            axes = ", ".join(("length", "height, width", "depth, height, width")[len(value) - 1].split(", "))
            raise checks.SpecError(
                f"{layer} with {name}={value} needs inputs (batch, {axes}, channels), got {tuple(x.shape)}; "
                f"write x[..., None] where the channels are missing, or as many numbers as there are axes"
            )
    if not 1 <= count <= 3:
        raise checks.SpecError(
            f"{layer} needs inputs (batch, one to three axes, channels), got {tuple(x.shape)}; "
            "write x[..., None] where the channels are missing"
        )
    return count


def per_axis(value: Any, count: int) -> tuple:
    """One entry per axis."""
    return value if isinstance(value, tuple) else (value,) * count


def pairs(
    padding: Padding, size: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Padding in numbers, ``(before, after)`` per axis, for windows of ``window`` entries (dilation included).

    ``"same"`` makes ``ceil(size / stride)`` outputs and puts the odd one after, ``"causal"`` puts all before.

    Example:
        >>> pairs("same", (5,), (2,), (1,)), pairs("causal", (5,), (3,), (1,)), pairs(1, (5, 5), (3, 3), (1, 1))
        (((0, 1),), ((2, 0),), ((1, 1), (1, 1)))
    """
    if padding == "valid":
        return ((0, 0),) * len(size)
    if padding == "causal":
        return tuple((w - 1, 0) for w in window)
    if padding == "same":
        totals = [max((-(-n // s) - 1) * s + w - n, 0) for n, w, s in zip(size, window, strides, strict=True)]
        return tuple((total // 2, total - total // 2) for total in totals)
    return tuple(p if isinstance(p, tuple) else (p, p) for p in per_axis(padding, len(size)))


def outputs(
    layer: str,
    size: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
) -> tuple[int, ...]:
    """The number of places of a window per axis.

    Raises:
        SpecError: if a window is larger than its padded axis.
    """
    for n, w, p in zip(size, window, pads, strict=True):
        if isinstance(n, int) and n + sum(p) < w:
            raise checks.SpecError(
                f"{layer} slides a window {window} over inputs of size {size}, which are too small; "
                'write padding="same", or a smaller window'
            )
    return tuple((n + sum(p) - w) // s + 1 for n, w, s, p in zip(size, window, strides, pads, strict=True))
