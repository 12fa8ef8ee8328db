"""Convolution as one matrix product.

``t`` neighbouring outputs share one patch of the input, so that the patches are a fraction of those of im2col, and the
kernel becomes a banded matrix ``(patch * in, t * filters)``. Each derivative of a product is a product, of any order,
and so is the product mapped over members, where a mapped convolution is one in groups.
"""

import functools
import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

FLOPS, COPIES = 1.5e11, 1.4e9
"""Multiply-adds times two, and floats copied, per second on two cores: what a block of outputs is weighed by."""
BLOCKS = (1, 2, 3, 4, 6, 8)


class Axis(NamedTuple):
    """One spatial axis of a convolution.

    Args:
        size: of the input.
        taps: of the kernel.
        stride: between two outputs.
        dilation: between two taps.
        stretch: between two inputs, 1 unless the convolution is transposed.
        pad: entries added before and after the stretched input.
    """

    size: int
    taps: int
    stride: int
    dilation: int
    stretch: int
    pad: tuple[int, int]

    @property
    def out(self) -> int:
        """The number of outputs."""
        span = (self.taps - 1) * self.dilation + 1
        return ((self.size - 1) * self.stretch + 1 + sum(self.pad) - span) // self.stride + 1


class Block(NamedTuple):
    """How ``width`` neighbouring outputs of one axis read the input.

    Args:
        count: number of blocks.
        step: inputs from one block to the next.
        first: the first input that block 0 reads; negative in the padding.
        steps: the patch of a block is ``steps * step`` inputs long.
        width: outputs of a block.
    """

    count: int
    step: int
    first: int
    steps: int
    width: int


def by_product(x: Any, kernel: Any, axes: tuple[Axis, ...], groups: int) -> Any:
    """Cross-correlation, channels last, by one product, or by one for each group.

    Args:
        x: ``(batch, *size, in)``.
        kernel: ``(*taps, in / groups, filters)``.
        axes: size, taps and the rest of each axis.
        groups: the channels are cut into so many, each with its own filters.

    Returns:
        ``(batch, *out, filters)``.
    """
    batch = x.shape[0] if isinstance(x.shape[0], int) else 32
    into, filters = kernel.shape[-2], kernel.shape[-1] // groups
    blocks = choose(axes, batch, into, filters)
    if groups == 1:
        return _product(x, kernel, axes, blocks)
    x = x.reshape(*x.shape[:-1], groups, into)
    kernel = kernel.reshape(*kernel.shape[:-1], groups, filters)
    y = jax.vmap(lambda a, b: _product(a, b, axes, blocks), (-2, -2), -2)(x, kernel)  # (batch, *out, groups, filters)
    return y.reshape(*y.shape[:-2], groups * filters)


def _product(x: Any, kernel: Any, axes: tuple[Axis, ...], blocks: tuple[Block, ...]) -> Any:
    n, (into, filters) = len(axes), kernel.shape[-2:]
    counts, steps, widths = (tuple(getattr(b, name) for b in blocks) for name in ("count", "step", "width"))
    whole = tuple(b.count + b.steps - 1 for b in blocks)
    ends = [(-b.first, w * b.step + b.first - a.size, 0) for a, b, w in zip(axes, blocks, whole, strict=True)]
    x = jax.lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *ends, (0, 0, 0)])
    x = _split(x, whole, steps, into).reshape(x.shape[0], *whole, math.prod(steps) * into)
    for i in reversed(range(n)):  # one axis after the other: fewer and longer copies than one for each place of a patch
        parts = [jax.lax.slice_in_dim(x, k, k + counts[i], axis=i + 1) for k in range(blocks[i].steps)]
        whole_patch = (*parts[0].shape[:-1], len(parts) * x.shape[-1])
        x = jnp.stack(parts, axis=-2).reshape(whole_patch)  # on a CPU thrice as fast as to concatenate
    y = x @ banded(kernel, axes, blocks)  # (batch, *counts, steps * step * in) -> (batch, *counts, width * filters)
    y = _join(y.reshape(x.shape[0], *counts, *widths, filters), n)
    return y[(slice(None), *(slice(a.out) for a in axes))]


