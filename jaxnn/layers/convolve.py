"""Convolution by the way that is fast on the platform that it is compiled for.

XLA has fast convolutions for GPU and TPU. For the CPU it has them for one and two axes and many channels only; with
few channels, in groups, transposed or over three axes they, or their gradients, take from 2 to 40 times as long as a
matrix product of the same size, or as a sum of shifted inputs where the channels stay apart.
"""

import itertools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.core.plain import is_plain
from jaxnn.core.platforms import by_platform
from jaxnn.layers.conv_product import Axis, by_product

NARROW = 16, 128
"""Filters, and channels times filters, up to which a plain convolution is slower than the product on the CPU."""

FAR = 8192
"""Steps and reaches beyond this would be patches of zeros."""


def convolve(
    x: Any,
    kernel: Any,
    strides: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int = 1,
    stretch: tuple[int, ...] | None = None,
) -> Any:
    """Cross-correlation, channels last, by the way that is fast on the platform that it is compiled for.

    Args:
        x: ``(batch, *size, in)``.
        kernel: ``(*taps, in / groups, filters)``.
        strides, dilation: per axis, of the outputs and of the taps.
        pads: per axis, before and after.
        groups: the channels are cut into so many, each with its own filters.
        stretch: per axis, the distance of two inputs (zeros between them); 1 unless transposed.

    Returns:
        ``(batch, *out, filters)``.
    """
    stretch = (1,) * len(strides) if stretch is None else stretch
    sizes = x.shape[1:-1]
    known = all(isinstance(n, int) for n in sizes) and math.prod(sizes) > 0
    by_itself = partial(by_xla, pads=pads, dilation=dilation, groups=groups, stretch=stretch)
    default = partial(by_itself, strides=strides)
    if is_plain() or not known:
        return default(x, kernel)

    def on_cpu(x: Any, kernel: Any) -> Any:
        x, fewer = _thinned(x, kernel, strides, pads, stretch)
        axes = tuple(map(Axis, x.shape[1:-1], kernel.shape[:-2], fewer, dilation, stretch, pads))
        if any(max(axis.stride, axis.taps * axis.dilation, axis.stretch) > FAR for axis in axes):
            return by_itself(x, kernel, fewer)
        if groups == x.shape[-1] > 1 and set(stretch) == {1}:
            return by_shifts(x, kernel, axes)
        if groups == 1 and set(stretch) == {1} and len(axes) < 3 and not _product_wins(axes, *kernel.shape[-2:]):
            return by_itself(x, kernel, fewer)
        return by_product(x, kernel, axes, groups)

    return by_platform(x, kernel, cpu=on_cpu, default=default)


def _thinned(x: Any, kernel: Any, strides: tuple, pads: tuple, stretch: tuple) -> tuple[Any, tuple]:
    """Leave out the inputs between which a single tap steps."""
    thin = [
        s if (taps, pad, gap) == (1, (0, 0), 1) else 1
        for s, taps, pad, gap in zip(strides, kernel.shape[:-2], pads, stretch, strict=True)
    ]
    if max(thin) > 1:
        x = x[(slice(None), *(slice(None, None, s) for s in thin))]
    return x, tuple(s // t for s, t in zip(strides, thin, strict=True))


def _product_wins(axes: tuple[Axis, ...], into: int, filters: int) -> bool:
    """Measured on the CPU: a point, a kernel larger than the image, or few channels."""
    point = all(axis.taps == 1 for axis in axes)
    return point or any(a.taps > a.size for a in axes) or (filters <= NARROW[0] and into * filters <= NARROW[1])


def by_xla(
    x: Any,
    kernel: Any,
    strides: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
    stretch: tuple[int, ...],
) -> Any:
    """`convolve` by XLA's convolution."""
    letters = "DHW"[3 - len(strides) :]
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        strides,
        pads,
        lhs_dilation=stretch,
        rhs_dilation=dilation,
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=groups,
    )


def by_shifts(x: Any, kernel: Any, axes: tuple[Axis, ...]) -> Any:
    """`convolve` with one group per channel, as the sum over taps of the shifted input times the tap."""
    channels, filters = x.shape[-1], kernel.shape[-1]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*axis.pad, 0) for axis in axes), (0, 0, 0)])
    y = jnp.zeros((x.shape[0], *(axis.out for axis in axes), channels, filters // channels), x.dtype)
    for tap in itertools.product(*(range(axis.taps) for axis in axes)):
        reach = [
            (t * a.dilation, t * a.dilation + (a.out - 1) * a.stride + 1, a.stride)
            for t, a in zip(tap, axes, strict=True)
        ]
        part = x[(slice(None), *(slice(*ends) for ends in reach))][..., None]
        y = y + part * kernel[(*tap, 0)].reshape((1,) * (x.ndim - 1) + (channels, filters // channels))
    return y.reshape(*y.shape[:-2], filters)