def _split(x: Any, counts: tuple[int, ...], widths: tuple[int, ...], last: int) -> Any:
    """Cut each spatial axis into ``(count, width)`` and put the widths together before the channels."""
    n = len(counts)
    cut = x.reshape(x.shape[0], *itertools.chain(*zip(counts, widths, strict=True)), last)
    return cut.transpose(0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2), 2 * n + 1)


def _join(y: Any, n: int) -> Any:
    """The inverse: ``(batch, *counts, *widths, filters)`` becomes ``(batch, *count * width, filters)``."""
    order = itertools.chain(*((1 + i, 1 + n + i) for i in range(n)))
    sizes = tuple(y.shape[1 + i] * y.shape[1 + n + i] for i in range(n))
    return y.transpose(0, *order, 2 * n + 1).reshape(y.shape[0], *sizes, y.shape[-1])


def banded(kernel: Any, axes: tuple[Axis, ...], blocks: tuple[Block, ...]) -> Any:
    """The kernel as a matrix ``(steps * step * in, width * filters)``, in the order of the patches."""
    n, operands, terms = len(axes), [], []
    letters = iter("abcdefghijklmnopqrstuvw")
    outer, inner, wide, taps = ([next(letters) for _ in range(n)] for _ in range(4))
    for i, (axis, block) in enumerate(zip(axes, blocks, strict=True)):
        band = selection(axis, block).reshape(block.steps, block.step, block.width, axis.taps)
        operands.append(jnp.asarray(band, kernel.dtype))
        terms.append(f"{outer[i]}{inner[i]}{wide[i]}{taps[i]}")
    order = "".join((*outer, *inner, "x", *wide, "y"))
    made = jnp.einsum(f"{','.join(terms)},{''.join(taps)}xy->{order}", *operands, kernel)
    return made.reshape(-1, math.prod(b.width for b in blocks) * kernel.shape[-1])


def selection(axis: Axis, block: Block) -> np.ndarray:
    """Which tap joins which input of the patch to which output of the block: ``(patch, width, taps)`` of 0 and 1."""
    patch, out, tap = np.ogrid[: block.steps * block.step, : block.width, : axis.taps]
    return (patch + block.first) * axis.stretch == out * axis.stride + tap * axis.dilation - axis.pad[0]


def block(axis: Axis, width: int) -> Block:
    """The blocks of ``width`` outputs of one axis; ``width * stride`` must be a multiple of ``stretch``."""
    step = width * axis.stride // axis.stretch
    first = -(axis.pad[0] // axis.stretch)
    last = ((width - 1) * axis.stride + (axis.taps - 1) * axis.dilation - axis.pad[0]) // axis.stretch
    return Block(-(-axis.out // width), step, first, max(-(-(last - first + 1) // step), 1), width)


@functools.lru_cache(maxsize=1024)
def choose(axes: tuple[Axis, ...], batch: int, into: int, filters: int) -> tuple[Block, ...]:
    """The blocks of least cost: the arithmetic of the product, and the floats copied to make it."""

    def options(axis: Axis) -> list[Block]:
        least = axis.stretch // math.gcd(axis.stride, axis.stretch)
        widths = [w * least for w in BLOCKS if w == 1 or (w - 1) * least < axis.out]
        return [block(axis, w) for w in widths]

    def cost(blocks: tuple[Block, ...]) -> float:
        rows = max(batch, 1) * math.prod(b.count for b in blocks)
        deep = math.prod(b.steps * b.step for b in blocks) * into
        wide = math.prod(b.width for b in blocks) * filters
        padded = -(-wide // 16) * 16
        return 2 * rows * deep * padded / FLOPS + (rows * deep + rows * wide / 2 + 4 * deep * wide) / COPIES

    return min(itertools.product(*map(options, axes)), key=cost)
